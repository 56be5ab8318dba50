//! Where the procedures are served.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_api::ChatClient;
use rpc_core::{Endpoints, Resolve, Status};

/// What finds procedures, for the clients that call them.
#[derive(Clone)]
pub(super) struct Places(Arc<dyn Resolve>);

impl Places {
    pub(super) fn new(resolve: Arc<dyn Resolve>) -> Places {
        Places(resolve)
    }

    pub(super) fn resolve(&self) -> Arc<dyn Resolve> {
        self.0.clone()
    }

    /// Asks again for every procedure that is remembered elsewhere than `heartbeat`, which has just been answered.
    ///
    /// A server that came back at another port has moved them all, also those that nobody calls before the binder dies.
    pub(super) fn find_moved(&self) {
        let until = Instant::now() + LOOKING_TIME;
        let Ok(here) = self.0.resolve("heartbeat", until) else { return };
        for procedure in ChatClient::PROCEDURES {
            if Instant::now() >= until {
                return;
            }
            match self.0.resolve(procedure.name, until) {
                Ok(there) if there.iter().any(|place| !here.contains(&place.endpoint)) => {
                    self.reject(procedure.name, &there, &here);
                }
                _ => continue,
            }
            // Whoever calls a procedure that is not found now is told why.
            self.0.resolve(procedure.name, until).ok();
        }
    }

    fn reject(&self, procedure: &str, there: &Endpoints, here: &Endpoints) {
        let why = Status::unavailable(format!("{procedure} has moved with its server"));
        for place in there.iter().filter(|place| !here.contains(&place.endpoint)) {
            self.0.reject(procedure, &place.endpoint, &why);
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").finish_non_exhaustive()
    }
}

/// Far more than all the questions take; a binder that does not answer keeps nobody from listening for longer.
const LOOKING_TIME: Duration = Duration::from_secs(1);
