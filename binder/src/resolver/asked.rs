//! The binders, as a resolver asks them: one after the other, first the one that answered last.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rpc_core::{Status, Stream};

use super::ResolverOptions;
use crate::binders::{Binders, connect};
use crate::contract::{Binder, BinderClient, Found, Notice, Revision, Scope};
use crate::error::BinderError;
use crate::features::{FeatureError, Wanted};

/// The clock and the binders, as a resolver needs them.
pub(super) trait Outside: Send + Sync {
    fn now(&self) -> Instant;
    fn lookup(&self, procedure: &str, until: Instant) -> Result<Found, BinderError>;
    /// From the binder that was turned to last.
    fn watch(&self, procedures: &[String], seen: Option<Revision>) -> Result<Stream<Notice>, BinderError>;
    /// Turns to the next binder; how many there are.
    fn turn(&self) -> usize;
}

/// Over the network.
pub(super) struct Network {
    /// Or why there are none.
    binders: Result<Vec<BinderClient>, BinderError>,
    /// Which one is asked first.
    current: AtomicUsize,
    wanted: Wanted,
}

impl Network {
    /// Where the binders or what is wanted of servers are none, every question is answered so.
    pub(super) fn new(
        binders: &str,
        options: &ResolverOptions,
        wanted: Result<Wanted, FeatureError>,
    ) -> Network {
        let client = |address: String| {
            let client = connect(&address, options.tls.as_ref());
            BinderClient::new(options.token.iter().fold(client, |client, token| token.beside(&client)))
        };
        let binders = binders.parse::<Binders>();
        let binders = binders.map(|binders| binders.iter().map(ToString::to_string).map(client).collect());
        let binders = binders.map_err(|error| Status::invalid_argument(told(&error)).not_run().into());
        let (wanted, binders) = match wanted {
            Ok(wanted) => (wanted, binders),
            Err(error) => (Wanted::default(), Err(error.into())),
        };
        Network { binders, current: AtomicUsize::new(0), wanted }
    }

    fn binders(&self) -> Result<&[BinderClient], BinderError> {
        self.binders.as_deref().map_err(Clone::clone)
    }
}

/// With its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Outside for Network {
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// One answer suffices. A binder that knows of nobody is no reason not to ask the others; nor is one that is silent.
    fn lookup(&self, procedure: &str, until: Instant) -> Result<Found, BinderError> {
        let binders = self.binders()?;
        let first = self.current.load(Ordering::Relaxed);
        let mut refusal = None;
        let mut silence = None;
        for (asked, index) in (first..binders.len()).chain(0..first.min(binders.len())).enumerate() {
            let Some(binder) = binders.get(index) else { continue };
            let others = u32::try_from(binders.len() - asked).unwrap_or(u32::MAX);
            let time = until.saturating_duration_since(Instant::now()) / others.max(1);
            let question = self.wanted.question(procedure);
            match binder.with_deadline(time).lookup(question) {
                Ok(found) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(found);
                }
                Err(BinderError::Status(why)) => silence = silence.or(Some(BinderError::Status(why))),
                Err(why) => refusal = refusal.or(Some(why)),
            }
        }
        let why = refusal.or(silence);
        Err(why.unwrap_or_else(|| Status::internal("there is no binder to ask").into()))
    }

    fn watch(&self, procedures: &[String], seen: Option<Revision>) -> Result<Stream<Notice>, BinderError> {
        let binders = self.binders()?;
        let binder = binders.get(self.current.load(Ordering::Relaxed));
        let binder = binder.ok_or_else(|| Status::internal("there is no binder to watch"))?;
        binder.watch(Scope::Names(procedures.to_vec()), seen)
    }

    fn turn(&self) -> usize {
        let count = self.binders.as_ref().map_or(1, Vec::len);
        let next = (self.current.load(Ordering::Relaxed) + 1) % count.max(1);
        self.current.store(next, Ordering::Relaxed);
        count
    }
}

/// How long a binder is waited for when nothing is known: programs that start with a question end within 5 s of a signal.
pub(super) const ASK_WITHIN: Duration = Duration::from_secs(3);
