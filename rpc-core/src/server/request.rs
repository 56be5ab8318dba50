//! What a frame asks for: a call is admitted to the turn, or refused in words.

use std::sync::Arc;
use std::time::Duration;

use super::aside::Aside;
use super::connection::{Connection, Pulse, Stop};
use super::dispatch::Legacy;
use super::routes::Route;
use super::turn::{Phase, Running, Stage, Started, Turn};
use crate::codec::Encoding;
use crate::context::{Context, Incoming, Spare};
use crate::frame::{Body, Frame};
use crate::limits::{METADATA_ENTRIES, PROCEDURE_NAME};
use crate::metadata::Metadata;
use crate::metrics::Slot;
use crate::service::Input;
use crate::status::Status;
use crate::stream::{Inlet, Legs, Nudge};
use crate::sync;
use crate::wire::{self, CallHeader, Message};

/// What a frame asks for.
pub(super) enum Request<'a> {
    Run(Admitted<'a>),
    /// As `Run`, of a procedure that has kept others waiting.
    RunWary(Admitted<'a>),
    RunAside(Aside),
    Refuse {
        id: u64,
        slot: Slot,
        status: Status,
    },
    Cancelled(Running, Option<Legs>),
    Nudge {
        id: u64,
        procedure: &'static str,
        nudges: Vec<Nudge>,
    },
    Ping(u64),
    Nothing,
}

/// A call that is in the turn's table.
pub(super) struct Admitted<'a> {
    pub(super) id: u64,
    pub(super) route: Route,
    pub(super) context: Context,
    pub(super) payload: &'a [u8],
    pub(super) encoding: Encoding,
}

/// Ids count up from 1, so a larger one is a lie; half the range is what a [`Pulse`] can hold.
const LAST_ID: u64 = u64::MAX >> 1;

