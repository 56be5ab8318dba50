//! RESP, of Redis: publish and subscribe.

use super::{Answer, Dialect, Person, Role, has, once};

pub(crate) struct Resp;

impl Dialect for Resp {
    fn step(&self, person: &Person, step: usize) -> Option<Vec<u8>> {
        match (step, person.role) {
            (0, Role::Speaker) => Some(b"PING\r\n".to_vec()),
            (0, Role::Member) => Some(format!("SUBSCRIBE {}\r\n", person.room).into_bytes()),
            _ => None,
        }
    }

    fn answer(&self, person: &mut Person, _step: usize, heard: &[u8]) -> Answer {
        if has(heard, "-ERR") {
            return Answer::Refused(String::from_utf8_lossy(heard).into_owned());
        }
        once(heard, if person.role == Role::Speaker { "+PONG\r\n" } else { ":1\r\n" })
    }

    fn following(&self) -> usize {
        1
    }

    fn speak(&self, person: &Person, _number: u32, text: &str, into: &mut Vec<u8>) {
        let (room, length) = (&person.room, text.len());
        let said = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{room}\r\n${length}\r\n{text}\r\n", room.len());
        into.extend_from_slice(said.as_bytes());
    }
}
