//! One end of a connection that knows the bytes of PROTOCOL.md and nothing else: a scripted client or server.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rpc_core::Code;
use system_tests::SOON;

use crate::lab::arrives;
use crate::message::{Call, Status, frame, preface, text, varint};

/// A socket under a peer.
pub(crate) trait Wire: Read + Write + AsFd + Send {
    fn be_patient(&self);
    /// Whether something was received that has not been read.
    fn holds_something(&mut self) -> bool {
        false
    }
    fn shut_down(&mut self, how: Shutdown);
}

impl Wire for TcpStream {
    fn be_patient(&self) {
        self.set_nodelay(true).unwrap();
        self.set_read_timeout(Some(SOON)).unwrap();
        self.set_write_timeout(Some(SOON)).unwrap();
    }

    fn shut_down(&mut self, how: Shutdown) {
        self.shutdown(how).ok();
    }
}

impl Wire for UnixStream {
    fn be_patient(&self) {
        self.set_read_timeout(Some(SOON)).unwrap();
        self.set_write_timeout(Some(SOON)).unwrap();
    }

    fn shut_down(&mut self, how: Shutdown) {
        self.shutdown(how).ok();
    }
}

pub(crate) struct Peer {
    wire: Box<dyn Wire>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A server may ping it whenever it wants to know whether somebody is there; that is passed over.
    Client,
    Server,
}

/// What a scripted server runs at the same time, and a client's largest frame, unless a case says otherwise.
const CALLS: u32 = 1024;
pub(crate) const FRAME: u32 = 8 << 20;

impl Peer {
    pub(crate) fn over(wire: impl Wire + 'static) -> Peer {
        wire.be_patient();
        Peer { wire: Box::new(wire), role: Role::Server }
    }

    /// The prefaces, said by a client.
    pub(crate) fn greet_server(&mut self) {
        self.role = Role::Client;
        self.say(&preface(FRAME, 0));
        self.hear_preface();
    }

    /// The prefaces, said by a server.
    pub(crate) fn greet_client(&mut self) {
        self.greet_client_with(FRAME, CALLS);
    }

    /// As `greet_client`, by a server with these limits.
    pub(crate) fn greet_client_with(&mut self, frame: u32, calls: u32) {
        self.hear_preface();
        self.say(&preface(frame, calls));
    }

    #[track_caller]
    pub(crate) fn hear_preface(&mut self) {
        let preface = self.hear(24);
        assert!(preface.starts_with(b"\xf1RPC\x18\0"), "{preface:?}");
    }

    #[track_caller]
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.wire.write_all(bytes).unwrap();
    }

    #[track_caller]
    pub(crate) fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.wire.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The content of the next frame.
    #[track_caller]
    pub(crate) fn hear_frame(&mut self) -> Vec<u8> {
        loop {
            let length = u32::from_le_bytes(self.hear(4).try_into().unwrap());
            let content = self.hear(usize::try_from(length).unwrap());
            if self.role == Role::Server || content[0] != 6 {
                return content;
            }
        }
    }

    /// The next call; what belongs to streams before it is passed over.
    #[track_caller]
    pub(crate) fn hear_call(&mut self) -> Call {
        loop {
            let content = self.hear_frame();
            match content[0] {
                0 => return Call::decode(&content),
                2..=5 => {}
                other => panic!("message {other} instead of a call"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn hear_is(&mut self, content: &[u8]) {
        assert_eq!(self.hear_frame(), content);
    }

    /// Whether something more has come, or comes in the next few milliseconds.
    pub(crate) fn has_more(&mut self) -> bool {
        self.wire.holds_something() || arrives(&self.wire)
    }

    pub(crate) fn call(&mut self, id: u64, procedure: &str, payload: &[u8]) {
        self.say(&frame(&[&[0], &varint(id), &text(procedure), &[0, 0, 0], payload]));
    }

    pub(crate) fn reply(&mut self, id: u64, payload: &[u8]) {
        self.say(&frame(&[&[1], &varint(id), &[0], payload]));
    }

    pub(crate) fn refuse(&mut self, id: u64, status: &Status<'_>) {
        self.say(&frame(&[&[1], &varint(id), &[2], &status.encode()]));
    }

    /// As `refuse`, with details.
    pub(crate) fn refuse_with(&mut self, id: u64, status: &Status<'_>, details: &[u8]) {
        self.say(&frame(&[&[1], &varint(id), &[2], &status.encode_with(details)]));
    }

    pub(crate) fn items(&mut self, id: u64, count: u64, payload: &[u8]) {
        self.say(&frame(&[&[2], &varint(id), &varint(count), payload]));
    }

    /// The regular end of a stream.
    pub(crate) fn end_items(&mut self, id: u64) {
        self.say(&frame(&[&[3], &varint(id), &[0]]));
    }

    pub(crate) fn fail_items(&mut self, id: u64, status: &Status<'_>) {
        self.say(&frame(&[&[3], &varint(id), &[1], &status.encode()]));
    }

    pub(crate) fn credit(&mut self, id: u64, items: u64) {
        self.say(&frame(&[&[4], &varint(id), &varint(items)]));
    }

    pub(crate) fn cancel(&mut self, id: u64) {
        self.say(&frame(&[&[5], &varint(id)]));
    }

    pub(crate) fn ping(&mut self, nonce: u64) {
        self.say(&frame(&[&[6], &varint(nonce)]));
    }

    pub(crate) fn goodbye(&mut self, last_accepted: u64) {
        let status = Status { code: Code::Unavailable, may_have_run: false, message: "leaving" };
        self.say(&frame(&[&[8], &varint(last_accepted), &status.encode()]));
    }

    pub(crate) fn shut_down(&mut self, how: Shutdown) {
        self.wire.shut_down(how);
    }

    /// Expects that nothing more comes, pings of a server aside.
    #[track_caller]
    pub(crate) fn hear_end(mut self) {
        let mut rest = &self.hear_out()[..];
        while let ([2, 0, 0, 0, 6, _, behind @ ..], Role::Client) = (rest, self.role) {
            rest = behind;
        }
        assert!(rest.is_empty(), "{rest:?} came before the end");
    }

    /// What comes until the other side ends. A reset is an end too: it says that our bytes were not read.
    #[track_caller]
    pub(crate) fn hear_out(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.wire.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("still open: {error}"),
        }
    }
}
