//! The thread of a registration: does what the keeper says, and tells what it has to tell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rpc_core::Client;

use super::calls::Gauge;
use super::keeper::{Keeper, News, Step};
use super::{Progress, Remainder, State};
use crate::contract::{Binder, BinderClient, Offer};
use crate::identity::{CLAIM_KEY, INCARNATION_KEY};
use crate::name::ProcedureName;

pub(super) struct Worker {
    pub(super) client: Client,
    /// The binder's address, for the log.
    pub(super) binder: String,
    pub(super) offers: BTreeMap<ProcedureName, Offer>,
    pub(super) progress: Arc<Progress>,
    /// Which of several it is, to the progress.
    pub(super) index: usize,
}

/// What a worker is told while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The server is about to end.
    Drain,
}

impl Worker {
    /// Runs until `orders` is disconnected.
    pub(super) fn run(&self, mut keeper: Keeper, mut gauge: Option<Gauge>, orders: &Receiver<Order>) {
        loop {
            let until = self.act(&mut keeper, gauge.as_mut());
            self.publish(&mut keeper);
            let waited = match until {
                Some(until) => orders.recv_deadline(until),
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match waited {
                Ok(Order::Drain) => keeper.drain(Instant::now()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.progress.leave(self.index, self.unregister(&keeper));
    }

    /// Does one step, within [`CALL_WITHIN`]; the time before which nothing else is to be done, or `None` when that is never.
    fn act(&self, keeper: &mut Keeper, gauge: Option<&mut Gauge>) -> Option<Instant> {
        let end = Instant::now() + CALL_WITHIN;
        let client = self.client(keeper, CALL_WITHIN);
        match keeper.step(Instant::now()) {
            Step::Register(names) => self.register(keeper, names),
            Step::Renew => {
                keeper.renewed(client.renew(), Instant::now());
                if let Some(gauge) = gauge {
                    self.report(keeper, gauge, end);
                }
            }
            Step::Drain(names) => keeper.drained(client.drain(texts(&names)), Instant::now()),
            Step::Acknowledge(names) => {
                keeper.acknowledged(client.unregister(texts(&names)), Instant::now());
            }
            Step::Wait(until) => return Some(until),
            Step::Rest => return None,
        }
        Some(Instant::now())
    }

    /// Best effort: nothing hangs on it, and a binder that does not know the question shows nothing.
    fn report(&self, keeper: &Keeper, gauge: &mut Gauge, end: Instant) {
        let loads = gauge.read(Instant::now(), |name| keeper.held().contains(name));
        let left = end.saturating_duration_since(Instant::now());
        if loads.is_empty() || keeper.is_out_of_contact() || left.is_zero() {
            return;
        }
        if let Err(why) = self.client(keeper, left).report(loads) {
            tracing::debug!("the binder at {} does not take how often we are called: {why}", self.binder);
        }
    }

    fn register(&self, keeper: &mut Keeper, names: Vec<ProcedureName>) {
        let deadline = Instant::now() + CALL_WITHIN;
        let start = |name: ProcedureName| {
            // Starting may wait for a connection: the calls share their time.
            let mut client = self.client(keeper, deadline.saturating_duration_since(Instant::now()));
            if let Some(epoch) = keeper.claim(&name) {
                client = client.with_metadata(CLAIM_KEY, epoch.to_le_bytes());
            }
            let offer = self.offers.get(&name)?.clone();
            Some((name, client.start().register(offer)))
        };
        let started: Vec<_> = names.into_iter().filter_map(start).collect();
        for (name, pending) in started {
            keeper.registered(&name, pending.wait(), Instant::now());
        }
    }

    fn client(&self, keeper: &Keeper, within: Duration) -> BinderClient {
        let client = self.client.with_deadline(within);
        BinderClient::new(match keeper.incarnation() {
            Some(incarnation) => client.with_metadata(INCARNATION_KEY, incarnation.to_le_bytes()),
            None => client,
        })
    }

    fn publish(&self, keeper: &mut Keeper) {
        for news in keeper.take_news() {
            self.tell(&news);
        }
        let state = State {
            missing: keeper.missing(),
            lost: keeper.lost().iter().map(|(name, lost_to)| (name.to_string(), *lost_to)).collect(),
            forgotten: keeper.forgotten(),
            trouble: keeper.trouble(),
            parting: keeper.parting(Instant::now()),
            remainder: None,
        };
        self.progress.set(self.index, state);
    }

    fn tell(&self, news: &News) {
        let binder = &self.binder;
        match news {
            News::Silent(why) => tracing::warn!("waiting for the binder at {binder}: {why}"),
            News::Back => tracing::info!("the binder at {binder} answers"),
            News::Forgotten => {
                tracing::info!("the binder at {binder} has forgotten this server: registering again");
            }
            News::Refused(name, why) => tracing::error!("the binder at {binder} refuses {name}: {why}"),
            News::Succeeds(later) => tracing::warn!(
                "the binder at {binder} knows a start of this server that its clock puts later ({later}): was the clock \
                 set back? This start takes its place"
            ),
            News::Lost(lost_to, names) => {
                tracing::warn!("left alone with the binder at {binder}: {} ({lost_to})", few(names));
            }
            News::Complete(count) => {
                tracing::info!("{count} procedures are registered with the binder at {binder}");
            }
        }
    }

    /// Best effort: without it the lease ends a little later. What the binder may have all the same.
    fn unregister(&self, keeper: &Keeper) -> Option<Remainder> {
        let owed = keeper.owed();
        // A binder that did not answer lately may be back, and with a state file it would give us for a lease.
        if owed.is_empty() {
            return None;
        }
        let procedures = owed.len();
        let why = self.client(keeper, FAREWELL_WITHIN).unregister(texts(owed)).err()?;
        Some(Remainder { binder: self.binder.clone(), procedures, lease: keeper.lease(), why })
    }
}

fn texts<'a>(names: impl IntoIterator<Item = &'a ProcedureName>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}

/// The first names, and how many there are beside them.
fn few(names: &[ProcedureName]) -> String {
    let first = texts(names.get(..3).unwrap_or(names)).join(", ");
    match names.len().saturating_sub(3) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// How long a step may take, its calls together; closing waits for one at most.
const CALL_WITHIN: Duration = Duration::from_secs(2);
/// How long the last call may take.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);
