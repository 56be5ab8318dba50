//! Every limit of the chat, each with its reason.

use std::time::Duration;

/// Characters in a username: enough for a full name, short enough for a prompt.
pub const USERNAME_CHARS: usize = 32;

/// Characters in a room's name: a title, not a text.
pub const ROOM_NAME_CHARS: usize = 64;

/// Bytes of a typed name that are looked at; a longer one is refused unread, so that normalising costs nothing.
pub const TYPED_NAME_BYTES: usize = 1024;

/// Bytes of a room's password: a long sentence; more would only make the server hash more.
pub const PASSWORD_BYTES: usize = 128;

/// Characters that a room's password has at least: with the limit on wrong ones even four take days to guess.
pub const PASSWORD_SHORTEST: usize = 4;

/// Wrong passwords of one user for one room that are answered at once. After them one in [`TRY_AGAIN`].
pub const TRIES_OF_A_USER: u32 = 5;

/// How long a user waits for another try when he has had his.
pub const TRY_AGAIN: Duration = Duration::from_secs(10);

/// Wrong passwords for one room that are answered at once, whoever shows them: names cost nothing, so that the limit of a
/// user alone would hold nobody. After them one a second.
pub const TRIES_OF_A_ROOM: u32 = 50;

/// How long a room's next try takes when all are used up.
pub const ROOM_TRY_AGAIN: Duration = Duration::from_secs(1);

/// How long a closed room answers those who were in it: they fetch what they have not read.
pub const CLOSED_ROOM_KEPT: Duration = Duration::from_secs(60);

/// Entries that the log of rooms keeps.
pub const LOG_ENTRIES: usize = 10_000;

/// Bytes of texts that the log of rooms keeps: 4 MiB.
pub const LOG_BYTES: usize = 4 << 20;

/// Entries in one page of the log.
pub const LOG_PAGE: usize = 500;

/// Bytes of texts in one page of the log: 1 MiB.
pub const LOG_PAGE_BYTES: usize = 1 << 20;

/// Combining marks in a row within a name: real scripts need up to four, towers of them hide other lines.
pub const MARKS_IN_A_ROW: usize = 4;

/// Bytes in a message: a page of text. A longer one is refused, never cut.
pub const MESSAGE_BYTES: usize = 4096;

/// Public messages in the answer of a join, and messages in the answer of `room_history`: about a screen.
pub const RECENT_MESSAGES: usize = 50;

/// Messages a room keeps, public and private: at most 45 MB of the longest.
pub const HISTORY_MESSAGES: usize = 10_000;

/// Records a room keeps, messages and notices together: busy doors cost messages only when they are half of all.
pub const HISTORY_RECORDS: usize = 20_000;

/// Bytes of events in one answer: 2 MiB, a quarter of the largest frame. What is left over is a next answer's.
pub const ANSWER_BYTES: usize = 2 << 20;

/// Rooms of a server: their list, 64 letters of four bytes each, still fits one answer.
pub const ROOMS: usize = 10_000;

/// Users of a server: the list of a room that holds them all still fits one answer.
pub const USERS: usize = 20_000;

/// Rooms that one user may be in at the same time: his client holds a stream of each.
pub const ROOMS_OF_A_USER: usize = 256;

/// Rooms that one user may have made and that are still there: as many as he can be in, so that 40 users and not one
/// can fill a server.
pub const ROOMS_MADE_BY_A_USER: usize = 256;

/// Streams of one room's events that one user may have open: one more ends the oldest, which may be the stream of a
/// connection that is dead without anybody knowing.
pub const STREAMS_OF_A_MEMBER: usize = 4;

/// Bytes of past events that a stream begins with: 256 KiB, since each stream holds its own. Who has missed more gets it
/// in several streams, one behind the other.
pub const BEHIND_BYTES: usize = 256 << 10;

/// Events of a room that may be under way to one client before it takes some. It gives credit back for half of them at a
/// time, and each time a thread of the server wakes for it: with 64 that was half of what a busy room cost the server.
pub const EVENTS_UNDER_WAY: u32 = 1024;

/// Events of a room that are kept ready for streams that do not take them: a slow reader resumes from the history.
pub const READY_EVENTS: u64 = 16 << 10;

/// Their bytes: 1 MiB a room, shared by all its slow readers.
pub const READY_BYTES: u64 = 1 << 20;

/// Bytes that a server keeps in the histories of all rooms together, unless told otherwise: 512 MiB. Above it the rooms
/// that nobody has used for the longest time forget first.
pub const HISTORY_BYTES: usize = 512 << 20;

/// How long a message id is remembered: longer than any client tries again.
pub const MESSAGE_ID_MEMORY: Duration = Duration::from_secs(600);

/// Message ids a room remembers: 100 messages a second for the whole of [`MESSAGE_ID_MEMORY`], in 6 MB.
pub const MESSAGE_IDS: usize = 60_000;
