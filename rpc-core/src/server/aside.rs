//! Calls on threads of their own: those that take a stream, since they wait for what the reading thread reads, and those
//! of procedures that kept others waiting before.

use std::sync::Arc;
use std::time::Duration;

use super::connection::{Connection, Pulse};
use super::execution::Ended;
use super::habits::Pace;
use super::request::Admitted;
use super::routes::Route;
use super::watcher::Due;
use crate::codec::{Encoding, Payload};
use crate::context::Context;
use crate::frame::Body;
use crate::service::{Arguments, Input};
use crate::status::Status;
use crate::sync;
use crate::threads::Place;

/// A call that goes to a thread of its own.
pub(super) struct Aside {
    pub(super) id: u64,
    pub(super) route: Route,
    pub(super) context: Context,
    pub(super) payload: Body,
    pub(super) encoding: Encoding,
    pub(super) input: Option<Input>,
}

/// The ticket of threads that never read.
pub(super) const NEVER_READS: u64 = u64::MAX;

/// Who takes longer than this would have been found slow on the thread that reads: 1 ms.
const SLOW: Duration = Duration::from_millis(1);

impl Connection {
    /// Runs a call that takes a stream, or refuses it if no thread is free.
    pub(super) fn start_aside(self: &Arc<Self>, call: Aside) {
        match self.shared.pool.place() {
            Ok(place) => self.send_aside(place, call),
            Err(_) => {
                let Aside { id, route, .. } = call;
                let status =
                    Status::resource_exhausted("the server has no thread for a call that takes a stream");
                let mut body = Payload::default();
                let ended = Ended::refused(status, &mut body);
                let (finished, _) = self.conclude(id, NEVER_READS, &route, ended);
                self.spread(finished.news);
            }
        }
    }

    /// Gives a call of the reading thread to another one; hands it back when none is free, or when the reading has been
    /// taken from this thread meanwhile.
    pub(super) fn put_aside<'a>(self: &Arc<Self>, call: Admitted<'a>) -> Option<Admitted<'a>> {
        let Ok(place) = self.shared.pool.place() else { return Some(call) };
        if !self.lock().put_aside(call.id) {
            return Some(call);
        }
        self.set_pulse(Pulse::done(call.id));
        let Admitted { id, route, context, payload, encoding } = call;
        self.send_aside(place, Aside { id, route, context, payload: payload.into(), encoding, input: None });
        None
    }

    fn send_aside(self: &Arc<Self>, place: Place, call: Aside) {
        self.watch_deadline(call.id);
        let this = self.clone();
        place.run(move || this.contain(|| this.run_aside(call)));
    }

    fn run_aside(self: &Arc<Self>, call: Aside) {
        let Aside { id, route, context, payload, encoding, input } = call;
        let mut body = Payload::default();
        let begun = sync::now();
        let arguments = Arguments::of(route.procedure, payload.bytes(), encoding, input);
        let ended = payload.lend(|| self.execute(&route, &context, arguments, &mut body));
        let panicked = ended.panicked;
        let slow = ended.at.saturating_duration_since(begun) > SLOW;
        let pace = if slow { Pace::Slow } else { Pace::Harmless };
        self.lock().note_pace(id, route.procedure.name, pace);
        let (finished, _) = self.conclude(id, NEVER_READS, &route, ended);
        self.push_out();
        self.spread(finished.news);
        if panicked {
            self.suffer(id, route.procedure.name);
        }
    }

    /// Has the watcher end call `id` at its deadline, where it cannot see it run on a thread that reads.
    pub(super) fn watch_deadline(self: &Arc<Self>, id: u64) {
        let turn = self.lock();
        let due = turn.find(id).and_then(|call| Due::of(self, call));
        drop(turn);
        if let Some(due) = due {
            self.shared.watch_deadline(due);
        }
    }
}
