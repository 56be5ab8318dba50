//! What a supervisor is told of a service's life: systemd's `sd_notify` protocol, one datagram a word.
//!
//! Owned by the process, which has one supervisor. Without `NOTIFY_SOCKET` in the environment there is none, and nothing is
//! said. A word that does not arrive is logged and costs the service nothing.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::time::{ClockId, clock_gettime};

/// What a service has to say of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It does not serve yet, and waits for this.
    Waiting(String),
    /// It serves, in this way.
    Ready(String),
    /// It ends, in order.
    Stopping,
}

/// The word that holds. It is locked while something is sent, so that words arrive in the order in which they came to hold.
static HOLDS: Mutex<Option<Word>> = Mutex::new(None);

/// Tells the supervisor, if there is one.
pub fn tell(word: Word) {
    let mut holds = holds();
    deliver(&word.text());
    *holds = Some(word);
}

/// Reads settings again, and has the supervisor know: a service that serves is busy with it and then ready again, with the
/// same sentence; one that does not serve yet is not made ready by this.
pub fn reloading<T>(reload: impl FnOnce() -> T) -> T {
    if let Some(text) = holds().as_ref().and_then(Word::while_reloading) {
        deliver(&text);
    }
    let outcome = reload();
    // It may have come to serve, or to its end, meanwhile.
    if let Some(word @ (Word::Waiting(_) | Word::Ready(_))) = &*holds() {
        deliver(&word.text());
    }
    outcome
}

fn holds() -> MutexGuard<'static, Option<Word>> {
    HOLDS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Word {
    /// The lines of the datagram. A sentence stays on its line whatever is in it.
    fn text(&self) -> String {
        let line = |sentence: &str| sentence.replace(char::is_control, " ");
        match self {
            Word::Waiting(sentence) => format!("STATUS={}\n", line(sentence)),
            Word::Ready(sentence) => format!("READY=1\nSTATUS={}\n", line(sentence)),
            Word::Stopping => "STOPPING=1\nSTATUS=ending what runs\n".to_owned(),
        }
    }

    /// What is told instead while settings are read again. A supervisor takes RELOADING, and the READY after it, of a service
    /// that serves only.
    fn while_reloading(&self) -> Option<String> {
        const STATUS: &str = "STATUS=reading certificates again\n";
        match self {
            Word::Waiting(_) => Some(STATUS.to_owned()),
            Word::Ready(_) => {
                Some(format!("RELOADING=1\nMONOTONIC_USEC={}\n{STATUS}", monotonic_microseconds()))
            }
            Word::Stopping => None,
        }
    }
}

fn deliver(text: &str) {
    let Some(place) = env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty()) else { return };
    if let Err(error) = send(&place, text) {
        tracing::warn!("the supervisor at {} cannot be told: {error}", place.display());
    }
}

/// When a reload began, by the clock that the supervisor reads.
fn monotonic_microseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000)
}

/// The place is a path, or behind an @ an abstract name.
fn send(place: &OsStr, text: &str) -> io::Result<()> {
    let address = match place.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A supervisor that does not read shall not hold the service up.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(text.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(supervisor: &UnixDatagram, place: &OsStr) {
        supervisor.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        send(place, &Word::Ready("serving\non 127.0.0.1:5000".to_owned()).text()).unwrap();
        let mut text = [0; 200];
        let length = supervisor.recv(&mut text).unwrap();
        assert_eq!(&text[..length], b"READY=1\nSTATUS=serving on 127.0.0.1:5000\n");
    }

    #[test]
    fn words_arrive_at_a_path_and_at_an_abstract_name() {
        let name = format!("rpc-program-supervisor-{}", std::process::id());
        let path = env::temp_dir().join(&name);
        check(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
        std::fs::remove_file(&path).unwrap();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        check(&UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}").as_ref());
    }

    #[test]
    fn a_supervisor_that_is_gone_is_an_error_and_no_wait() {
        assert!(send("/nowhere/notify".as_ref(), "READY=1\n").is_err());
        assert!(send(OsStr::new(&"x".repeat(200)), "READY=1\n").is_err());
    }

    #[test]
    fn a_reload_says_when_it_began() {
        let text = Word::Ready(String::new()).while_reloading().unwrap();
        let told = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        let (began, status) = told.split_once('\n').unwrap();
        assert!(began.parse::<i64>().unwrap() > 0);
        assert_eq!(status, "STATUS=reading certificates again\n");
    }
}
