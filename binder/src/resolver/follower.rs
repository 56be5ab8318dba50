//! The thread of a resolver that watches a binder: one stream for all names that are in use.
//!
//! When a name is added the stream is listened to until one of all names has begun. When it is lost the next binder is
//! turned to; when none of them can be reached, or none of them lets us watch, they are tried on with pauses.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::threads::{self, Thread};
use rpc_core::{Code, Context, Status, Stream};

use super::Shared;
use super::news::Mail;
use super::table::Contact;
use crate::contract::{Notice, Revision};
use crate::error::BinderError;

/// A running follower; dropping it ends it.
#[derive(Debug)]
pub(super) struct Follower {
    /// Rung when there are names to add; its drop ends the thread, whose drop joins it: the order matters.
    bell: Sender<()>,
    _thread: Thread,
}

/// How following ended.
enum Ended {
    /// The resolver is gone.
    Closed,
    /// What was missed is too much: begin anew.
    Lagging,
    /// The binder does not answer, or stops.
    Lost(Status),
    /// The binder does not let us watch.
    Refused(BinderError),
}

/// How far the follower has come.
#[derive(Default)]
struct Course {
    /// The names that were watched last, and up to where they are known.
    names: Vec<String>,
    seen: Option<Revision>,
    /// How often in a row a binder was lost, or refused.
    failures: usize,
    refusals: usize,
}

/// A stream of a binder, and which names it tells of.
struct Watch {
    names: Vec<String>,
    stream: Stream<Notice>,
    mail: Mail,
}

impl Follower {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Follower> {
        let (bell, rung) = bounded(1);
        let thread = threads::spawn("resolver", move || follow_on(&shared, &rung))?;
        Ok(Follower { bell, _thread: thread })
    }

    /// There is something to look at. A bell that was rung and not yet heard is enough.
    pub(super) fn ring(&self) {
        self.bell.try_send(()).ok();
    }
}

fn follow_on(shared: &Shared, bell: &Receiver<()>) {
    let Some(life) = shared.begin() else { return };
    let mut course = Course::default();
    while shared.gather(bell).is_some() {
        let Err(ended) = life.scope(|| course.follow(shared));
        let Some((contact, pause)) = course.conclude(shared, ended) else { return };
        shared.stop_watching(contact);
        if !pause.is_zero() && bell.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

impl Course {
    /// Watches all names in use, until that ends.
    fn follow(&mut self, shared: &Shared) -> Result<Infallible, Ended> {
        let (names, mut waiting) = shared.next_names().ok_or(Ended::Closed)?;
        let mut watch = self.open(shared, names)?;
        let mut again = None;
        loop {
            self.listen(&mut watch, shared, again, &waiting)?;
            // There are more names, or refused ones are tried again. More may come: what is watched is listened to until
            // they are all there.
            let gathered = Instant::now() + gathering(watch.names.len());
            self.listen(&mut watch, shared, Some(gathered), &Context::current())?;
            let names;
            (names, waiting) = shared.next_names().ok_or(Ended::Closed)?;
            if names == watch.names {
                again = None;
                continue;
            }
            again = match self.open(shared, names) {
                Ok(wider) => {
                    watch = wider;
                    None
                }
                // What is watched already is watched on.
                Err(Ended::Refused(why)) => {
                    tracing::warn!(
                        "the binder lets no further names be watched, they are asked for instead: {why}"
                    );
                    Some(Instant::now() + REFUSED_PAUSE)
                }
                Err(ended) => return Err(ended),
            };
        }
    }

    /// Begins to watch these names: where they are those of the last time, from where that ended.
    fn open(&mut self, shared: &Shared, names: Vec<String>) -> Result<Watch, Ended> {
        let seen = self.seen.filter(|_| self.names == names);
        let stream = shared.outside.watch(&names, seen).map_err(|why| match why {
            BinderError::Status(why) if !is_refusal(&why) => Ended::of(why),
            why => Ended::Refused(why),
        })?;
        Ok(Watch { names, stream, mail: Mail::about(shared.wanted.clone()) })
    }

    /// Takes what is told, until `until`, or until `waiting` is cancelled, however much comes.
    fn listen(
        &mut self,
        watch: &mut Watch,
        shared: &Shared,
        until: Option<Instant>,
        waiting: &Context,
    ) -> Result<(), Ended> {
        loop {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() || waiting.is_cancelled() || !waiting.scope(|| watch.stream.wait_timeout(left))
            {
                return Ok(());
            }
            let notice = match watch.stream.next() {
                Some(Ok(notice)) => notice,
                Some(Err(why)) if why.code() == Code::ResourceExhausted => return Err(Ended::Lagging),
                Some(Err(why)) => return Err(Ended::of(why)),
                None => return Err(Ended::of(Status::unavailable("the binder watches no more"))),
            };
            let told = watch.mail.take(notice).map_err(|why| Ended::Refused(why.into()))?;
            if let Some((batch, revision)) = told {
                shared.apply(&watch.names, batch, revision);
                self.names.clone_from(&watch.names);
                (self.seen, self.failures, self.refusals) = (Some(revision), 0, 0);
            }
        }
    }

    /// What comes of an end: how the binders are, and how long to do nothing. `None` at the end of all.
    fn conclude(&mut self, shared: &Shared, ended: Ended) -> Option<(Contact, Duration)> {
        match ended {
            Ended::Closed => None,
            Ended::Lagging => Some((Contact::Open, FIRST_PAUSE)),
            Ended::Lost(why) => {
                self.failures += 1;
                let binders = shared.outside.turn();
                // With others to turn to, one that is gone is nothing to speak of.
                if self.failures == binders {
                    tracing::warn!("no binder can be reached, known addresses serve on: {why}");
                }
                let contact = if self.failures < binders { Contact::Open } else { Contact::Lost };
                Some((contact, pause(self.failures, binders)))
            }
            Ended::Refused(why) => {
                self.refusals += 1;
                if self.refusals < shared.outside.turn() {
                    return Some((Contact::Open, Duration::ZERO));
                }
                self.refusals = 0;
                tracing::warn!(
                    "the binder does not let its names be watched, they are asked for instead: {why}"
                );
                Some((Contact::Open, REFUSED_PAUSE))
            }
        }
    }
}

impl Ended {
    /// With this status; unless it is our own end.
    fn of(why: Status) -> Ended {
        if Context::current().is_cancelled() { Ended::Closed } else { Ended::Lost(why) }
    }
}

fn is_refusal(why: &Status) -> bool {
    matches!(why.code(), Code::ResourceExhausted | Code::Unimplemented)
}

/// With several binders the others are turned to at once. Then the pause grows, and is anywhere between half and all of
/// it.
fn pause(failures: usize, binders: usize) -> Duration {
    let rounds = u32::try_from(failures / binders.max(1)).unwrap_or(u32::MAX);
    if rounds == 0 {
        return Duration::ZERO;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << rounds.min(8));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// For how long names that come together are waited for: longer where many are watched already, since all of them are told
/// of again.
pub(super) fn gathering(watched: usize) -> Duration {
    GATHER + EACH.saturating_mul(u32::try_from(watched).unwrap_or(u32::MAX))
}

/// The pause after a first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two attempts to reach a binder.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A binder that refused is tried again after this time: places may have become free.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// Names that come this soon after another are watched with it.
const GATHER: Duration = Duration::from_millis(10);
/// And so much later for each name that is watched already.
const EACH: Duration = Duration::from_millis(1);
