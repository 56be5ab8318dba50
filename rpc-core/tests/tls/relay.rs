//! A relay between a client and a server that spoils what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use rpc_core::threads::{self, Thread};

use crate::lab::{HOST, SOON};

/// What happens to the bytes of the server's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Each leaves alone, those of the client's too.
    Trickle,
    /// Behind so many the connection ends in order, for all that TCP says.
    CutAfter(usize),
    /// Behind so many one is changed.
    ChangeAfter(usize),
    /// Behind so many, at the end of a piece, this comes in.
    Insert(usize, &'static [u8]),
}

/// Takes one connection; ends with it.
pub(crate) struct Relay {
    address: SocketAddr,
    _thread: Thread,
}

impl Relay {
    pub(crate) fn before(server: SocketAddr, fault: Fault) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let relay = move || {
            let near = patient(listener.accept().unwrap().0);
            let far = patient(TcpStream::connect(server).unwrap());
            let (client, upstream) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let there =
                threads::spawn("relay-up", move || pass(&client, &upstream, &mut calm(fault))).unwrap();
            pass(&far, &near, &mut spoiling(fault));
            there.join();
        };
        Relay { address, _thread: threads::spawn("relay", relay).unwrap() }
    }

    pub(crate) fn address(&self) -> String {
        format!("{HOST}:{}", self.address.port())
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// Hands on pieces until one side has enough.
fn pass(
    from: &TcpStream,
    to: &TcpStream,
    hand_on: &mut dyn FnMut(&[u8], &TcpStream) -> std::io::Result<bool>,
) {
    let (mut from, mut piece) = (from, [0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if !matches!(hand_on(&piece[..count], to), Ok(true)) {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

type HandOn = Box<dyn FnMut(&[u8], &TcpStream) -> std::io::Result<bool>>;

fn calm(fault: Fault) -> HandOn {
    match fault {
        Fault::Trickle => Box::new(trickle),
        _ => Box::new(|piece, mut to| to.write_all(piece).map(|()| true)),
    }
}

fn spoiling(fault: Fault) -> HandOn {
    let mut passed = 0;
    Box::new(move |piece, mut to| {
        let before = passed;
        passed += piece.len();
        match fault {
            Fault::Trickle => trickle(piece, to),
            Fault::CutAfter(bytes) if passed > bytes => {
                to.write_all(&piece[..bytes - before]).map(|()| false)
            }
            Fault::ChangeAfter(bytes) if before <= bytes && passed > bytes => {
                let mut changed = piece.to_vec();
                changed[bytes - before] ^= 1;
                to.write_all(&changed).map(|()| true)
            }
            Fault::Insert(bytes, more) if before < bytes && passed >= bytes => {
                to.write_all(&[piece, more].concat()).map(|()| true)
            }
            _ => to.write_all(piece).map(|()| true),
        }
    })
}

fn trickle(piece: &[u8], mut to: &TcpStream) -> std::io::Result<bool> {
    piece.chunks(1).try_for_each(|byte| to.write_all(byte)).map(|()| true)
}
