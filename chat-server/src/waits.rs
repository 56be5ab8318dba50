//! Calls that wait for news, and how they are woken.
//!
//! A wait begins before its caller looks for news, so that no news falls between the looking and the waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_api::limits::WAITS_OF_A_USER;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::domain::UserId;

/// All waiting calls, by their users.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waiting: Mutex<HashMap<UserId, VecDeque<Bell>>>,
}

/// One call's wait, from its beginning until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    waits: &'a Waits,
    user: UserId,
    bell: Bell,
    rings: Receiver<()>,
}

/// Room for one ring: rung twice, a call has still to look once only.
#[derive(Clone, Debug)]
struct Bell(Sender<()>);

impl Waits {
    /// Begins a wait. Above the limit of one user's waits his oldest one ends.
    pub(crate) fn begin(&self, user: UserId) -> Wait<'_> {
        let (bell, rings) = bounded(1);
        let bell = Bell(bell);
        let mut waiting = self.lock();
        let bells = waiting.entry(user).or_default();
        bells.push_back(bell.clone());
        let displaced = if bells.len() > WAITS_OF_A_USER { bells.pop_front() } else { None };
        drop(waiting);
        if let Some(displaced) = displaced {
            displaced.ring();
        }
        Wait { waits: self, user, bell, rings }
    }

    /// Wakes all waits of these users.
    pub(crate) fn wake(&self, users: &[UserId]) {
        let bells: Vec<Bell> = {
            let waiting = self.lock();
            users.iter().filter_map(|user| waiting.get(user)).flatten().cloned().collect()
        };
        for bell in bells {
            bell.ring();
        }
    }

    #[cfg(test)]
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, VecDeque<Bell>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait<'_> {
    /// Where a wake-up arrives.
    pub(crate) fn rings(&self) -> &Receiver<()> {
        &self.rings
    }

    /// Whether newer waits of this user have taken its place.
    pub(crate) fn is_displaced(&self) -> bool {
        let waiting = self.waits.lock();
        !waiting.get(&self.user).is_some_and(|bells| bells.iter().any(|bell| bell.is(&self.bell)))
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waits.lock();
        let Some(bells) = waiting.get_mut(&self.user) else { return };
        bells.retain(|bell| !bell.is(&self.bell));
        if bells.is_empty() {
            waiting.remove(&self.user);
        }
    }
}

impl Bell {
    fn ring(&self) {
        // Full: it has been rung and nobody has looked since. Disconnected: nobody waits any more.
        let _ = self.0.try_send(());
    }

    fn is(&self, other: &Bell) -> bool {
        self.0.same_channel(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: UserId = UserId(1);
    const BIA: UserId = UserId(2);

    #[test]
    fn only_those_named_are_woken_and_each_once() {
        let waits = Waits::default();
        let (ana, again, bia) = (waits.begin(ANA), waits.begin(ANA), waits.begin(BIA));
        waits.wake(&[ANA, UserId(3)]);
        waits.wake(&[ANA]);
        assert_eq!((ana.rings().len(), again.rings().len(), bia.rings().len()), (1, 1, 0));
    }

    #[test]
    fn one_wait_too_many_ends_the_oldest() {
        let waits = Waits::default();
        let held: Vec<Wait<'_>> = (0..WAITS_OF_A_USER).map(|_| waits.begin(ANA)).collect();
        assert!(held.iter().all(|wait| !wait.is_displaced()));
        let newest = waits.begin(ANA);
        assert!(held[0].is_displaced() && held[0].rings().len() == 1);
        assert!(held[1..].iter().chain([&newest]).all(|wait| !wait.is_displaced()));
    }

    #[test]
    fn nothing_is_left_of_waits_that_ended() {
        let waits = Waits::default();
        drop((waits.begin(ANA), waits.begin(ANA), waits.begin(BIA)));
        assert!(waits.lock().is_empty());
    }
}