impl Connection {
    /// What the frame asks for; a call is admitted to the turn before its lock is released.
    pub(super) fn understand<'a>(
        self: &Arc<Self>,
        turn: &mut Turn,
        frame: &'a Frame,
        legacy: &mut Legacy,
    ) -> Result<Request<'a>, Stop> {
        let (message, payload) = wire::decode(frame.content())
            .map_err(|error| Stop::Broken(format!("a message does not decode: {error}")))?;
        match message {
            Message::Call(header) => {
                if header.id <= turn.last_accepted || header.id > LAST_ID {
                    return Err(Stop::Broken(format!("call {} came twice, or out of order", header.id)));
                }
                Ok(self.admit(turn, (header, payload), legacy))
            }
            Message::Cancel { id } => {
                let given_up = turn.give_up(id);
                Ok(given_up.map_or(Request::Nothing, |call| Request::Cancelled(call, turn.take_streams(id))))
            }
            Message::Items { id, count } => self.take_items(turn, (id, count), payload),
            Message::End { id, refusal } => {
                let outcome = refusal.map_or(Ok(()), |refusal| Err(refusal.status()));
                let inlet = turn.legs(id).and_then(|legs| legs.inlet.as_ref());
                let sleepers = inlet.map(|inlet| inlet.end(outcome)).unwrap_or_default();
                Ok(nudge(turn, id, sleepers.into_iter().map(Nudge::Wake)))
            }
            Message::Credit { id, items } => {
                let pump = turn.legs(id).and_then(|legs| legs.pump.clone());
                Ok(nudge(turn, id, pump.map(|pump| Nudge::Credit(pump, items))))
            }
            Message::Ping { nonce } => Ok(Request::Ping(nonce)),
            Message::Pong { .. } => Ok(Request::Nothing),
            Message::Reply { .. } | Message::Goodbye { .. } => {
                Err(Stop::Broken("a message came that a client does not send".to_owned()))
            }
        }
    }

    /// Items of a call's stream have come; those of calls that are over are dropped.
    fn take_items<'a>(
        &self,
        turn: &mut Turn,
        (id, count): (u64, u32),
        payload: &[u8],
    ) -> Result<Request<'a>, Stop> {
        let Some(inlet) = turn.legs(id).and_then(|legs| legs.inlet.as_ref()) else {
            return Ok(Request::Nothing);
        };
        let pushed = inlet.push(Body::from(payload), count);
        let sleepers = pushed.map_err(|error| Stop::Broken(error.to_string()))?;
        if let Some(call) = turn.find(id) {
            self.shared.tally.receive_items(self.id(), call.started.slot, count);
        }
        Ok(nudge(turn, id, sleepers.into_iter().map(Nudge::Wake)))
    }

    fn admit<'a>(
        self: &Arc<Self>,
        turn: &mut Turn,
        (header, payload): (CallHeader<'_>, &'a [u8]),
        legacy: &mut Legacy,
    ) -> Request<'a> {
        if turn.phase != Phase::Open {
            // Goodbye has told the peer that this call is not run.
            return Request::Nothing;
        }
        let id = header.id;
        let (route, encoding, metadata) = match self.check(turn, &header) {
            Ok(checked) => checked,
            Err(status) => {
                turn.refuse(id);
                let slot = self.shared.slot(header.procedure);
                return Request::Refuse { id, slot, status: status.not_run() };
            }
        };
        let started = Started { slot: route.slot, at: legacy.at.take().unwrap_or_else(sync::now) };
        let (running, context) = self.begin(&route, started, (&header, metadata), &mut legacy.spare);
        if route.procedure.kind.takes_stream() {
            let inlet = Arc::new(Inlet::new(&self.terms));
            let input = Input { wire: self.wire(id, context.deadline()), inlet: inlet.clone() };
            turn.begin_aside(running, inlet);
            return Request::RunAside(Aside {
                id,
                route,
                context,
                payload: payload.into(),
                encoding,
                input: Some(input),
            });
        }
        turn.begin(running);
        self.set_pulse(Pulse::running(id));
        let wary = turn.habits.is_slow(route.procedure.name);
        let call = Admitted { id, route, context, payload, encoding };
        if wary { Request::RunWary(call) } else { Request::Run(call) }
    }

    /// A call as the turn keeps it, and as its procedure sees it.
    fn begin(
        &self,
        route: &Route,
        started: Started,
        (header, metadata): (&CallHeader<'_>, Metadata),
        spare: &mut Spare,
    ) -> (Running, Context) {
        let deadline = header.remaining().map(|remaining| started.at + remaining);
        let incoming = Incoming {
            procedure: route.procedure.name,
            deadline,
            metadata,
            peer: self.transport.peer(),
            local: self.transport.local(),
            connection: Some(self.id()),
            identity: self.transport.identity(),
        };
        let context = Context::incoming(incoming, spare);
        let running = Running {
            id: header.id,
            procedure: route.procedure.name,
            started,
            deadline,
            cancellation: context.cancellation(),
            awaited: true,
            stage: Stage::Running,
        };
        (running, context)
    }

    /// Why a call is not run, if it is not.
    fn check(&self, turn: &Turn, header: &CallHeader<'_>) -> Result<(Route, Encoding, Metadata), Status> {
        let limit = self.shared.limits.calls_in_flight as usize;
        let route = self.shared.routes.find(header.procedure).ok_or_else(|| unknown(header.procedure))?;
        if turn.in_flight() >= limit {
            let message = format!("{limit} calls of this connection are in flight, which is the limit");
            return Err(Status::resource_exhausted(message));
        }
        if turn.abandoned() >= limit {
            let message = format!("{limit} calls that were given up still run, which is the limit");
            return Err(Status::resource_exhausted(message));
        }
        let encoding = Encoding::numbered(header.encoding).map_err(Status::unimplemented)?;
        if header.remaining() == Some(Duration::ZERO) {
            return Err(Status::deadline_exceeded("the call's time had passed when it came"));
        }
        Ok((route.clone(), encoding, metadata_of(header)?))
    }
}

fn unknown(procedure: &str) -> Status {
    let end = procedure.floor_char_boundary(PROCEDURE_NAME);
    let shown = procedure.get(..end).unwrap_or_default();
    Status::unimplemented(format!("this server has no procedure {shown:?}"))
}

fn metadata_of(header: &CallHeader<'_>) -> Result<Metadata, Status> {
    if header.metadata.len() > METADATA_ENTRIES {
        let message = format!("more than {METADATA_ENTRIES} metadata entries, which is the limit");
        return Err(Status::invalid_argument(message));
    }
    let mut metadata = Metadata::new();
    for (key, value) in &header.metadata {
        metadata.insert(key, *value).map_err(|error| Status::invalid_argument(error.to_string()))?;
    }
    Ok(metadata)
}

fn nudge<'a>(turn: &Turn, id: u64, nudges: impl IntoIterator<Item = Nudge>) -> Request<'a> {
    let nudges: Vec<_> = nudges.into_iter().collect();
    let procedure = turn.find(id).map_or("a stream", |call| call.procedure);
    Request::Nudge { id, procedure, nudges }
}
