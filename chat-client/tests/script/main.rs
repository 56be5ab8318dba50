//! The program as a script, as its users run it: lines in, lines out, an exit code.
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows functions marked #[test] only; everything here is a test"
)]

mod rig;
#[expect(clippy::indexing_slicing, reason = "a test")]
#[expect(dead_code, reason = "the tests of the session make it fail in more ways")]
#[path = "../../src/session/tests/small_chat.rs"]
mod small_chat;

mod command_line;
mod conversation;
mod ends;
