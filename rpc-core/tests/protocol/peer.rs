//! The other end of a connection, which knows bytes and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::document::{Block, Side, conversation, hex};

pub(crate) struct Peer(TcpStream);

/// No test waits longer for one thing. It is less than the 5 s after which a silent connection ends anyway.
const SOON: Duration = Duration::from_secs(4);

impl Peer {
    pub(crate) fn connect(server: SocketAddr) -> Peer {
        Peer::new(TcpStream::connect(server).unwrap())
    }

    pub(crate) fn accept(listener: &TcpListener) -> Peer {
        Peer::new(listener.accept().unwrap().0)
    }

    fn new(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(SOON)).unwrap();
        Peer(stream)
    }

    /// A client that has exchanged prefaces with `server`.
    pub(crate) fn greeted(server: SocketAddr) -> Peer {
        let mut peer = Peer::connect(server);
        peer.play(Side::Client, &conversation("exchange")[..2]);
        peer
    }

    /// Says what the blocks give to `side`, and expects of the other side what they give to it.
    #[track_caller]
    pub(crate) fn play(&mut self, side: Side, blocks: &[Block]) {
        for block in blocks {
            if block.side == side {
                self.say(&block.bytes());
            } else {
                block.check(&self.hear(block.bytes().len()));
            }
        }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    #[track_caller]
    pub(crate) fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The content of the next frame.
    #[track_caller]
    pub(crate) fn hear_frame(&mut self) -> Vec<u8> {
        let length = u32::from_le_bytes(self.hear(4).try_into().unwrap());
        self.hear(usize::try_from(length).unwrap())
    }

    /// Expects that nothing more comes after `cause`. A reset is an end too: it says that our bytes were not read.
    #[track_caller]
    pub(crate) fn hear_end(&mut self, cause: &str) {
        let mut rest = Vec::new();
        let ended = match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(ended, "still open after {cause}");
        assert_eq!(hex(&rest), "", "came after {cause}");
    }
}

/// A listener on a free port whose `accept` does not wait for ever.
pub(crate) fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    set_socket_timeout(&listener, Timeout::Recv, Some(SOON)).unwrap();
    listener
}
