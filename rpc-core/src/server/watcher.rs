//! Looks after calls that take long, for all connections of a server, on one thread.
//!
//! Once a tick it compares what each connection runs with what it ran before. A call that is still there is slow: if more
//! has come on its connection, another thread takes the reading over. Connections to which that happens are suspects for a
//! while and are looked at more often. Deadlines are kept beside. When nothing runs, or only slow calls do, the watcher
//! sleeps until a call starts, bytes come behind a slow call, or a deadline passes.

mod deadlines;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use self::deadlines::Deadlines;
pub(super) use self::deadlines::Due;
use super::connection::Connection;
use super::shared::Shared;
use super::turn::Place;
use crate::sync;
use crate::transport::{Wake, poll_until};

/// How long a call runs before it counts as slow: between one and two ticks.
const TICK: Duration = Duration::from_millis(1);

/// The same on a suspect connection; the kernel's timers add 50 µs.
const SUSPECT_TICK: Duration = Duration::from_micros(50);

/// How long a connection stays suspect after its reading was taken over. One to which that happens more seldom stands
/// still for less than one part in a hundred of its time.
const SUSPICION: Duration = Duration::from_millis(250);

/// With many connections to look at, a tick is longer by this much for each, and by 3 ms at the most.
const TICK_A_CONNECTION: Duration = Duration::from_nanos(250);
const SPREAD_CEILING: Duration = Duration::from_millis(3);

/// Ticks without any call before the watcher sleeps: waking it costs a call more than these cost the machine.
const QUIET_TICKS: u32 = 20;

pub(super) struct Watcher {
    shared: Arc<Shared>,
    wake: Wake,
    /// Calls that were found slow on the thread that reads their connection, by connection and call.
    slow: HashMap<(u64, u64), Slow>,
    /// By connection, with the end of the suspicion.
    suspects: HashMap<u64, (Weak<Connection>, Instant)>,
    deadlines: Deadlines,
    quiet: u32,
}

/// A slow call, until it ends or its connection is read by another thread.
struct Slow {
    /// Weak, so that a connection that has ended is freed also while the watcher sleeps.
    connection: Weak<Connection>,
    /// Its connection's reading has been handed to another thread.
    handed_over: bool,
}

/// What one look at the connections found.
struct Look {
    connections: usize,
    /// Some connection ran something else than at the last look.
    active: bool,
}

/// Whether every connection that needed a thread got one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tended {
    All,
    SomeWait,
}

impl Watcher {
    pub(super) fn new(shared: Arc<Shared>, wake: Wake) -> Watcher {
        let (slow, suspects) = (HashMap::new(), HashMap::new());
        Watcher { shared, wake, slow, suspects, deadlines: Deadlines::default(), quiet: 0 }
    }

    /// Watches until the server closes.
    pub(super) fn watch(mut self) {
        while !self.shared.watching_has_ended() {
            let look = self.look();
            let tended = self.tend();
            let busy = look.active || tended == Tended::SomeWait;
            self.quiet = if busy { 0 } else { self.quiet + 1 };
            if self.quiet < QUIET_TICKS {
                let count = u32::try_from(look.connections).unwrap_or(u32::MAX);
                let spread = TICK_A_CONNECTION.saturating_mul(count).min(SPREAD_CEILING);
                self.rest(sync::now() + TICK + spread);
            } else {
                self.sleep();
            }
        }
    }

    /// Compares what runs with what ran, and notes calls that have become slow.
    fn look(&mut self) -> Look {
        let Watcher { shared, slow, deadlines, .. } = self;
        let mut active = false;
        let connections = shared.for_each_known(|connection| {
            let (before, pulse) = connection.look_at_pulse();
            match pulse.call() {
                _ if before != pulse => active = true,
                Some(id) => note(slow, deadlines, connection, id),
                None => {}
            }
        });
        Look { connections, active }
    }

    /// Tells callers whose time is over, drops slow calls that have ended, hands connections over where more has come.
    fn tend(&mut self) -> Tended {
        for due in self.shared.new_deadlines() {
            self.deadlines.add(due);
        }
        let now = sync::now();
        while let Some((connection, id)) = self.deadlines.take_over(now) {
            connection.contain(|| connection.expire(id));
        }
        self.suspects.retain(|_, (connection, until)| *until > now && connection.strong_count() > 0);
        self.slow.retain(|(_, id), slow| slow.connection.upgrade().is_some_and(|at| keeps_reading(&at, *id)));
        self.hand_over()
    }

