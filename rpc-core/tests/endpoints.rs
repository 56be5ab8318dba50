//! Several servers that do the same: which of them a call goes to, and what happens when one fails.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

#[path = "endpoints/choices.rs"]
mod choices;
#[path = "endpoints/failures.rs"]
mod failures;
#[path = "endpoints/fleet.rs"]
mod fleet;
#[path = "endpoints/hedging.rs"]
mod hedging;
#[path = "endpoints/lists.rs"]
mod lists;
#[path = "endpoints/pushback.rs"]
mod pushback;
#[path = "endpoints/relay.rs"]
mod relay;
#[path = "waits/eventually.rs"]
mod waits;
