//! MQTT 3.1.1, of Mosquitto, at quality of service 0.

use super::{Answer, Dialect, Person, Role};

pub(crate) struct Mqtt;

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;

impl Dialect for Mqtt {
    fn step(&self, person: &Person, step: usize) -> Option<Vec<u8>> {
        match (step, person.role) {
            (0, _) => {
                // Protocol level 4, a clean session, no keepalive.
                let head = [0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];
                Some(packet(CONNECT, &[&head, text(&person.name).as_slice()]))
            }
            (1, Role::Member) => Some(packet(SUBSCRIBE, &[&[0, 1], text(&person.room).as_slice(), &[0]])),
            _ => None,
        }
    }

    fn answer(&self, _person: &mut Person, step: usize, heard: &[u8]) -> Answer {
        let (kind, length) = if step == 0 { (CONNACK, 4) } else { (SUBACK, 5) };
        match heard {
            [first, ..] if *first != kind => Answer::Refused(format!("{heard:02x?}")),
            _ if heard.len() < length => Answer::Begun,
            _ if heard.get(length - 1) == Some(&0) => Answer::Whole,
            _ => Answer::Refused(format!("{heard:02x?}")),
        }
    }

    fn following(&self) -> usize {
        2
    }

    fn speak(&self, person: &Person, _number: u32, said: &str, into: &mut Vec<u8>) {
        into.extend(packet(PUBLISH, &[text(&person.room).as_slice(), said.as_bytes()]));
    }
}

/// A packet of fewer than 16,384 bytes.
fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let low = u8::try_from(body.len() % 128).unwrap_or_default();
    let high = u8::try_from(body.len() / 128).unwrap_or(u8::MAX);
    let length: &[u8] = if high == 0 { &[low] } else { &[low | 0x80, high] };
    [&[kind], length, body.as_slice()].concat()
}

/// A text of fewer than 256 bytes.
fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    [&[0, length], text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_from_128_on_take_two_bytes() {
        assert_eq!(packet(PUBLISH, &[&[7; 127]])[..2], [PUBLISH, 127]);
        assert_eq!(packet(PUBLISH, &[&[7; 128]])[..3], [PUBLISH, 0x80, 1]);
        assert_eq!(packet(PUBLISH, &[&[7; 300]])[..3], [PUBLISH, 0xac, 2]);
    }
}
