//! What a server tells of itself. Calls and what happens seldom are counted as they end or happen; everything that is now is
//! looked at when somebody asks, so that it cannot be wrong for long.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::Connection;
use super::shared::Shared;
use crate::metrics::{Family, Metrics};
use crate::service::Kind;
use crate::threads::Crew;

/// Reads a server's metrics; it does not keep the server alive.
#[derive(Clone, Debug)]
pub struct Meter(pub(super) Weak<Shared>);

impl Meter {
    /// As [`Server::metrics`](crate::Server::metrics); nothing of a server that has ended.
    pub fn read(&self) -> Metrics {
        self.0.upgrade().map(|shared| shared.metrics()).unwrap_or_default()
    }
}

/// What happens to connections, counted as it happens.
#[derive(Debug, Default)]
pub(super) struct Events {
    admitted: AtomicU64,
    refused: [AtomicU64; Unserved::ALL.len()],
    handovers: AtomicU64,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    /// The server holds as many as it may.
    Full,
    /// There is no thread for it.
    NoThread,
    /// The server closes.
    Closing,
    /// It never sent a preface of ours, whether in time, at all, or before its place was needed.
    Stranger,
}

/// Bytes of connections, since their beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// How things are with all connections at one moment.
#[derive(Default)]
pub(super) struct Census {
    /// Of those that have left too.
    traffic: Traffic,
    connections: usize,
    /// Bytes that the sockets have not taken yet: of all, and of the one that has most.
    queued: usize,
    most_queued: usize,
    streams: usize,
    abandoned: usize,
    /// A name for each call that is awaited.
    in_flight: Vec<&'static str>,
}

impl Events {
    pub(super) fn admit(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, why: Unserved) {
        if let Some(count) = self.refused.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn hand_over(&self) {
        self.handovers.fetch_add(1, Ordering::Relaxed);
    }
}

impl Unserved {
    const ALL: [Unserved; 4] = [Unserved::Full, Unserved::NoThread, Unserved::Closing, Unserved::Stranger];

    fn name(self) -> &'static str {
        match self {
            Unserved::Full => "full",
            Unserved::NoThread => "no_thread",
            Unserved::Closing => "closing",
            Unserved::Stranger => "stranger",
        }
    }
}

impl Census {
    /// Of no connection yet; those that have left had this traffic.
    pub(super) fn after(traffic: Traffic) -> Census {
        Census { traffic, ..Census::default() }
    }

    /// Looks at one more connection.
    pub(super) fn visit(&mut self, connection: &Connection) {
        self.connections += 1;
        let turn = connection.lock();
        self.in_flight.extend(turn.calls().iter().filter(|call| call.awaited).map(|call| call.procedure));
        self.abandoned += turn.abandoned();
        self.streams += turn.open_streams();
        drop(turn);
        let queued = connection.outbound.queued();
        self.queued += queued;
        self.most_queued = self.most_queued.max(queued);
        self.traffic.add(connection.traffic());
    }
}

impl Traffic {
    pub(super) fn add(&mut self, other: Traffic) {
        self.received = self.received.saturating_add(other.received);
        self.sent = self.sent.saturating_add(other.sent);
    }
}

impl Shared {
    pub(super) fn metrics(&self) -> Metrics {
        let census = self.census();
        let mut metrics = Metrics::from_iter(self.calls(&census));
        metrics.extend(self.connections_now(&census));
        metrics.extend(bytes(&census));
        metrics.extend(self.threads());
        metrics
    }

    fn calls(&self, census: &Census) -> [Family; 7] {
        let calls = Family::counter(
            "rpc_server_calls_total",
            "Calls that are over, by what came of them: Ok, Failed (the method's own error), or a status code.",
        );
        let seconds = Family::histogram(
            "rpc_server_call_seconds",
            "How long calls took, from their frame to their answer, or to the end of their stream.",
        );
        let in_flight = Family::gauge("rpc_server_calls_in_flight", "Calls that somebody waits for now.");
        let in_flight = self.routes.names().iter().fold(in_flight, |family, name| {
            let count = census.in_flight.iter().filter(|running| *running == name).count();
            family.with([("procedure", *name)], count)
        });
        let abandoned = Family::gauge(
            "rpc_server_calls_abandoned",
            "Calls that nobody waits for any more, and whose procedures have not ended.",
        );
        let received = Family::counter(
            "rpc_server_items_received_total",
            "Items of streams that came with calls, by procedure.",
        );
        let sent = Family::counter(
            "rpc_server_items_sent_total",
            "Items of streams that were queued for callers, by procedure.",
        );
        let streaming =
            || self.routes.all().filter(|route| route.procedure.kind != Kind::Unary).map(|route| route.slot);
        [
            self.tally.calls(calls),
            self.tally.times(seconds),
            in_flight,
            abandoned.with([], census.abandoned),
            Family::gauge("rpc_server_streams", "Streams that are open, in either direction.")
                .with([], census.streams),
            streaming().fold(received, |family, slot| self.tally.received_items(family, slot)),
            streaming().fold(sent, |family, slot| self.tally.sent_items(family, slot)),
        ]
    }

    fn connections_now(&self, census: &Census) -> [Family; 5] {
        let refused = Family::counter(
            "rpc_server_connections_refused_total",
            "Connections that were not served, by reason.",
        );
        let refused =
            Unserved::ALL.into_iter().zip(&self.events.refused).fold(refused, |family, (why, count)| {
                family.with([("reason", why.name())], count.load(Ordering::Relaxed))
            });
        [
            Family::gauge("rpc_server_connections", "Connections that are held.")
                .with([], census.connections),
            Family::gauge("rpc_server_connections_limit", "Connections that may be held.")
                .with([], self.connection_limit),
            Family::counter("rpc_server_connections_admitted_total", "Connections that were let in.")
                .with([], self.events.admitted.load(Ordering::Relaxed)),
            refused,
            Family::counter(
                "rpc_server_handovers_total",
                "Slow calls whose connection was given another thread to read it.",
            )
            .with([], self.events.handovers.load(Ordering::Relaxed)),
        ]
    }

    fn threads(&self) -> [Family; 2] {
        let Crew { alive, idle, limit } = self.pool.crew();
        [
            Family::gauge("rpc_server_threads", "Threads that serve connections and slow calls.")
                .with([("state", "busy")], alive.saturating_sub(idle))
                .with([("state", "idle")], idle),
            Family::gauge("rpc_server_threads_limit", "Threads that there may be of these.").with([], limit),
        ]
    }
}

fn bytes(census: &Census) -> [Family; 4] {
    [
        Family::counter(
            "rpc_server_received_bytes_total",
            "Bytes of the protocol that came over connections.",
        )
        .with([], census.traffic.received),
        Family::counter("rpc_server_sent_bytes_total", "Bytes of the protocol that sockets have taken.")
            .with([], census.traffic.sent),
        Family::gauge("rpc_server_queued_bytes", "Bytes that wait for sockets to take them.")
            .with([], census.queued),
        Family::gauge(
            "rpc_server_most_queued_bytes",
            "Bytes that wait on the connection where most of them do.",
        )
        .with([], census.most_queued),
    ]
}
