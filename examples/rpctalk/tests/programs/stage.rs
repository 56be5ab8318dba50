//! The three programs, each started as a user would.

use std::process::Command;

use system_tests::{Ended, Transcript};

/// A running room.
pub(crate) struct Stage {
    pub(crate) room: Transcript,
    pub(crate) port: u16,
}

pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

pub(crate) const SALA: &str = env!("CARGO_BIN_EXE_sala");
pub(crate) const ENVIA: &str = env!("CARGO_BIN_EXE_envia");
pub(crate) const EXIBE: &str = env!("CARGO_BIN_EXE_exibe");

impl Stage {
    #[track_caller]
    pub(crate) fn open() -> Stage {
        let (room, port) = Transcript::serve("", |port| command(SALA, &[&port.to_string()]));
        Stage { room, port }
    }

    /// A sender whose lines are typed by the test.
    #[track_caller]
    pub(crate) fn sender(&self, id: &str) -> Transcript {
        Transcript::start(&mut command(ENVIA, &[id, "localhost", &self.port.to_string()]))
    }

    /// A sender that has these lines and no more, until its end.
    #[track_caller]
    pub(crate) fn send(&self, id: &str, lines: &str) -> Ended {
        Transcript::start_with(&mut command(ENVIA, &[id, "localhost", &self.port.to_string()]), lines).ended()
    }

    /// A display that listens; it may not have registered yet.
    #[track_caller]
    pub(crate) fn display(&self, id: &str) -> Transcript {
        self.display_at(id).0
    }

    #[track_caller]
    pub(crate) fn display_at(&self, id: &str) -> (Transcript, u16) {
        let room = self.port.to_string();
        Transcript::serve("", |port| command(EXIBE, &[id, &port.to_string(), "localhost", &room]))
    }

    /// The room ends by itself, having said nothing.
    #[track_caller]
    pub(crate) fn ends_in_silence(self) {
        self.room.ends_with("");
    }
}

/// The end of a sender that printed this and nothing else.
#[track_caller]
pub(crate) fn printed(ended: &Ended, stdout: &str) {
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), stdout, ""));
}
