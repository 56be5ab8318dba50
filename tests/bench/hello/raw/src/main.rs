//! A greeting over bare sockets: a line in, a line out, a thread a connection.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::Builder;

fn main() -> io::Result<()> {
    for socket in TcpListener::bind("127.0.0.1:5000")?.incoming() {
        let socket = socket?;
        Builder::new().name("connection".into()).spawn(move || greet(socket))?;
    }
    Ok(())
}

fn greet(mut socket: TcpStream) -> io::Result<()> {
    for name in BufReader::new(socket.try_clone()?).lines() {
        writeln!(socket, "hello {}", name?)?;
    }
    Ok(())
}
