//! How many calls may run at the same time; what is more is shed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::layer::{Answered, Call, Layer, Next};
use crate::service::{Kind, Procedure};
use crate::status::Status;

/// A layer that lets so many calls run at the same time, in all and of each procedure, and refuses more at once with
/// `ResourceExhausted` and a time to come back after: as long as a call without streams has taken lately, between
/// [`SOONEST`](ConcurrencyLimit::SOONEST) and [`LATEST`](ConcurrencyLimit::LATEST).
///
/// A call runs until its procedure has ended, also when nobody waits for it any more, and a stream until it is over. Nothing
/// waits here: a queue in front of a server that is too slow makes it slower.
///
/// ```
/// # use rpc_core::{Server, layers::ConcurrencyLimit};
/// let builder = Server::builder().layer(ConcurrencyLimit::of(200).each(50).of_procedure("report", 2));
/// ```
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit {
    total: usize,
    each: usize,
    named: HashMap<&'static str, usize>,
    load: Arc<Mutex<Load>>,
}

/// The calls that run, and how long such calls take. Pure.
#[derive(Debug, Default)]
struct Load {
    running: usize,
    by_procedure: HashMap<&'static str, usize>,
    /// Of those without streams that have ended, the later ones more; `None` before the first.
    usual: Option<Duration>,
}

/// A place among the calls that run, given back when it is dropped.
struct Place {
    load: Arc<Mutex<Load>>,
    procedure: &'static Procedure,
    begun: Instant,
}

/// Why a call finds no place.
#[derive(Debug, PartialEq, Eq)]
struct Full {
    limit: usize,
    /// The procedure whose limit it is; the server's own otherwise.
    procedure: Option<&'static str>,
}

impl ConcurrencyLimit {
    /// No caller is told to come back sooner: 10 ms.
    pub const SOONEST: Duration = Duration::from_millis(10);

    /// Nor later: 5 s.
    pub const LATEST: Duration = Duration::from_secs(5);

    /// Lets so many calls run, of whatever procedure. Clones count together.
    pub fn of(calls: usize) -> ConcurrencyLimit {
        ConcurrencyLimit { total: calls, each: calls, named: HashMap::new(), load: Arc::default() }
    }

    /// The same limit, with at most so many calls of each procedure that is not named.
    #[must_use]
    pub fn each(mut self, calls: usize) -> ConcurrencyLimit {
        self.each = calls;
        self
    }

    /// The same limit, with at most so many calls of this procedure.
    #[must_use]
    pub fn of_procedure(mut self, procedure: &'static str, calls: usize) -> ConcurrencyLimit {
        self.named.insert(procedure, calls);
        self
    }

    fn enter(&self, procedure: &'static Procedure, now: Instant) -> Result<Place, Status> {
        let own = self.named.get(procedure.name).copied().unwrap_or(self.each);
        let mut load = self.load();
        let entered = load.enter(procedure.name, self.total, own);
        let wait = load.usual();
        drop(load);
        entered.map_err(|full| full.status().with_retry_after(wait))?;
        Ok(Place { load: self.load.clone(), procedure, begun: now })
    }

    fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for ConcurrencyLimit {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        let place = self.enter(call.procedure(), Instant::now())?;
        Ok(next.run(call)?.keeping(place))
    }
}

impl Load {
    fn enter(&mut self, procedure: &'static str, total: usize, own: usize) -> Result<(), Full> {
        if self.running >= total {
            return Err(Full { limit: total, procedure: None });
        }
        let running = self.by_procedure.entry(procedure).or_default();
        if *running >= own {
            return Err(Full { limit: own, procedure: Some(procedure) });
        }
        *running += 1;
        self.running += 1;
        Ok(())
    }

    fn leave(&mut self, procedure: &str) {
        self.running -= 1;
        if let Some(running) = self.by_procedure.get_mut(procedure) {
            *running -= 1;
        }
    }

    fn note(&mut self, took: Duration) {
        let took = took.min(ConcurrencyLimit::LATEST);
        self.usual = Some(self.usual.map_or(took, |usual| (usual * 7 + took) / 8));
    }

    /// How long a call has taken lately, as far as callers are told.
    fn usual(&self) -> Duration {
        let usual = self.usual.unwrap_or(UNKNOWN);
        usual.clamp(ConcurrencyLimit::SOONEST, ConcurrencyLimit::LATEST)
    }
}

/// Before a call has ended nothing is known: 100 ms.
const UNKNOWN: Duration = Duration::from_millis(100);

impl Full {
    fn status(&self) -> Status {
        let Full { limit, procedure } = self;
        Status::resource_exhausted(match procedure {
            Some(procedure) => format!("{limit} calls of {procedure} run, which is the limit"),
            None => format!("{limit} calls run, which is the limit"),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.leave(self.procedure.name);
        // How long streams are open says nothing of when a place will be free.
        if self.procedure.kind == Kind::Unary {
            load.note(self.begun.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_pass_up_to_the_limits_in_all_and_of_each_procedure() {
        let mut load = Load::default();
        assert_eq!(load.enter("a", 3, 2), Ok(()));
        assert_eq!(load.enter("a", 3, 2), Ok(()));
        assert_eq!(load.enter("a", 3, 2), Err(Full { limit: 2, procedure: Some("a") }));
        assert_eq!(load.enter("b", 3, 2), Ok(()));
        assert_eq!(load.enter("b", 3, 2), Err(Full { limit: 3, procedure: None }));
        load.leave("a");
        assert_eq!(load.enter("b", 3, 2), Ok(()));
        assert_eq!(load.enter("c", 3, 0), Err(Full { limit: 3, procedure: None }));
        load.leave("b");
        assert_eq!(load.enter("c", 3, 0), Err(Full { limit: 0, procedure: Some("c") }));
    }

    /// Streams once counted as calls that took long: beside them everybody was told to come back in five seconds.
    #[test]
    fn how_long_streams_were_open_is_not_the_usual_time_of_a_call() {
        static STREAM: Procedure = Procedure::new("stream", Kind::ServerStream);
        static CALL: Procedure = Procedure::new("call", Kind::Unary);
        let limit = ConcurrencyLimit::of(1);
        let told = || {
            let _running = limit.enter(&STREAM, Instant::now()).unwrap();
            limit.enter(&CALL, Instant::now()).err().and_then(|status| status.retry_after())
        };
        let hour_ago = || Instant::now().checked_sub(Duration::from_secs(3600)).unwrap();
        drop(limit.enter(&STREAM, hour_ago()).unwrap());
        assert_eq!(told(), Some(UNKNOWN));
        drop(limit.enter(&CALL, hour_ago()).unwrap());
        assert_eq!(told(), Some(ConcurrencyLimit::LATEST));
    }

    #[test]
    fn who_is_shed_is_told_to_come_back_after_the_usual_time() {
        let mut load = Load::default();
        assert_eq!(load.usual(), UNKNOWN);
        let mut call = |took: Duration| {
            load.enter("a", 1, 1).unwrap();
            load.leave("a");
            load.note(took);
            load.usual()
        };
        assert_eq!(call(Duration::from_millis(80)), Duration::from_millis(80));
        assert_eq!(call(Duration::from_millis(160)), Duration::from_millis(90));
        assert_eq!((0..200).map(|_| call(Duration::ZERO)).last(), Some(ConcurrencyLimit::SOONEST));
        let latest = (0..200).map(|_| call(Duration::MAX)).last().unwrap();
        assert_eq!(latest.as_millis().next_multiple_of(10), ConcurrencyLimit::LATEST.as_millis());
    }
}
