//! Passwords of private rooms, made slow to guess for who gets hold of the server's memory.
//!
//! Argon2id as OWASP asks for at the least: 19 MiB and two passes; `cargo bench -p chat-server --bench passwords` tells
//! what that takes. There are few places to hash at, so that guests who hash leave the others half of the machine. Who finds
//! all of them taken waits for one, and is sent away when many wait already.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use chat_api::RoomPassword;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use rpc_core::{Context, Status};

use crate::domain::PasswordHash;
use crate::random;

/// The places at which passwords are hashed.
#[derive(Debug)]
pub(crate) struct Hashing {
    free: Receiver<()>,
    give_back: Sender<()>,
    waiting: AtomicUsize,
}

/// One place, until it is dropped.
struct Place<'a>(&'a Hashing);

impl Hashing {
    /// With a place for every second processor, one at the least and [`AT_ONCE`] at the most.
    pub(crate) fn new() -> Hashing {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Hashing::with_places((processors / 2).clamp(1, AT_ONCE))
    }

    fn with_places(places: usize) -> Hashing {
        let (give_back, free) = bounded(places);
        for _ in 0..places {
            // There is room for exactly these.
            let _ = give_back.try_send(());
        }
        Hashing { free, give_back, waiting: AtomicUsize::new(0) }
    }

    /// What a new room keeps of its password.
    ///
    /// # Errors
    /// The status `ResourceExhausted` when too many passwords wait, `Internal` without memory or randomness.
    pub(crate) fn make(&self, password: &RoomPassword) -> Result<PasswordHash, Status> {
        let salt = random::salt()?;
        Ok(PasswordHash { salt, digest: self.digest(password.secret(), &salt)? })
    }

    /// Whether this is the password that was hashed.
    ///
    /// # Errors
    /// As [`make`](Hashing::make).
    pub(crate) fn is_of(&self, password: &RoomPassword, hash: &PasswordHash) -> Result<bool, Status> {
        self.digest(password.secret(), &hash.salt).map(|digest| hash.is_of(&digest))
    }

    fn digest(&self, secret: &str, salt: &[u8; 16]) -> Result<[u8; 32], Status> {
        let _place = self.place()?;
        let failed = |error| Status::internal(format!("a password cannot be hashed: {error}"));
        let params = Params::new(KIBIBYTES, PASSES, 1, None).map_err(failed)?;
        let mut digest = [0; 32];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(secret.as_bytes(), salt, &mut digest).map_err(failed)?;
        Ok(digest)
    }

    /// Waits for a place, as long as the call that wants it lasts.
    fn place(&self) -> Result<Place<'_>, Status> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(busy());
        }
        let cancelled = Context::current().cancelled();
        let place = select! {
            recv(self.free) -> _ => Ok(Place(self)),
            recv(cancelled) -> _ => Err(Status::cancelled("nobody waits for the password any more")),
            default(PATIENCE) => Err(busy()),
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        place
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // The place that was taken is empty.
        let _ = self.0.give_back.try_send(());
    }
}

fn busy() -> Status {
    Status::resource_exhausted("too many passwords are looked at just now").with_retry_after(RETRY_AFTER)
}

/// The most passwords that are hashed at the same time: each has 19 MiB, and a processor.
const AT_ONCE: usize = 2;
/// Calls that may wait for a place; each holds a thread. With one place they are through within seconds.
const MOST_WAITING: usize = 64;
/// Longer than all that may wait take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(10);
const RETRY_AFTER: Duration = Duration::from_secs(1);
const KIBIBYTES: u32 = 19 * 1024;
const PASSES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> RoomPassword {
        RoomPassword::parse(text).unwrap()
    }

    #[test]
    fn a_password_is_known_by_its_hash_and_no_other_is() {
        let hashing = Hashing::new();
        let hash = hashing.make(&password("sésamo")).unwrap();
        assert!(hashing.is_of(&password("sésamo"), &hash).unwrap());
        assert!(!hashing.is_of(&password("sesamo"), &hash).unwrap());
        let other = hashing.make(&password("sésamo")).unwrap();
        assert_ne!((hash.salt, hash.digest), (other.salt, other.digest));
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }

    #[test]
    fn who_finds_too_many_waiting_is_sent_away_and_a_cancelled_call_waits_no_more() {
        let hashing = Hashing::with_places(2);
        let taken = [hashing.place().ok(), hashing.place().ok()];
        let (context, canceller) = Context::cancellable();
        drop(canceller);
        let cancelled = context.scope(|| hashing.place().map(drop)).unwrap_err();
        assert_eq!(cancelled.code(), rpc_core::Code::Cancelled);
        hashing.waiting.store(MOST_WAITING, Ordering::Relaxed);
        let refused = hashing.place().map(drop).unwrap_err();
        assert_eq!(
            (refused.code(), refused.retry_after()),
            (rpc_core::Code::ResourceExhausted, Some(RETRY_AFTER))
        );
        hashing.waiting.store(0, Ordering::Relaxed);
        drop(taken);
        assert!(hashing.place().is_ok());
    }
}