    fn hand_over(&mut self) -> Tended {
        let mut tended = Tended::All;
        for (id, connection, slow) in readable(&mut self.slow) {
            let (known, weak) = (connection.id(), slow.connection.clone());
            match connection.spawn(move |connection| connection.take_over(id)) {
                Ok(()) => {
                    slow.handed_over = true;
                    self.suspects.insert(known, (weak, sync::now() + SUSPICION));
                }
                Err(_) => tended = Tended::SomeWait,
            }
        }
        tended
    }

    /// Rests until the next tick; suspects are looked at meanwhile.
    fn rest(&mut self, tick: Instant) {
        loop {
            let until = if self.suspects.is_empty() { tick } else { tick.min(sync::now() + SUSPECT_TICK) };
            let mut polled = [PollFd::new(&self.wake, PollFlags::IN)];
            // A poll that fails is a rest cut short.
            let woken = poll_until(&mut polled, Some(until)).unwrap_or(1) > 0;
            if woken || until == tick {
                return self.wake.clear();
            }
            self.look_at_suspects();
        }
    }

    fn look_at_suspects(&mut self) {
        let Watcher { slow, suspects, deadlines, .. } = self;
        let mut found = false;
        for connection in suspects.values().filter_map(|(connection, _)| connection.upgrade()) {
            let (before, pulse) = connection.look_at_pulse();
            if let Some(id) = pulse.call().filter(|_| before == pulse) {
                note(slow, deadlines, &connection, id);
                found = true;
            }
        }
        if found {
            self.hand_over();
        }
    }

    /// Sleeps until something can have changed. It is announced first and looked once more, so that no call starts unseen.
    fn sleep(&mut self) {
        self.shared.set_watcher_asleep();
        if self.look().active || self.shared.has_new_deadlines() || self.shared.watching_has_ended() {
            self.quiet = 0;
            return;
        }
        let until = self.deadlines.next();
        let unread: Vec<_> = self.slow.values().filter_map(Slow::unread).collect();
        let mut polled = vec![PollFd::new(&self.wake, PollFlags::IN)];
        polled.extend(unread.iter().map(interest));
        poll_until(&mut polled, until).ok();
        let woken = polled.first().is_some_and(|wake| !wake.revents().is_empty());
        drop(polled);
        if woken {
            self.quiet = 0;
        }
        self.wake.clear();
    }
}

impl Slow {
    /// The connection, if nobody reads it while the call runs.
    fn unread(&self) -> Option<Arc<Connection>> {
        if self.handed_over { None } else { self.connection.upgrade() }
    }
}

/// Whether the call still keeps the thread that reads; what its turn had gathered does not wait for it to end.
fn keeps_reading(connection: &Arc<Connection>, id: u64) -> bool {
    let inline = connection.lock().place(id) == Place::Inline;
    if inline && connection.outbound.queued() > 0 {
        connection.push_out_aside();
    }
    inline
}

fn interest(connection: &Arc<Connection>) -> PollFd<'_> {
    PollFd::from_borrowed_fd(connection.transport.as_fd(), PollFlags::IN)
}

/// The slow calls behind which more has come, in the buffer or on the socket, with their connections.
fn readable(slow: &mut HashMap<(u64, u64), Slow>) -> Vec<(u64, Arc<Connection>, &mut Slow)> {
    let unread = slow.iter_mut().filter_map(|((_, id), slow)| Some((*id, slow.unread()?, slow)));
    let unread: Vec<_> = unread.collect();
    let mut polled: Vec<_> = unread.iter().map(|(_, connection, _)| interest(connection)).collect();
    poll_until(&mut polled, Some(sync::now())).ok();
    let ready: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
    drop(polled);
    let all = unread.into_iter().zip(ready);
    all.filter(|((_, connection, _), ready)| *ready || connection.has_more()).map(|(slow, _)| slow).collect()
}

/// A call whose connection is read by another thread already, or closed, was noted before and is not noted again.
fn note(
    slow: &mut HashMap<(u64, u64), Slow>,
    deadlines: &mut Deadlines,
    connection: &Arc<Connection>,
    id: u64,
) {
    let Entry::Vacant(place) = slow.entry((connection.id(), id)) else { return };
    let turn = connection.lock();
    if turn.place(id) != Place::Inline {
        return;
    }
    let due = turn.find(id).and_then(|call| Due::of(connection, call));
    drop(turn);
    place.insert(Slow { connection: Arc::downgrade(connection), handed_over: false });
    if let Some(due) = due {
        deadlines.add(due);
    }
}
