//! Functions around calls, on both sides.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing, and panics on purpose"
)]

#[path = "layers/ends.rs"]
mod ends;
#[path = "layers/lab.rs"]
mod lab;
#[path = "layers/made.rs"]
mod made;
#[path = "layers/ready.rs"]
mod ready;
#[path = "layers/served.rs"]
mod served;
