//! From a procedure's name to the servers that have it.

mod endpoint;
mod endpoints;

use std::time::Instant;

pub use self::endpoint::{Endpoint, EndpointError};
pub use self::endpoints::{Endpoints, Revision, Weighted};
use crate::context::Context;
use crate::status::Status;

/// Finds servers for a [`Client`](crate::Client); asked before every attempt, so it is expected to remember answers.
///
/// A list that never changes is one: [`Endpoints`] resolve to themselves.
pub trait Resolve: Send + Sync + 'static {
    /// Where `procedure` is served; waits until `deadline` at the longest. An empty list counts as `NotFound`.
    ///
    /// # Errors
    /// `NotFound` when nobody serves it, `Unavailable` when that cannot be found out now.
    fn resolve(&self, procedure: &str, deadline: Instant) -> Result<Endpoints, Status>;

    /// Whether [`resolve`](Resolve::resolve) may take time, which is then not given to the server once more. A list that is
    /// at hand takes none, and saves each call a look at the clock.
    fn takes_time(&self) -> bool {
        true
    }

    /// Says that `endpoint` failed a call for `procedure`, and why: `Unavailable` if it could not be reached or the
    /// connection was lost, `Unimplemented` if it does not have the procedure. A resolver that asks others forgets that
    /// answer; the client sets the endpoint aside by itself.
    fn reject(&self, procedure: &str, endpoint: &Endpoint, why: &Status);

    /// Waits until [`resolve`](Resolve::resolve) has something new to say, or `until`.
    ///
    /// `seen` is the revision of the list that the caller has; `None` if his question was refused, so that any list is
    /// new to him. Called while a call waits for its server, and may return early. A resolver that is not told of
    /// changes has none to tell, and waits.
    fn wait_for_change(&self, procedure: &str, seen: Option<Revision>, until: Instant) {
        let _ = (procedure, seen);
        // Ended early it is too if the call around it is; that shows in what is done next.
        Context::pause(until.saturating_duration_since(Instant::now())).ok();
    }
}

impl Resolve for Endpoints {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        Ok(self.clone())
    }

    fn takes_time(&self) -> bool {
        false
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, _why: &Status) {}
}

/// The same list for every procedure, or the reason why there is none.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Result<Endpoints, Status>);

impl Fixed {
    /// The servers at these addresses, each of weight 1.
    pub(crate) fn parsed(addresses: impl IntoIterator<Item = impl AsRef<str>>) -> Fixed {
        let parsed = addresses.into_iter().map(|address| address.as_ref().parse::<Endpoint>());
        let list = parsed.collect::<Result<Endpoints, EndpointError>>();
        Fixed(match list {
            Ok(list) if list.is_empty() => Err(Status::invalid_argument("the list of addresses is empty")),
            list => list.map_err(|error| Status::invalid_argument(error.to_string())),
        })
    }
}

impl Resolve for Fixed {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        self.0.clone()
    }

    fn takes_time(&self) -> bool {
        false
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, _why: &Status) {}
}
