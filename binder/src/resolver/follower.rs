//! The thread of a resolver that watches a binder: one stream for all names that are in use.
//!
//! When a name is added the stream is let go, and begun anew with all of them. When it is lost the next binder is turned
//! to; when none of them can be reached, they are tried on with growing pauses.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rpc_core::threads::{self, Thread};
use rpc_core::{Code, Context, Status};

use super::Shared;
use super::news::Mail;
use super::table::Contact;
use crate::contract::Revision;
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
    /// Somebody wants more names, or there is nothing more to follow.
    Recalled,
    /// What was missed is too much: begin anew.
    Lagging,
    /// The binder does not answer, or stops.
    Lost(Status),
    /// The binder does not let us watch.
    Refused(BinderError),
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
    let mut seen: Option<Revision> = None;
    let mut failures = 0;
    let mut followed = Vec::new();
    while let Some((names, context)) = shared.next_names(bell) {
        if names != followed {
            seen = None;
        }
        followed = names;
        let ended = context.scope(|| follow(shared, &followed, &mut seen, &mut failures));
        let (contact, pause) = match ended {
            Ended::Recalled => continue,
            Ended::Lagging => (Contact::Open, FIRST_PAUSE),
            Ended::Lost(why) => {
                failures += 1;
                let binders = shared.outside.turn();
                // With others to turn to, one that is gone is nothing to speak of.
                if failures == binders {
                    tracing::warn!("no binder can be reached, known addresses serve on: {why}");
                }
                (if failures < binders { Contact::Open } else { Contact::Lost }, pause(failures, binders))
            }
            Ended::Refused(why) => {
                tracing::warn!(
                    "the binder does not let its names be watched, they are asked for instead: {why}"
                );
                (Contact::Open, REFUSED_PAUSE)
            }
        };
        shared.stop_watching(contact);
        if !pause.is_zero() && bell.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

fn follow(shared: &Shared, names: &[String], seen: &mut Option<Revision>, failures: &mut usize) -> Ended {
    let stream = match shared.outside.watch(names, *seen) {
        Ok(stream) => stream,
        Err(BinderError::Status(why)) if !is_refusal(&why) => return lost(why),
        Err(why) => return Ended::Refused(why),
    };
    let mut mail = Mail::default();
    for notice in stream {
        let notice = match notice {
            Ok(notice) => notice,
            Err(why) if why.code() == Code::ResourceExhausted => return Ended::Lagging,
            Err(why) => return lost(why),
        };
        match mail.take(notice) {
            Ok(None) => {}
            Ok(Some((batch, revision))) => {
                (*seen, *failures) = (Some(revision), 0);
                shared.apply(names, batch, revision);
            }
            Err(why) => return Ended::Refused(why.into()),
        }
    }
    lost(Status::unavailable("the binder watches no more"))
}

fn is_refusal(why: &Status) -> bool {
    matches!(why.code(), Code::ResourceExhausted | Code::Unimplemented)
}

fn lost(why: Status) -> Ended {
    if Context::current().is_cancelled() { Ended::Recalled } else { Ended::Lost(why) }
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

/// The pause after a first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two attempts to reach a binder.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A binder that refused is tried again after this time: places may have become free.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
