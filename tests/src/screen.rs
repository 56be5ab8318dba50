//! A program on a terminal: keys in, a screen out, read as a person would see it.

use std::io::Write;
use std::num::NonZero;
use std::process::Command;
use std::time::{Duration, Instant};

use expectrl::Session;
use expectrl::session::OsSession;

use crate::process::SOON;

/// A program that believes in its terminal of 24 rows and 80 columns.
pub struct Screen {
    session: OsSession,
    parser: vt100::Parser,
}

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

impl Screen {
    #[track_caller]
    pub fn start(mut command: Command) -> Screen {
        command.env("TERM", "xterm-256color");
        let mut session = Session::spawn(command).unwrap();
        session.get_process_mut().set_window_size(COLUMNS, ROWS).unwrap();
        let size = [ROWS, COLUMNS].map(|length| NonZero::new(length).unwrap());
        Screen { session, parser: vt100::Parser::new(size[0], size[1], 0) }
    }

    /// Presses keys; `\r` is Enter.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        self.session.write_all(keys.as_bytes()).and_then(|()| self.session.flush()).unwrap();
    }

    /// Sends a signal, such as `TERM`, to the program alone.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let process = self.session.get_process().pid().to_string();
        let status = Command::new("kill").arg(format!("-{signal}")).arg(process).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the screen's text passes, and gives it back: rows without their trailing blanks.
    #[track_caller]
    pub fn until(&mut self, what: &str, seen: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            self.read_what_is_there();
            let text = self.parser.screen().contents();
            if seen(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "{what} is not on the screen:\n{text}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits until this text stands on the screen.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// The screen in every detail.
    pub fn parser(&self) -> &vt100::Parser {
        &self.parser
    }

    /// Waits for the program's end; its exit code, if it was not killed.
    #[track_caller]
    pub fn end(&mut self) -> Option<i32> {
        use expectrl::process::unix::WaitStatus;
        let deadline = Instant::now() + SOON;
        loop {
            self.read_what_is_there();
            match self.session.get_process().status().unwrap() {
                WaitStatus::Exited(_, code) => return Some(code),
                WaitStatus::Signaled(..) => return None,
                _ => {}
            }
            assert!(Instant::now() < deadline, "it did not end:\n{}", self.parser.screen().contents());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn read_what_is_there(&mut self) {
        let mut bytes = [0; 4096];
        // Nothing there is an error of its own kind, and so is the end of the program.
        while let Ok(count @ 1..) = self.session.try_read(&mut bytes) {
            self.parser.process(&bytes[..count]);
        }
    }
}
