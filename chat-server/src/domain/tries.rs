//! Wrong passwords: how many more may be shown, by whom.
//!
//! Each try is paid for before the password is looked at, and paid back if it was right, so that many at once get no more
//! than one after the other.

use std::collections::HashMap;
use std::time::Duration;

use chat_api::limits::{ROOM_TRY_AGAIN, TRIES_OF_A_ROOM, TRIES_OF_A_USER, TRY_AGAIN};

use super::moment::Uptime;
use super::person::UserId;

/// The tries at one room.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    of_room: Spent,
    of_users: HashMap<UserId, Spent>,
}

/// How far ahead of the clock somebody is: a try moves it on by its time, and it may stand a burst of them ahead.
#[derive(Clone, Copy, Debug, Default)]
struct Spent(Uptime);

impl Tries {
    /// Takes one try from the user and the room, or says how long it takes until there is one.
    pub(crate) fn take(&mut self, user: UserId, now: Uptime) -> Result<(), Duration> {
        self.of_users.retain(|_, spent| spent.0 > now);
        let of_user = self.of_users.get(&user).copied().unwrap_or_default();
        let of_user = of_user.with_one_more(now, TRY_AGAIN, TRIES_OF_A_USER)?;
        self.of_room = self.of_room.with_one_more(now, ROOM_TRY_AGAIN, TRIES_OF_A_ROOM)?;
        self.of_users.insert(user, of_user);
        Ok(())
    }

    /// The password was right: the try is paid back, and what the user tried before.
    pub(crate) fn give_back(&mut self, user: UserId) {
        if self.of_users.remove(&user).is_some() {
            self.of_room.0 = Uptime(self.of_room.0.0.saturating_sub(ROOM_TRY_AGAIN));
        }
    }
}

impl Spent {
    fn with_one_more(self, now: Uptime, each: Duration, most: u32) -> Result<Spent, Duration> {
        let ahead = self.0.max(now).0.saturating_add(each);
        let allowed = now.0.saturating_add(each.saturating_mul(most));
        match ahead.checked_sub(allowed) {
            None | Some(Duration::ZERO) => Ok(Spent(Uptime(ahead))),
            Some(wait) => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    #[test]
    fn a_user_has_five_tries_and_then_one_in_ten_seconds() {
        let mut tries = Tries::default();
        for _ in 0..TRIES_OF_A_USER {
            assert_eq!(tries.take(UserId(1), at(0)), Ok(()));
        }
        assert_eq!(tries.take(UserId(1), at(0)), Err(TRY_AGAIN));
        assert_eq!(tries.take(UserId(2), at(0)), Ok(()), "another user has his own");
        assert_eq!(tries.take(UserId(1), at(9)), Err(Duration::from_secs(1)));
        assert_eq!(tries.take(UserId(1), at(10)), Ok(()));
        assert_eq!(tries.take(UserId(1), at(10)), Err(TRY_AGAIN));
    }

    #[test]
    fn a_room_has_fifty_tries_however_many_names_ask() {
        let mut tries = Tries::default();
        for user in 0..u64::from(TRIES_OF_A_ROOM) {
            assert_eq!(tries.take(UserId(user), at(0)), Ok(()));
        }
        assert_eq!(tries.take(UserId(99), at(0)), Err(ROOM_TRY_AGAIN));
        assert_eq!(tries.take(UserId(99), at(1)), Ok(()));
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let mut tries = Tries::default();
        for _ in 0..1000 {
            assert_eq!(tries.take(UserId(1), at(0)), Ok(()));
            tries.give_back(UserId(1));
        }
    }

    #[test]
    fn users_whose_tries_are_forgotten_take_no_memory() {
        let mut tries = Tries::default();
        for user in 0..1000 {
            tries.take(UserId(user), at(user * 100)).unwrap();
        }
        assert_eq!(tries.of_users.len(), 1);
    }
}
