//! A wire that a test can cut: forwards connections to one address until told to drop them all.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rpc_core::threads::{self, Thread};

/// Listens on a port of its own and forwards to a target that is named later.
pub struct Proxy {
    pub address: SocketAddr,
    wires: Arc<Mutex<Wires>>,
    accepting: Option<Thread>,
}

#[derive(Default)]
struct Wires {
    target: Option<SocketAddr>,
    open: Vec<TcpStream>,
    closed: bool,
}

impl Proxy {
    pub fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wires = Arc::<Mutex<Wires>>::default();
        let shared = wires.clone();
        let accepting = threads::spawn("proxy", move || accept(&listener, &shared)).unwrap();
        Proxy { address, wires, accepting: Some(accepting) }
    }

    pub fn forward_to(&self, target: SocketAddr) {
        self.wires.lock().unwrap().target = Some(target);
    }

    /// Cuts every connection that is open now; new ones are forwarded again.
    pub fn cut(&self) {
        for stream in self.wires.lock().unwrap().open.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wires.lock().unwrap().closed = true;
        self.cut();
        TcpStream::connect(self.address).ok();
        self.cut();
        drop(self.accepting.take());
    }
}

fn accept(listener: &TcpListener, wires: &Mutex<Wires>) {
    let mut pumps = Vec::new();
    for client in listener.incoming() {
        let client = client.unwrap();
        let mut wires = wires.lock().unwrap();
        if wires.closed {
            return;
        }
        let Some(Ok(server)) = wires.target.map(TcpStream::connect) else { continue };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            pumps.push(threads::spawn("wire", move || pump(&mut from, &mut to)).unwrap());
        }
        wires.open.extend([client, server]);
    }
}

fn pump(from: &mut TcpStream, to: &mut TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
