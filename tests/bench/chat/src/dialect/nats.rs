//! NATS, core: no acknowledgements, no storage.

use super::{Answer, Dialect, Person, Role, has, once};

pub(crate) struct Nats;

impl Dialect for Nats {
    fn step(&self, person: &Person, step: usize) -> Option<Vec<u8>> {
        const CONNECT: &str = r#"CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1"}"#;
        match (step, person.role) {
            (0, _) => Some(format!("{CONNECT}\r\nPING\r\n").into_bytes()),
            (1, Role::Member) => Some(format!("SUB {} 1\r\nPING\r\n", person.room).into_bytes()),
            _ => None,
        }
    }

    fn answer(&self, _person: &mut Person, _step: usize, heard: &[u8]) -> Answer {
        if has(heard, "-ERR") {
            return Answer::Refused(String::from_utf8_lossy(heard).into_owned());
        }
        once(heard, "PONG\r\n")
    }

    fn following(&self) -> usize {
        2
    }

    fn speak(&self, person: &Person, _number: u32, text: &str, into: &mut Vec<u8>) {
        into.extend_from_slice(format!("PUB {} {}\r\n{text}\r\n", person.room, text.len()).as_bytes());
    }
}
