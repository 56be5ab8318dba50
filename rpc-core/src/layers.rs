//! Layers ready to use: tracing, metrics of clients, authentication, limits.
//!
//! ```
//! use rpc_core::layers::{Authentication, ConcurrencyLimit, Rate, RateLimit, Token, Tracing};
//! use rpc_core::{Client, Server, layers::Credentials};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = || Token::parse("qXq3k5Zr0aVb");
//! let server = Server::builder()
//!     .layer(Tracing::new())
//!     .layer(ConcurrencyLimit::of(200))
//!     .layer(Authentication::of_tokens([("ana", token()?)]))
//!     .layer(RateLimit::new(Rate::of(50, Duration::from_secs(1))?))
//!     .bind("127.0.0.1:0")?;
//! let client = Client::connect(server.address().to_string())
//!     .with_layer(Tracing::new())
//!     .with_layer(Credentials::of(&token()?));
//! # Ok(()) }
//! ```
//! What is cheap and refuses most stands outermost; a limit for each caller stands below what finds out who calls.

mod authentication;
mod client_metrics;
mod concurrency;
mod rate;
mod tracing;

pub use self::authentication::{Authentication, Credentials, Identity, Token, TokenError};
pub use self::client_metrics::ClientMetrics;
pub use self::concurrency::ConcurrencyLimit;
pub use self::rate::{Rate, RateError, RateLimit, WhenFull};
pub use self::tracing::{TraceContext, TraceError, Tracing};
