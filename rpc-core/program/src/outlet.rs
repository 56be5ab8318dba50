//! Standard output, written in a way that another thread can cut short.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Writes for as long as it takes its reader to read; once it is hurried, for a moment at most, and nothing more when that
/// moment was over.
#[derive(Debug)]
pub struct Outlet {
    stdout: io::Stdout,
    hurried: UnixStream,
    /// A text was cut short.
    is_over: AtomicBool,
}

/// Hurries an outlet.
#[derive(Debug)]
pub struct Hurry(UnixStream);

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// All of it is out.
    Whole,
    /// Nobody read, and the outlet was hurried.
    CutShort,
}

impl Outlet {
    /// Standard output, which others may write to as well.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn of_standard_output() -> io::Result<(Outlet, Hurry)> {
        let (hurried, hurry) = UnixStream::pair()?;
        Ok((Outlet { stdout: io::stdout(), hurried, is_over: AtomicBool::new(false) }, Hurry(hurry)))
    }

    /// Writes all of it, in pieces that the system takes without waiting once it has told that there is room.
    ///
    /// # Errors
    /// Those of the system; a pipe that its reader has closed is one.
    pub fn write(&self, text: &str) -> io::Result<Written> {
        let mut unwritten = text.as_bytes();
        while !unwritten.is_empty() {
            if self.is_over.load(Ordering::Relaxed) || self.wait()? == Written::CutShort {
                self.is_over.store(true, Ordering::Relaxed);
                return Ok(Written::CutShort);
            }
            let piece = unwritten.get(..PIECE).unwrap_or(unwritten);
            match rustix::io::write(self.stdout.as_fd(), piece) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => unwritten = unwritten.get(count..).unwrap_or_default(),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Written::Whole)
    }

    fn wait(&self) -> io::Result<Written> {
        let stdout = || PollFd::new(&self.stdout, PollFlags::OUT);
        let mut both = [stdout(), PollFd::new(&self.hurried, PollFlags::IN)];
        any_of(&mut both, None)?;
        let [room, _] = both;
        // An error shows here as well: the write will tell it.
        if !room.revents().is_empty() || any_of(&mut [stdout()], Some(&MOMENT))? {
            return Ok(Written::Whole);
        }
        Ok(Written::CutShort)
    }
}

impl Hurry {
    /// From now on nobody is waited for longer than half a second.
    pub fn hurry(&self) {
        // A stream that is shut down already hurries as well.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Whether one of them is ready before the time is over.
fn any_of(waiting: &mut [PollFd<'_>], within: Option<&Timespec>) -> io::Result<bool> {
    loop {
        match poll(waiting, within) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a pipe takes whole when it has room for anything: POSIX's PIPE_BUF on Linux.
const PIECE: usize = 4_096;

/// Whoever reads does so within this; a program that was told to end has no more time for him.
const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
