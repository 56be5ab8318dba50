//! Paths of Unix sockets: taking one without stealing it.
//!
//! A socket file outlives its server's sudden end, so a path that is there may be dead; connecting tells. Looking, removing
//! and binding are one step among servers of ours: they take turns by a lock on the folder, which leaves no file behind.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use super::dial::{self, Wanted};

/// The longest path that Linux takes for a socket, in bytes.
const PATH_BYTES: usize = 107;

/// How long a server that may live is waited for, when its path is wanted by another: 100 ms.
const PROBE_TIME: Duration = Duration::from_millis(100);

/// Who holds a folder's lock for longer than this is not a server that starts or ends; it is not waited for: 1 s.
const TURN_TIME: Duration = Duration::from_secs(1);

/// Between two attempts to lock the folder.
const TURN_STEP: Duration = Duration::from_millis(5);

/// Listens at `path`: a dead server's socket is removed first, a living one's and any other file is left.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let refuse = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {}: {error}", path.display()))
    };
    address_of(path).map_err(refuse)?;
    let whole = std::path::absolute(path).map_err(refuse)?;
    let turn = Turn::take(&whole);
    make_way(path).map_err(refuse)?;
    let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => refuse(io::Error::new(ErrorKind::NotFound, "its folder does not exist")),
        _ => refuse(error),
    })?;
    let file = SocketFile::noted(whole).map_err(refuse)?;
    drop(turn);
    Ok((listener, file))
}

/// Removes what a dead server left at `path`.
fn make_way(path: &Path) -> io::Result<()> {
    // Binding says what is wrong with a path that cannot be looked at.
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "a file is there that is not a socket"));
    }
    let probe = Wanted { until: Instant::now() + PROBE_TIME, is_over: None };
    match dial::unix(path, probe) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another server listens there")),
        Err(error) => {
            let message =
                format!("a socket is there, and it cannot be told whether its server lives: {error}");
            Err(io::Error::new(ErrorKind::AddrInUse, message))
        }
    }
}

pub(super) fn address_of(path: &Path) -> io::Result<SocketAddrUnix> {
    let length = path.as_os_str().as_bytes().len();
    if length > PATH_BYTES {
        let message = format!("the path has {length} bytes, a socket's may have {PATH_BYTES}");
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(SocketAddrUnix::new(path)?)
}

/// A socket's file, removed with its server, unless another has taken its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn noted(path: PathBuf) -> io::Result<SocketFile> {
        let found = fs::symlink_metadata(&path)?;
        Ok(SocketFile { path, device: found.dev(), inode: found.ino() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _turn = Turn::take(&self.path);
        let Ok(found) = fs::symlink_metadata(&self.path) else { return };
        if (found.dev(), found.ino()) != (self.device, self.inode) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the socket's file stays");
        }
    }
}

/// The lock on a path's folder, held by who starts or ends there. Who cannot have it goes on without: it keeps apart
/// servers that start in the same moment, and nothing else.
struct Turn {
    _folder: Option<File>,
}

impl Turn {
    fn take(path: &Path) -> Turn {
        let folder = path.parent().and_then(|folder| File::open(folder).ok());
        let deadline = Instant::now() + TURN_TIME;
        if let Some(folder) = &folder {
            while flock(folder, FlockOperation::NonBlockingLockExclusive) == Err(Errno::AGAIN)
                && Instant::now() < deadline
            {
                thread::sleep(TURN_STEP);
            }
        }
        Turn { _folder: folder }
    }
}
