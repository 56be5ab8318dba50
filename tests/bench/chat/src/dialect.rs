//! What is said to each server: as little of its protocol as members and speakers need.
//!
//! Everybody takes the same steps: he says something and waits until it is answered. Members who have entered *follow*
//! once all of them are there, where a server has both.

mod irc;
mod mqtt;
mod nats;
mod ours;
mod resp;

pub(crate) use irc::Irc;
pub(crate) use mqtt::Mqtt;
pub(crate) use nats::Nats;
pub(crate) use ours::Ours;
pub(crate) use resp::Resp;

/// Somebody with a connection of his own.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Letters and digits, nine at the most.
    pub(crate) name: String,
    /// The room's name, letters and digits too.
    pub(crate) room: String,
    pub(crate) role: Role,
    /// What the server has told him to show it; nothing where there is no such thing.
    pub(crate) secret: Vec<u8>,
    /// Where the room was when he came in, if the server says so. He follows from where it was when the last came in.
    pub(crate) place: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Makes the room where it must be made, and speaks.
    Speaker,
    /// Hears.
    Member,
}

/// What has come of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Not all of it.
    Begun,
    Whole,
    /// It says no.
    Refused(String),
}

/// One server's protocol, as far as it is needed.
pub(crate) trait Dialect: Sync {
    /// What somebody says at a step from 0 on, and nothing behind his last.
    fn step(&self, person: &Person, step: usize) -> Option<Vec<u8>>;

    /// What `heard` since that step makes of it.
    fn answer(&self, person: &mut Person, step: usize, heard: &[u8]) -> Answer;

    /// The first step that a member takes when all others have entered.
    fn following(&self) -> usize;

    /// Appends what a speaker says to send his `number`th message.
    fn speak(&self, person: &Person, number: u32, text: &str, into: &mut Vec<u8>);

    /// What a member says each time that he has taken so many messages, the one with which he began to follow included;
    /// nothing where none is due.
    fn thanks(&self) -> Option<(u32, Vec<u8>)> {
        None
    }
}

/// Whether `heard` has these bytes somewhere.
fn has(heard: &[u8], wanted: &str) -> bool {
    memchr::memmem::find(heard, wanted.as_bytes()).is_some()
}

fn once(heard: &[u8], wanted: &str) -> Answer {
    if has(heard, wanted) { Answer::Whole } else { Answer::Begun }
}
