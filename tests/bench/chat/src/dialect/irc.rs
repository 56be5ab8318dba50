//! IRC, of ngircd and InspIRCd.

use super::{Answer, Dialect, Person, has, once};

pub(crate) struct Irc;

impl Dialect for Irc {
    fn step(&self, person: &Person, step: usize) -> Option<Vec<u8>> {
        let Person { name, room, .. } = person;
        match step {
            0 => Some(format!("NICK {name}\r\nUSER {name} 0 * :{name}\r\n").into_bytes()),
            1 => Some(format!("JOIN #{room}\r\n").into_bytes()),
            _ => None,
        }
    }

    fn answer(&self, _person: &mut Person, step: usize, heard: &[u8]) -> Answer {
        if has(heard, "\r\nERROR ") || heard.starts_with(b"ERROR ") {
            return Answer::Refused(String::from_utf8_lossy(heard).into_owned());
        }
        // The welcome ends with the message of the day or its absence, joining with the end of the names.
        match step {
            0 if has(heard, " 422 ") => Answer::Whole,
            0 => once(heard, " 376 "),
            _ => once(heard, " 366 "),
        }
    }

    fn following(&self) -> usize {
        2
    }

    fn speak(&self, person: &Person, _number: u32, text: &str, into: &mut Vec<u8>) {
        into.extend_from_slice(format!("PRIVMSG #{} :{text}\r\n", person.room).as_bytes());
    }
}
