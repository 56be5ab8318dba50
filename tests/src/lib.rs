//! The programs as a user runs them, for tests: started as processes, read line by line, never waited for without an end.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod chatter;
mod examples;
mod process;
mod programs;
mod proxy;
mod screen;
mod transcript;

pub use chatter::{Chatter, Event};
pub use examples::{Example, examples};
pub use process::{Process, SOON};
pub use programs::{BinderProgram, ServerProgram, command, free_port};
pub use proxy::Proxy;
pub use screen::Screen;
pub use transcript::{Ended, Transcript};
