//! Lines of standard input, read in a way that another thread can end.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// The lines of an input, without their ends (`\n` or `\r\n`), until the input ends or its [`HangUp`] is dropped. The
/// last line need not have an end.
///
/// What is not UTF-8 in a line is replaced by U+FFFD, and what a line has beyond [`LONGEST`] bytes is dropped.
#[derive(Debug)]
pub struct Lines<F = io::Stdin> {
    input: F,
    hung_up: UnixStream,
    unread: Vec<u8>,
    /// How much of `unread` holds no line end.
    searched: usize,
    at_end: bool,
    cut: bool,
}

/// Dropping it ends its [`Lines`], also while a thread waits for one.
#[derive(Debug)]
pub struct HangUp {
    _other_end: UnixStream,
}

/// The longest line: 1 MiB. No program of ours takes one as long, so that a cut line is refused there.
pub const LONGEST: usize = 1 << 20;

impl Lines {
    /// The lines of standard input, which nothing else should read.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn of_standard_input() -> io::Result<(Lines, HangUp)> {
        Lines::of(io::stdin())
    }
}

impl<F: AsFd> Lines<F> {
    /// The lines of any input that can be polled.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn of(input: F) -> io::Result<(Lines<F>, HangUp)> {
        let (hung_up, other_end) = UnixStream::pair()?;
        let lines = Lines { input, hung_up, unread: Vec::new(), searched: 0, at_end: false, cut: false };
        Ok((lines, HangUp { _other_end: other_end }))
    }

    /// Whether it was the [`HangUp`] that ended them, and not their input. What had no line end by then is no line.
    pub fn were_hung_up(&self) -> bool {
        self.cut
    }

    fn take_line(&mut self) -> Option<String> {
        let unsearched = self.unread.get(self.searched..)?;
        let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.unread.truncate(LONGEST);
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
            let input = PollFd::new(&self.input, PollFlags::IN);
            let hung_up = PollFd::new(&self.hung_up, PollFlags::IN);
            let mut waiting = [hung_up, input];
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
        match rustix::io::read(self.input.as_fd(), &mut bytes) {
            Ok(count) => {
                self.unread.extend_from_slice(bytes.get(..count).unwrap_or_default());
                count > 0
            }
            Err(Errno::INTR | Errno::AGAIN) => true,
            Err(_) => false,
        }
    }
}

impl<F: AsFd> Iterator for Lines<F> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            if !self.at_end && !self.wait() {
                (self.at_end, self.cut) = (true, true);
                self.unread.clear();
            }
            if self.at_end || !self.fill() {
                self.at_end = true;
                return self.take_rest();
            }
        }
    }
}

/// A line as text: without its end, and with a mark where it is not UTF-8.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::Shutdown;

    use super::*;

    #[track_caller]
    fn check(typed: &[u8], expected: &[&str]) {
        let (mut keyboard, input) = UnixStream::pair().unwrap();
        let (lines, _hangup) = Lines::of(input).unwrap();
        keyboard.write_all(typed).unwrap();
        keyboard.shutdown(Shutdown::Write).unwrap();
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_line_loses_exactly_its_end_and_the_last_one_needs_none() {
        check(b"", &[]);
        check(b"a\nb", &["a", "b"]);
        check(b" a \r\n\n\tb\r\n", &[" a ", "", "\tb"]);
        check(b"a\rb\r\r\nc\r", &["a\rb\r", "c"]);
        check("olá 🦀\n".as_bytes(), &["olá 🦀"]);
        check(b"caf\xe9\n", &["caf\u{fffd}"]);
    }

    #[test]
    fn a_line_is_cut_at_the_longest() {
        let (mut keyboard, input) = UnixStream::pair().unwrap();
        let (mut lines, _hangup) = Lines::of(input).unwrap();
        let typing = rpc_core::threads::spawn("typing", move || {
            keyboard.write_all(&vec![b'x'; 3 * LONGEST]).unwrap();
            keyboard.write_all(b"\nnext\n").unwrap();
        });
        let first = lines.next().unwrap();
        assert!((LONGEST..LONGEST + (17 << 10)).contains(&first.len()), "{}", first.len());
        assert_eq!(lines.next().as_deref(), Some("next"));
        drop(typing);
    }

    /// The story: a signal that came in the middle of a line had half of it carried out.
    #[test]
    fn what_has_no_end_when_somebody_hangs_up_is_no_line() {
        let (mut keyboard, input) = UnixStream::pair().unwrap();
        let (mut lines, hangup) = Lines::of(input).unwrap();
        keyboard.write_all(b"a\n/leave roo").unwrap();
        assert_eq!(lines.next().as_deref(), Some("a"));
        assert!(!lines.were_hung_up());
        drop(hangup);
        assert_eq!((lines.next(), lines.next(), lines.were_hung_up()), (None, None, true));
    }

    #[test]
    fn hanging_up_ends_a_wait_for_a_line() {
        let (keyboard, input) = UnixStream::pair().unwrap();
        let (mut lines, hangup) = Lines::of(input).unwrap();
        let (sender, ended) = crossbeam_channel::bounded(1);
        let waiting = rpc_core::threads::spawn("waiting", move || sender.send(lines.next()).unwrap());
        drop(hangup);
        assert_eq!(ended.recv_timeout(std::time::Duration::from_secs(10)), Ok(None));
        drop((waiting, keyboard));
    }
}
