//! What every measurement shares.
//!
//! `process` runs children and ends them with their parent; `usage` reads their processor time and memory; `sample` is what a
//! load generator found, on one line of JSON; `statistics` are medians and percentiles; `peer`, `blocking` and `tasks` are the
//! two ends of a peer: its command line, and the loops of calls, the same for all; `crowd` are
//! subscribers;
//! `svg` draws.

pub mod blocking;
pub mod crowd;
pub mod peer;
pub mod process;
pub mod sample;
pub mod statistics;
pub mod svg;
#[cfg(feature = "tasks")]
pub mod tasks;
pub mod usage;
