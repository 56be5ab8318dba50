//! Connections under TLS, on real sockets: who is let in, what each side says when not, and that everything else is as
//! without it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

#[path = "tls/ends.rs"]
mod ends;
#[path = "waits/gate.rs"]
mod gate;
#[path = "tls/lab.rs"]
mod lab;
#[path = "tls/papers.rs"]
mod papers;
#[path = "tls/relay.rs"]
mod relay;
#[path = "tls/reload.rs"]
mod reload;
#[path = "tls/strangers.rs"]
mod strangers;
#[path = "tls/traffic.rs"]
mod traffic;
#[path = "tls/trust.rs"]
mod trust;
#[path = "waits/eventually.rs"]
mod waits;
