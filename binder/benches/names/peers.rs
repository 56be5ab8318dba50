//! Redis and rpcbind as they are asked: their bytes by hand, over blocking sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use super::Asked;
use super::process::{Folder, Process, free_port};

/// A running Redis that keeps nothing on disk by itself.
pub(crate) struct Redis {
    pub(crate) process: Process,
    pub(crate) address: String,
    pub(crate) folder: Folder,
}

/// Its renewals: a new time to live of a key.
pub(crate) struct Expiries(String);

/// A running rpcbind.
pub(crate) struct Portmap(#[expect(dead_code, reason = "killed when it is dropped")] Process);

/// A connection to Redis.
pub(crate) struct Talk(pub(crate) BufReader<TcpStream>);

impl Redis {
    pub(crate) fn start() -> Option<Redis> {
        let redis = Redis::start_in(Folder::new("redis"))?;
        Talk::to(&redis.address).ask(&["SET", "chat", "127.0.0.1:4000"]);
        Some(redis)
    }

    pub(crate) fn start_in(folder: Folder) -> Option<Redis> {
        let port = free_port().to_string();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("redis-server");
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(&folder.0);
        let process = Process::start(command, &address)?;
        Some(Redis { process, address, folder })
    }

    pub(crate) fn renewals(&self) -> Expiries {
        Expiries(self.address.clone())
    }

    /// 64 questions under way on one connection.
    pub(crate) fn pipeline(&self) -> Box<dyn FnMut() -> u64 + Send> {
        let mut talk = Talk::to(&self.address);
        let questions = command(&["GET", "chat"]).repeat(64);
        Box::new(move || {
            talk.0.get_mut().write_all(&questions).unwrap();
            (0..64).for_each(|_| drop(talk.answer()));
            64
        })
    }
}

impl Talk {
    pub(crate) fn to(address: &str) -> Talk {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        Talk(BufReader::new(socket))
    }

    /// The first line of the answer, with what belongs to it read too.
    pub(crate) fn ask(&mut self, words: &[&str]) -> String {
        self.0.get_mut().write_all(&command(words)).unwrap();
        self.answer()
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        if let Some(length) = line.strip_prefix('$') {
            let mut text = vec![0; length.trim_end().parse::<usize>().unwrap() + 2];
            self.0.read_exact(&mut text).unwrap();
        } else if let Some(parts) = line.strip_prefix('*') {
            (0..parts.trim_end().parse().unwrap()).for_each(|_: u32| drop(self.answer()));
        }
        line
    }
}

pub(crate) fn command(words: &[&str]) -> Vec<u8> {
    let word = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    format!("*{}\r\n{}", words.len(), words.iter().map(word).collect::<String>()).into_bytes()
}

impl Asked for Redis {
    fn question(&self) -> Box<dyn FnMut() + Send> {
        let mut talk = Talk::to(&self.address);
        Box::new(move || assert_eq!(talk.ask(&["GET", "chat"]), "$14\r\n"))
    }
}

impl Asked for Expiries {
    fn question(&self) -> Box<dyn FnMut() + Send> {
        let mut talk = Talk::to(&self.0);
        let key = format!("renewed/{:x}", fastrand::u128(..));
        talk.ask(&["SET", &key, "127.0.0.1:4000"]);
        Box::new(move || assert_eq!(talk.ask(&["PEXPIRE", &key, "300000"]), ":1\r\n"))
    }
}

impl Portmap {
    /// On its own port, for as long as it is measured. With `-h 127.0.0.1` Debian's ends at once.
    pub(crate) fn start() -> Option<Portmap> {
        let mut command = Command::new("rpcbind");
        command.arg("-f");
        Process::start(command, "127.0.0.1:111").map(Portmap)
    }
}

impl Asked for Portmap {
    fn question(&self) -> Box<dyn FnMut() + Send> {
        let mut socket = TcpStream::connect("127.0.0.1:111").unwrap();
        socket.set_nodelay(true).unwrap();
        // RFC 5531 and 1833: transaction, call, RPC version 2, program 100000 version 2, GETPORT, no credentials and no
        // verifier; then the program that is asked for, its version, TCP, and no port. Before it the record's length.
        let words: [u32; 14] = [1, 0, 2, 100_000, 2, 3, 0, 0, 0, 0, 100_000, 2, 6, 0];
        let mut call = (0x8000_0000_u32 | 56).to_be_bytes().to_vec();
        words.iter().for_each(|word| call.extend(word.to_be_bytes()));
        Box::new(move || {
            socket.write_all(&call).unwrap();
            // The record's length, six words of the reply, and the port.
            let mut reply = [0; 32];
            socket.read_exact(&mut reply).unwrap();
            assert_eq!(reply.last_chunk(), Some(&111_u32.to_be_bytes()));
        })
    }
}
