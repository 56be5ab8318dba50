//! What the turn says to the threads that ask it.

use crate::frame::Inbound;

/// What the reading thread takes along while it waits for more.
#[derive(Debug)]
pub(in crate::server) struct Lull {
    /// The beginning of a frame, or nothing.
    pub(in crate::server) inbound: Inbound,
    /// No call was in flight, and no frame had begun.
    pub(in crate::server) idle: bool,
    pub(in crate::server) last_accepted: u64,
}

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Place {
    /// On the thread that reads its connection, which therefore does not read.
    Inline,
    /// On a thread of its own.
    Aside,
    /// Nowhere: it is answered or given up, and does not keep the reading.
    Gone,
}

/// What a thread finds when its call is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Finished {
    /// False if the call was cancelled, answered for it, or its connection closed.
    pub(in crate::server) may_answer: bool,
    /// False if another thread reads by now.
    pub(in crate::server) still_reads: bool,
    /// What it means to others, once the answer is queued.
    pub(in crate::server) news: News,
}

/// What a change of the turn means to who waits for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum News {
    Nothing,
    /// It is leaving, and everything is answered.
    Settled,
    /// It is closed, and nothing runs for it.
    Over,
}
