//! The chat server's: frames of rpc-core, as its PROTOCOL.md has them.
//!
//! A member is what the chat's own client is to the server: registered, in the room, with a stream of its events and
//! that client's credit, of which he gives half back at a time. Messages are calls with the sender's session and an id each,
//! many under way, as a program's `Pending` calls are.

use super::{Answer, Dialect, Person, Role};

/// With the credit that a member's preface gives the stream of events.
pub(crate) struct Ours {
    pub(crate) credit: u32,
}

/// The message numbers of PROTOCOL.md.
const CALL: u8 = 0;
const REPLY: u8 = 1;
const CREDIT: u8 = 4;

/// The call that is the stream of events: the third of a member.
const EVENTS: u64 = 3;

/// Calls of a speaker before his first message: registering, making the room, joining.
const BEFORE_MESSAGES: u64 = 4;

/// Bytes of a token, an id.
const SECRET: usize = 16;

impl Dialect for Ours {
    fn step(&self, person: &Person, step: usize) -> Option<Vec<u8>> {
        let Person { name, room, secret, place, .. } = person;
        match (step, person.role) {
            (0, _) => {
                let register = call(1, "register_user", &[], &[text(name)].concat());
                Some([preface(self.credit), register].concat())
            }
            // Of two speakers in a room one makes it; the other's refusal is an answer too.
            (1, Role::Speaker) => Some(call(2, "create_room", &[("chat-session", secret)], &text(room))),
            (1, Role::Member) => Some(join(2, person)),
            (2, Role::Speaker) => Some(join(3, person)),
            (2, Role::Member) => {
                let arguments = [text(name), text(room), vec![1], place.clone()].concat();
                Some(call(EVENTS, "events", &[("chat-session", secret)], &arguments))
            }
            _ => None,
        }
    }

    fn answer(&self, person: &mut Person, step: usize, heard: &[u8]) -> Answer {
        // The server's preface stands before the first answer.
        let mut rest = heard.get(if step == 0 { PREFACE } else { 0 }..).unwrap_or_default();
        while let Some((frame, behind)) = frame(rest) {
            rest = behind;
            let [REPLY, _, outcome, payload @ ..] = frame else { continue };
            if *outcome != 0 && !(step == 1 && person.role == Role::Speaker) {
                return Answer::Refused(String::from_utf8_lossy(payload).into_owned());
            }
            match (step, person.role) {
                (0, _) => person.secret = payload.iter().copied().take(SECRET).collect(),
                (1, Role::Member) => person.place = mark(payload).unwrap_or_default().to_vec(),
                _ => {}
            }
            return Answer::Whole;
        }
        Answer::Begun
    }

    fn following(&self) -> usize {
        2
    }

    fn speak(&self, person: &Person, number: u32, said: &str, into: &mut Vec<u8>) {
        let id = [person.name.as_bytes(), &[0; SECRET]].concat();
        let mut id: Vec<u8> = id.into_iter().take(SECRET - 4).collect();
        id.extend(number.to_le_bytes());
        let arguments = [text(&person.name), text(&person.room), text(said), vec![0]].concat();
        let metadata: [(&str, &[u8]); 2] = [("chat-session", &person.secret), ("chat-message-id", &id)];
        into.extend(call(BEFORE_MESSAGES + u64::from(number), "send_message", &metadata, &arguments));
    }

    fn thanks(&self) -> Option<(u32, Vec<u8>)> {
        let half = (self.credit / 2).max(1);
        let message = [vec![CREDIT], varint(EVENTS), varint(u64::from(half))].concat();
        Some((half, framed(&message)))
    }
}

/// Bytes of a preface.
const PREFACE: usize = 24;

/// A client's: version 1, frames of 8 MiB.
fn preface(credit: u32) -> Vec<u8> {
    let head: &[u8] = &[0xf1, b'R', b'P', b'C', 24, 0, 1, 1];
    let numbers = [0u32, 8 << 20, 0, credit].map(u32::to_le_bytes).concat();
    [head, &numbers].concat()
}

fn join(id: u64, person: &Person) -> Vec<u8> {
    let arguments = [text(&person.name), text(&person.room)].concat();
    call(id, "join_room", &[("chat-session", &person.secret)], &arguments)
}

/// A call with half a minute to go; a stream of events has no such end.
fn call(id: u64, procedure: &str, metadata: &[(&str, &[u8])], arguments: &[u8]) -> Vec<u8> {
    let remaining = match procedure {
        "events" => vec![0],
        _ => [vec![1], varint(30_000)].concat(),
    };
    let mut message = [vec![CALL], varint(id), text(procedure), remaining, vec![0]].concat();
    message.extend(varint(length(metadata.len())));
    for (key, value) in metadata {
        message.extend([text(key), varint(length(value.len())), value.to_vec()].concat());
    }
    message.extend_from_slice(arguments);
    framed(&message)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [length.to_le_bytes().as_slice(), message].concat()
}

/// The first frame's message, if it is all there, and what is behind it.
fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

fn text(text: &str) -> Vec<u8> {
    [varint(length(text.len())), text.as_bytes().to_vec()].concat()
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The mark at the end of what joining answers: behind the room's name, its users', and no history.
fn mark(joined: &[u8]) -> Option<&[u8]> {
    let behind_name = |bytes| {
        let (length, rest) = number(bytes)?;
        rest.get(length..)
    };
    let (users, mut rest) = number(behind_name(joined)?)?;
    for _ in 0..users {
        rest = behind_name(rest)?;
    }
    rest.strip_prefix(&[0])
}

/// A varint below 65,536, and what is behind it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [251, low, high, rest @ ..] => Some((usize::from(u16::from_le_bytes([*low, *high])), rest)),
        [small @ 0..=250, rest @ ..] => Some((usize::from(*small), rest)),
        _ => None,
    }
}

fn varint(number: u64) -> Vec<u8> {
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(small @ 0..=250), ..) => vec![small],
        (_, Ok(number), _) => [vec![251], number.to_le_bytes().to_vec()].concat(),
        (.., Ok(number)) => [vec![252], number.to_le_bytes().to_vec()].concat(),
        _ => [vec![253], number.to_le_bytes().to_vec()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of PROTOCOL.md's exchange.
    #[test]
    fn a_call_has_the_bytes_of_the_protocol() {
        let echo = call(1, "echo", &[("who", b"ana")], &text("olá"));
        let expected = b"\x1a\0\0\0\0\x01\x04echo\x01\xfb\x30\x75\0\x01\x03who\x03ana\x04ol\xc3\xa1";
        assert_eq!(echo, expected);
    }

    #[test]
    fn the_mark_is_behind_all_the_names() {
        let users: Vec<u8> = (0..300).flat_map(|number| text(&format!("m{number}"))).collect();
        let joined = [text("hall"), varint(300), users, vec![0, 253, 1, 2, 3, 4, 5, 6, 7, 8, 9]].concat();
        assert_eq!(mark(&joined), Some([253, 1, 2, 3, 4, 5, 6, 7, 8, 9].as_slice()));
        assert_eq!(mark(&joined[..joined.len() / 2]), None);
    }

    #[test]
    fn the_preface_is_that_of_a_client() {
        let expected = b"\xf1RPC\x18\0\x01\x01\0\0\0\0\0\0\x80\0\0\0\0\0\x40\0\0\0";
        assert_eq!(preface(64), expected);
    }
}
