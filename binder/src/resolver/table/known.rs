//! The servers of one procedure, as far as they are known, and which of them are offered.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use rpc_core::limits::ENDPOINTS;
use rpc_core::{Endpoint, Endpoints, Revision, Status, Weighted};

use super::super::news::{Changes, Server};

/// What a resolver knows of one procedure.
#[derive(Debug)]
pub(super) struct Known {
    /// By the instances that they are to the binder.
    servers: BTreeMap<Box<str>, Held>,
    /// Endpoints that did not work, with the registrations that they had, and until when they are left out.
    rejected: Vec<(Endpoint, u64, Instant)>,
    offered: Endpoints,
    /// The registrations that are offered.
    epochs: Vec<u64>,
    /// When another list may be to be offered although nothing was told.
    look_at: Option<Instant>,
    pub(super) freshness: Freshness,
    /// When a binder last vouched for what is known.
    pub(super) confirmed: Instant,
    pub(super) refused: Option<(Status, Instant)>,
    pub(super) used: Instant,
}

#[derive(Clone, Debug)]
struct Held {
    server: Server,
    /// A young binder did not tell of it: it counts until then, when that binder must know everybody.
    doubted: Option<Instant>,
}

/// How far what is known may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It is changed as soon as the binder knows better.
    Watched,
    /// Until then, by an answer.
    Until(Instant),
}

/// What lists are made with.
pub(super) struct Looks<'a> {
    pub(super) changes: &'a mut u64,
    pub(super) seed: u64,
}

impl Known {
    pub(super) fn new(now: Instant) -> Known {
        Known {
            servers: BTreeMap::new(),
            rejected: Vec::new(),
            offered: Endpoints::from_iter([] as [Endpoint; 0]),
            epochs: Vec::new(),
            look_at: None,
            freshness: Freshness::Until(now),
            confirmed: now,
            refused: None,
            used: now,
        }
    }

    /// The servers to call, the best there are.
    pub(super) fn offered(&self) -> &Endpoints {
        &self.offered
    }

    pub(super) fn is_forgotten(&self, stale_for: Duration, now: Instant) -> bool {
        self.freshness != Freshness::Watched && now >= self.confirmed + stale_for
    }

    /// Whether the binder that is watched says that somebody serves it.
    pub(super) fn was_told_of_servers(&self) -> bool {
        self.freshness == Freshness::Watched && !self.servers.is_empty()
    }

    /// Takes an answer, which is all there is to be called now, and good for endpoints that were rejected.
    pub(super) fn replace(&mut self, servers: Vec<(Box<str>, Server)>, now: Instant) {
        self.servers = servers.into_iter().map(|(instance, server)| (instance, Held::sure(server))).collect();
        self.rejected.clear();
        (self.refused, self.confirmed) = (None, now);
    }

    /// Offers endpoints again that did not work.
    pub(super) fn pardon(&mut self) {
        self.rejected.clear();
    }

    /// Takes all there is. What was known before and is not told of counts until `sure_at`.
    pub(super) fn begin_anew(&mut self, told: Changes, sure_at: Option<Instant>, now: Instant) {
        let former = std::mem::take(&mut self.servers);
        if let Some(until) = sure_at.filter(|until| *until > now) {
            self.servers = former;
            for held in self.servers.values_mut() {
                held.doubted.get_or_insert(until);
            }
        }
        self.change(told);
    }

    /// Takes what has changed.
    pub(super) fn change(&mut self, told: Changes) {
        for (instance, change) in told {
            match change {
                Some(server) => drop(self.servers.insert(instance, Held::sure(server))),
                None => drop(self.servers.remove(&instance)),
            }
        }
        if !self.servers.is_empty() {
            self.refused = None;
        }
    }

    pub(super) fn reject(&mut self, endpoint: &Endpoint, until: Instant) {
        let held = self.servers.values().find(|held| held.server.endpoint == *endpoint);
        if let Some(held) = held {
            let epoch = held.server.epoch;
            self.rejected.retain(|(rejected, ..)| rejected != endpoint);
            self.rejected.push((endpoint.clone(), epoch, until));
        }
    }

    /// Makes another list if time alone changed it.
    pub(super) fn pass(&mut self, looks: &mut Looks<'_>, now: Instant) {
        if self.look_at.is_some_and(|at| at <= now) {
            self.make(looks, now);
        }
    }

    /// Makes the list of what is to be called now.
    pub(super) fn offer(&mut self, mut looks: Looks<'_>, now: Instant) {
        self.make(&mut looks, now);
    }

    /// Offers everything that is known, endpoints that did not work too: their servers may be back there. Whether there
    /// is anything.
    pub(super) fn offer_all(&mut self, mut looks: Looks<'_>, now: Instant) -> bool {
        self.rejected.clear();
        self.make(&mut looks, now);
        !self.offered.is_empty()
    }

    fn make(&mut self, looks: &mut Looks<'_>, now: Instant) {
        self.rejected.retain(|(_, _, until)| *until > now);
        self.servers.retain(|_, held| held.doubted.is_none_or(|until| until > now));
        let doubts = self.servers.values().filter_map(|held| held.doubted);
        self.look_at = doubts.chain(self.rejected.iter().map(|(_, _, until)| *until)).min();
        let is_rejected = |server: &Server| {
            self.rejected
                .iter()
                .any(|(endpoint, epoch, _)| (endpoint, epoch) == (&server.endpoint, &server.epoch))
        };
        let usable: Vec<_> =
            self.servers.values().map(|held| &held.server).filter(|server| !is_rejected(server)).collect();
        let best = usable.iter().map(|server| server.state).min();
        let mut best: Vec<_> = usable.into_iter().filter(|server| Some(server.state) == best).collect();
        if best.len() > ENDPOINTS {
            // Each client uses others, so that all of them have some.
            best.sort_by_cached_key(|server| mixed(looks.seed, &server.endpoint));
            best.truncate(ENDPOINTS);
        }
        let epochs: Vec<_> = best.iter().map(|server| server.epoch).collect();
        let list: Endpoints =
            best.iter().map(|server| Weighted::new(server.endpoint.clone(), server.weight)).collect();
        if epochs != self.epochs || !list.iter().eq(self.offered.iter()) {
            *looks.changes += 1;
            self.offered = list.with_revision(Revision(*looks.changes));
            self.epochs = epochs;
        }
    }
}

impl Held {
    fn sure(server: Server) -> Held {
        Held { server, doubted: None }
    }
}

fn mixed(seed: u64, endpoint: &Endpoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, endpoint).hash(&mut hasher);
    hasher.finish()
}
