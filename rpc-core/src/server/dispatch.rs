//! Runs what frames ask for, and answers it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, Pulse, Stop};
use super::execution::Ended;
use super::panics;
use super::request::{Admitted, Request};
use super::routes::Route;
use super::turn::{Finished, Lull, News, Running, Stage, Started, Turn};
use crate::codec::Payload;
use crate::connection::SendError;
use crate::context::{Context, Spare};
use crate::frame::Frame;
use crate::metrics::Slot;
use crate::outcome::Endings;
use crate::panics::{Panicked, catch};
use crate::service::{Arguments, Outcome, Output};
use crate::status::{Code, Status};
use crate::stream::{Legs, Nudge};
use crate::sync::{self, MutexGuard};
use crate::wire::{Message, Refusal, ReplyOutcome};

/// Memory that a thread uses again from call to call.
#[derive(Default)]
pub(super) struct Workspace {
    frame: Frame,
    body: Payload,
    pub(super) legacy: Legacy,
}

/// What one call of a turn leaves to the next.
#[derive(Default)]
pub(super) struct Legacy {
    /// When it ended, which is when the next begins: the clock is read once for both.
    pub(super) at: Option<Instant>,
    pub(super) spare: Spare,
}

/// Nobody waits any more for a stream that a procedure has returned.
fn let_go(context: &Context, output: Output, endings: Endings) {
    let why =
        context.check().err().unwrap_or_else(|| Status::cancelled("nobody waits for the call any more"));
    let dropped = catch(|| drop(output));
    dropped.and(endings.tell(Err(&why))).unwrap_or_else(Panicked::go_on);
}

