//! A raw socket that speaks, or mis-speaks, the protocol of PROTOCOL.md by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use super::lab::SOON;

pub(crate) const PREFACE: [u8; 24] = *b"\xf1RPC\x18\0\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\0\0\0\0";

pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    /// A connection that has said nothing.
    pub(crate) fn silent(address: SocketAddr) -> Peer {
        Peer::over(TcpStream::connect(address).unwrap())
    }

    /// A connection on which both sides have said their prefaces.
    pub(crate) fn greeted(address: SocketAddr) -> Peer {
        let mut peer = Peer::silent(address);
        peer.say(&PREFACE);
        assert!(peer.hear_preface());
        peer
    }

    /// The next client of a server that a test plays itself.
    pub(crate) fn accept(listener: &TcpListener) -> Peer {
        Peer::over(listener.accept().unwrap().0)
    }

    fn over(stream: TcpStream) -> Peer {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        Peer(stream)
    }

    #[track_caller]
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn hear_preface(&mut self) -> bool {
        let mut preface = [0; 24];
        self.0.read_exact(&mut preface).is_ok() && preface.starts_with(b"\xf1RPC")
    }

    /// The content of the next frame; `None` when the other side has ended.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        if !self.filled(&mut length) {
            return None;
        }
        let mut content = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap()];
        self.filled(&mut content).then_some(content)
    }

    #[track_caller]
    fn filled(&mut self, into: &mut [u8]) -> bool {
        match self.0.read_exact(into) {
            Ok(()) => true,
            Err(error) => {
                assert!(!is_timeout(error.kind()), "nothing came in time");
                false
            }
        }
    }

    /// What still comes until the other side has ended, by closing or by a reset.
    #[track_caller]
    pub(crate) fn hear_end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut rest) {
            assert!(!is_timeout(error.kind()), "the connection was not ended");
        }
        rest
    }

    /// A reset, as of a process that was killed with unread bytes.
    pub(crate) fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.0, Some(std::time::Duration::ZERO)).unwrap();
    }

    pub(crate) fn end_sending(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub(crate) fn framed(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_le_bytes()[..], content].concat()
}

/// A call with 30 s left and no metadata.
pub(crate) fn call(id: u8, procedure: &str, arguments: &[u8]) -> Vec<u8> {
    let name = [&[u8::try_from(procedure.len()).unwrap()], procedure.as_bytes()].concat();
    framed(&[&[0, id], &name[..], &[1, 0xfb, 0x30, 0x75, 0, 0], arguments].concat())
}

/// A call of `echo` with `x`.
pub(crate) fn echo(id: u8) -> Vec<u8> {
    call(id, "echo", b"\x01x")
}

/// What answers [`echo`].
pub(crate) fn echoed(id: u8) -> Vec<u8> {
    vec![1, id, 0, 1, b'x']
}
