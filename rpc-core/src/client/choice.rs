//! Which of several servers a call goes to.

/// How a client chooses among the endpoints of a procedure ([`Client::with_choice`](crate::Client::with_choice)).
///
/// Whatever the choice, calls go to endpoints that are connected while there is one; others are connected to beside the
/// calls, not by them. One that failed is set aside for a time that grows
/// ([`ASIDE_FLOOR`](crate::limits::ASIDE_FLOOR)), and takes calls again when it has been connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// The first of the list that can be reached, until it fails: one connection, and the others stand by.
    ///
    /// ```
    /// # use rpc_core::{Choice, Client};
    /// let client = Client::connect_any(["10.0.0.1:4000", "10.0.0.2:4000"]).with_choice(Choice::PickFirst);
    /// ```
    PickFirst,
    /// One after the other, whatever their weights and however busy they are. Each client begins somewhere else.
    ///
    /// ```
    /// # use rpc_core::{Choice, Client};
    /// let client = Client::connect_any(["10.0.0.1:4000", "10.0.0.2:4000"]).with_choice(Choice::RoundRobin);
    /// ```
    RoundRobin,
    /// In turn by weight, evenly spread: of weights 3 and 1, each fourth call goes to the second.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use rpc_core::{Choice, Client, Endpoint, Endpoints, Weighted};
    /// let large = Weighted::new(Endpoint::new("10.0.0.1", 4000), 3);
    /// let small = Weighted::new(Endpoint::new("10.0.0.2", 4000), 1);
    /// let list = Endpoints::from_iter([large, small]);
    /// let client = Client::resolving(Arc::new(list)).with_choice(Choice::Weighted);
    /// ```
    Weighted,
    /// Of two drawn by weight, the one with fewer calls in flight for its weight ("power of two choices"). A slow
    /// server has more in flight, and so gets less; no server is swamped by clients that all see it idle. The default.
    ///
    /// ```
    /// # use rpc_core::{Choice, Client};
    /// let client = Client::connect_any(["10.0.0.1:4000", "10.0.0.2:4000"]);
    /// # assert_eq!(Choice::default(), Choice::LeastBusy);
    /// ```
    #[default]
    LeastBusy,
}