impl Connection {
    /// Runs every call that has arrived completely; its replies are gathered, not sent.
    pub(super) fn run_complete_calls<'a>(
        self: &'a Arc<Self>,
        mut turn: MutexGuard<'a, Turn>,
        ticket: u64,
        workspace: &mut Workspace,
    ) -> Result<Lull, Stop> {
        let Workspace { frame, body, legacy } = workspace;
        legacy.at = None;
        loop {
            frame.recycle();
            if !turn.reads(ticket) {
                return Err(Stop::Replaced);
            }
            let limit = self.shared.limits.frame;
            let complete =
                turn.inbound.next(limit, frame).map_err(|error| Stop::Broken(error.to_string()))?;
            if !complete {
                return Ok(turn.pause());
            }
            frame.lend(|| self.serve_frame(turn, frame, ticket, (legacy, body)))?;
            turn = self.lock();
        }
    }

    /// Does what one frame asks for.
    fn serve_frame(
        self: &Arc<Self>,
        mut turn: MutexGuard<'_, Turn>,
        frame: &Frame,
        ticket: u64,
        (legacy, body): (&mut Legacy, &mut Payload),
    ) -> Result<(), Stop> {
        let request = self.understand(&mut turn, frame, legacy)?;
        drop(turn);
        match request {
            Request::Run(call) => return self.run(call, ticket, (legacy, body)),
            Request::RunWary(call) => {
                if let Some(call) = self.put_aside(call) {
                    return self.run(call, ticket, (legacy, body));
                }
            }
            Request::Refuse { id, slot, status } => {
                self.answer(id, &status);
                self.count(slot, Err(status.code()), Duration::ZERO);
                self.note_answered();
            }
            Request::RunAside(call) => self.start_aside(call),
            Request::Cancelled(call, legs) => self.end_cancelled(&call, legs),
            Request::Nudge { id, procedure, nudges } => self.pass_on(id, procedure, nudges),
            Request::Ping(nonce) => self.pong(nonce),
            Request::Nothing => {}
        }
        // What came between two calls may have taken time: streams drop what is a user's.
        legacy.at = None;
        Ok(())
    }

    /// The caller has given a call up.
    fn end_cancelled(self: &Arc<Self>, call: &Running, legs: Option<Legs>) {
        call.cancellation.cancel();
        let why = Status::cancelled("the caller gave the call up");
        self.count_ended(call.started, Err(&why));
        let told = self.tell(call.procedure, legs.into_iter().flat_map(|legs| legs.end(&why)));
        self.forget(call);
        if told.is_err() {
            self.suffer(call.id, call.procedure);
        }
    }

    /// Something has come for the streams of call `id`.
    fn pass_on(self: &Arc<Self>, id: u64, procedure: &'static str, nudges: Vec<Nudge>) {
        if self.tell(procedure, nudges).is_err() {
            self.fail(id, &panics::told(procedure)).ok();
            self.suffer(id, procedure);
        }
    }

    /// Runs one call on this thread and queues its answer.
    fn run(
        self: &Arc<Self>,
        call: Admitted<'_>,
        ticket: u64,
        (legacy, body): (&mut Legacy, &mut Payload),
    ) -> Result<(), Stop> {
        self.shared.rouse_watcher();
        let Admitted { id, route, context, payload, encoding } = call;
        let arguments = Arguments::of(route.procedure, payload, encoding, None);
        let ended = self.execute(&route, &context, arguments, body);
        let (panicked, at) = (ended.panicked, ended.at);
        let (finished, queued) = self.conclude(id, ticket, &route, ended);
        // An answer that was not queued must not lie here until the next.
        body.recycle();
        legacy.spare.keep(context);
        if !finished.still_reads {
            self.push_out();
        }
        self.spread(finished.news);
        if panicked {
            self.suffer(id, route.procedure.name);
        }
        if !finished.still_reads {
            return Err(Stop::Replaced);
        }
        // Small requests may have large replies: a turn gathers no more of them than may be queued.
        legacy.at = (queued < self.shared.limits.queued_bytes).then_some(at);
        if legacy.at.is_some() { Ok(()) } else { self.send_gathered() }
    }

    /// Queues the answer of a procedure that has ended. One that returned a stream goes on with that.
    pub(super) fn conclude(
        self: &Arc<Self>,
        id: u64,
        ticket: u64,
        route: &Route,
        ended: Ended<'_>,
    ) -> (Finished, usize) {
        let mut ended = ended;
        if let Some((output, context)) = ended.output.take() {
            return self.conclude_with_stream((id, ticket), route, ended, (output, context));
        }
        let Ended { outcome, body, at, .. } = ended;
        let mut turn = self.lock();
        if !turn.reads(ticket) && outcome.is_ok() {
            drop(turn);
            self.wait_for_room();
            turn = self.lock();
        }
        let (finished, started) = turn.finish(id, ticket);
        if finished.still_reads {
            self.set_pulse(Pulse::done(id));
        }
        let legs = turn.take_streams(id);
        let replied = started.map(|started| (started, self.reply(id, route.procedure.name, outcome, body)));
        drop(turn);
        if let Some(legs) = legs {
            // A call that returns no stream has nothing of a user's in its legs.
            self.tell(route.procedure.name, legs.end(&Status::cancelled("the call has been answered"))).ok();
        }
        let Some((started, (outcome, queued))) = replied else { return (finished, 0) };
        self.count(started.slot, outcome, at.saturating_duration_since(started.at));
        (finished, queued)
    }

    /// As [`conclude`](Connection::conclude), of a procedure that has returned a stream: behind its reply the call goes on.
    fn conclude_with_stream(
        self: &Arc<Self>,
        (id, ticket): (u64, u64),
        route: &Route,
        ended: Ended<'_>,
        (output, context): (Output, Context),
    ) -> (Finished, usize) {
        let Ended { outcome, body, mut endings, .. } = ended;
        let mut turn = self.lock();
        if !turn.reads(ticket) {
            drop(turn);
            self.wait_for_room();
            turn = self.lock();
        }
        let finished = turn.stream_on(id, ticket);
        if finished.still_reads {
            self.set_pulse(Pulse::done(id));
        }
        // From here on others may end the stream; its reply is queued before they can.
        let mut queued = 0;
        if finished.may_answer {
            queued = self.reply(id, route.procedure.name, outcome, body).1;
            turn.watch_end(id, std::mem::take(&mut endings));
        }
        drop(turn);
        let go_on = || {
            if finished.may_answer {
                self.stream_out(id, &context, output);
            } else {
                let_go(&context, output, endings);
            }
        };
        if self.shared.panics.guard(route.procedure.name, go_on).is_err() {
            self.fail(id, &panics::told(route.procedure.name)).ok();
            self.suffer(id, route.procedure.name);
        }
        (Finished { may_answer: false, ..finished }, queued)
    }

    /// Replies of threads that do not read have no other bound: the reading goes on meanwhile. The call keeps its place, and
    /// its time may pass.
    fn wait_for_room(self: &Arc<Self>) {
        let limits = &self.shared.limits;
        if self.outbound.queued() < limits.queued_bytes {
            return;
        }
        self.push_out();
        if !self.outbound.outlast(limits.queued_bytes, limits.write_stall) {
            self.close(&self.took_nothing());
        }
    }

    /// An answer that was given beside the turn is queued: tells who waits for that.
    pub(super) fn note_answered(&self) {
        let mut turn = self.lock();
        turn.answered();
        let news = turn.news();
        drop(turn);
        self.spread(news);
    }

    /// A call has left the turn: tells who waits for that.
    pub(super) fn look_for_news(&self) {
        let news = self.lock().news();
        self.spread(news);
    }

    /// Tells those who wait for the connection.
    pub(super) fn spread(&self, news: News) {
        match news {
            News::Nothing => {}
            News::Settled => self.shared.note_change(),
            News::Over => self.shared.leave(self.id()),
        }
    }

    /// Queues the answer to a call; says what that is to the caller, and how many bytes are queued now.
    fn reply(
        &self,
        id: u64,
        procedure: &str,
        outcome: Result<Outcome, Status>,
        body: &mut Payload,
    ) -> (Result<Outcome, Code>, usize) {
        let answer = |status: &Status| (Err(status.code()), self.answer(id, status));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(status) => return answer(&status),
        };
        let reply = match outcome {
            Outcome::Returned => ReplyOutcome::Returned,
            Outcome::Failed => ReplyOutcome::Failed,
        };
        match self.outbound.send(&Message::Reply { id, outcome: reply }, body, self.peer_frame()) {
            Ok(queued) => (Ok(outcome), queued),
            Err(error @ SendError::TooLarge { .. }) => {
                answer(&Status::resource_exhausted(format!("the reply of {procedure} is too large: {error}")))
            }
            Err(_) => (Ok(outcome), 0),
        }
    }

    /// A call is over for its caller, by what the turn has said: this comes once for each.
    fn count(&self, slot: Slot, outcome: Result<Outcome, Code>, time: Duration) {
        self.shared.tally.count(self.id(), slot, outcome, time);
    }

    /// As [`count`](Connection::count), of a call that ends now, with its stream or by a status.
    pub(super) fn count_ended(&self, started: Started, outcome: Result<(), &Status>) {
        let outcome = outcome.map(|()| Outcome::Returned).map_err(Status::code);
        self.count(started.slot, outcome, sync::now().saturating_duration_since(started.at));
    }

    /// Queues a status as the answer to a call; a peer that takes only tiny frames gets the code alone.
    pub(super) fn answer(&self, id: u64, status: &Status) -> usize {
        let send = |refusal| {
            let message = Message::Reply { id, outcome: ReplyOutcome::Status(refusal) };
            self.outbound.say(&message, self.peer_frame())
        };
        // A closed way out has nobody to tell.
        send(Refusal::of(status)).or_else(|_| send(Refusal::brief(status))).unwrap_or_default()
    }

    fn pong(&self, nonce: u64) {
        self.outbound.say(&Message::Pong { nonce }, self.peer_frame()).ok();
    }

    /// The time of a call is over.
    pub(super) fn expire(self: &Arc<Self>, id: u64) {
        let Some(procedure) = self.lock().find(id).map(|call| call.procedure) else { return };
        let status = Status::deadline_exceeded(format!("{procedure} took longer than its time"));
        let failed = self.fail(id, &status);
        self.push_out_aside();
        if failed.is_err() {
            self.suffer(id, procedure);
        }
    }

    /// Ends a call before its procedure does: its caller is told why, and its procedure can see it. Tells whether what its
    /// streams held or kept has panicked.
    pub(super) fn fail(&self, id: u64, status: &Status) -> Result<(), Panicked> {
        let mut turn = self.lock();
        let Some(call) = turn.answer_for(id) else { return Ok(()) };
        let legs = turn.take_streams(id);
        drop(turn);
        call.cancellation.cancel();
        self.count_ended(call.started, Err(status));
        match call.stage {
            Stage::Running => {
                self.answer(id, status);
            }
            Stage::Streaming | Stage::Driven => self.send_end(id, Err(status)),
        }
        self.note_answered();
        self.tell(call.procedure, legs.into_iter().flat_map(|legs| legs.end(status)))
    }

    /// A call that was given up while it streamed has left the turn: tells who waits for that.
    fn forget(&self, call: &Running) {
        if call.stage == Stage::Streaming {
            self.look_for_news();
        }
    }
}
