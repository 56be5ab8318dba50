//! One turn of reading: what a socket gives, cut into answers.

use super::calls::Answer;
use super::silence::Silence;
use crate::frame::{Body, Frame, Inbound};
use crate::status::Status;
use crate::wire::{self, Message, Preface, ReplyOutcome};

/// What a reader keeps from turn to turn; whoever holds it reads.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) inbound: Inbound,
    pub(super) silence: Silence,
    frame: Frame,
    greeted: bool,
}

/// Something the server said.
#[derive(Debug)]
pub(crate) enum Heard {
    Preface(Preface),
    Answer(u64, Answer),
    Items(u64, u32, Body),
    End(u64, Result<(), Status>),
    Credit(u64, u32),
    /// No more items of this call are wanted.
    Enough(u64),
    /// A pong, or a ping that asks whether we are there: being read is the answer.
    Nothing,
    Goodbye {
        last_accepted: u64,
        status: Status,
    },
}

impl Reader {
    /// The next thing said, out of what has arrived; `None` when more must be read.
    pub(crate) fn next(&mut self, limit: u32) -> Result<Option<Heard>, String> {
        if self.greeted { self.next_message(limit) } else { self.next_preface() }
    }

    /// Whether the server's preface has come.
    pub(crate) fn has_greeted(&self) -> bool {
        self.greeted
    }

    /// How the server has ended its side.
    pub(crate) fn end(&self) -> &'static str {
        if self.inbound.is_empty() {
            "it was closed by the server"
        } else {
            "it was closed by the server half-way"
        }
    }

    fn next_preface(&mut self) -> Result<Option<Heard>, String> {
        let decoded = Preface::decode(self.inbound.arrived()).map_err(|error| error.to_string())?;
        let Some((preface, length)) = decoded else { return Ok(None) };
        self.inbound.consume(length);
        self.greeted = true;
        Ok(Some(Heard::Preface(preface)))
    }

    fn next_message(&mut self, limit: u32) -> Result<Option<Heard>, String> {
        if !self.inbound.next(limit, &mut self.frame).map_err(|error| error.to_string())? {
            return Ok(None);
        }
        let content = self.frame.content();
        let (message, payload) =
            wire::decode(content).map_err(|error| format!("a message does not decode: {error}"))?;
        let start = content.len() - payload.len();
        let heard = match message {
            Message::Reply { id, outcome: ReplyOutcome::Status(refusal) } => {
                Heard::Answer(id, Answer::Status(refusal.status()))
            }
            Message::Reply { id, outcome: ReplyOutcome::Returned } => {
                Heard::Answer(id, Answer::Returned(self.frame.body(start)))
            }
            Message::Reply { id, outcome: ReplyOutcome::Failed } => {
                Heard::Answer(id, Answer::Failed(self.frame.body(start)))
            }
            Message::Pong { .. } | Message::Ping { .. } => Heard::Nothing,
            Message::Goodbye { last_accepted, refusal } => {
                Heard::Goodbye { last_accepted, status: refusal.status() }
            }
            Message::Items { id, count } => Heard::Items(id, count, self.frame.body(start)),
            Message::End { id, refusal } => {
                Heard::End(id, refusal.map_or(Ok(()), |refusal| Err(refusal.status())))
            }
            Message::Credit { id, items } => Heard::Credit(id, items),
            Message::Cancel { id } => Heard::Enough(id),
            Message::Call(_) => return Err("a message came that a server does not send".to_owned()),
        };
        Ok(Some(heard))
    }
}
