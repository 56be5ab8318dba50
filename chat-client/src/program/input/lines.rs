//! Lines of standard input, read in a way that another thread can end.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::Line;

/// Reads lines until the end of input, or until the stream it was made with is hung up.
pub(in super::super) struct LineReader {
    stdin: io::Stdin,
    hung_up: UnixStream,
    unread: Vec<u8>,
    /// How much of `unread` holds no line end.
    searched: usize,
    at_end: bool,
}

impl LineReader {
    /// A reader, and the stream whose drop ends it.
    pub(super) fn of_standard_input() -> io::Result<(LineReader, UnixStream)> {
        let (hung_up, hangup) = UnixStream::pair()?;
        let stdin = io::stdin();
        Ok((LineReader { stdin, hung_up, unread: Vec::new(), searched: 0, at_end: false }, hangup))
    }

    pub(super) fn next(&mut self) -> Line {
        loop {
            if let Some(line) = self.take_line() {
                return Line::Text(line);
            }
            if self.at_end || !self.wait() || !self.fill() {
                self.at_end = true;
                return match self.take_rest() {
                    Some(rest) => Line::Text(rest),
                    None => Line::End,
                };
            }
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let unsearched = self.unread.get(self.searched..)?;
        let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.unread.truncate(LONGEST_LINE);
            self.searched = self.unread.len();
            return None;
        };
        let end = self.searched.saturating_add(end);
        let after = self.unread.split_off(end.saturating_add(1));
        let line = std::mem::replace(&mut self.unread, after);
        self.searched = 0;
        Some(text(&line))
    }

    fn take_rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.unread);
        self.searched = 0;
        (!rest.is_empty()).then(|| text(&rest))
    }

    /// Waits until there is something to read; false when somebody hung up.
    fn wait(&self) -> bool {
        loop {
            let stdin = PollFd::new(&self.stdin, PollFlags::IN);
            let hung_up = PollFd::new(&self.hung_up, PollFlags::IN);
            let mut waiting = [hung_up, stdin];
            match poll(&mut waiting, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return false,
            }
            let [hung_up, _] = waiting;
            return hung_up.revents().is_empty();
        }
    }

    /// Reads what there is; false at the end of input, and when it cannot be read.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match rustix::io::read(self.stdin.as_fd(), &mut bytes) {
            Ok(count) => {
                self.unread.extend_from_slice(bytes.get(..count).unwrap_or_default());
                count > 0
            }
            Err(Errno::INTR | Errno::AGAIN) => true,
            Err(_) => false,
        }
    }
}

/// A line as text: without its end, and with a mark where it is not UTF-8.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// 1 MiB, far more than the longest message. What a line has beyond it is dropped: it is too long either way.
const LONGEST_LINE: usize = 1 << 20;
