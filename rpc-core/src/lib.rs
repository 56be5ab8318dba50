#![doc = include_str!("../guides/front_page.md")]
#![warn(missing_docs)]

pub mod limits;
pub mod shares;
pub mod status;

mod bytes;
mod codec;
mod frame;
mod hash;
mod metadata;
mod outcome;
mod panics;
mod sync;
mod wire;

mod transport;

mod connection;

mod context;
mod resolve;
mod shape;
mod stream;

pub mod service;

pub mod health;
pub mod layer;
pub mod layers;
pub mod reflect;

pub mod metrics;

pub mod client;
pub mod server;

pub mod threads;

#[cfg(any(doc, doctest))]
pub mod guides;

#[cfg(all(test, shuttle))]
mod models;

extern crate self as rpc_core;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use bytes::Bytes;
pub use client::{Choice, Client, Pending};
#[cfg(feature = "json")]
pub use client::{JsonClient, JsonError};
pub use codec::Encoding;
#[cfg(feature = "json")]
pub use codec::{Json, NotJson};
pub use context::{Canceller, Context};
pub use layer::Layer;
pub use limits::Limits;
pub use metadata::{Metadata, MetadataError};
pub use resolve::{Endpoint, EndpointError, Endpoints, Resolve, Revision, Weighted};
pub use rpc_core_macros::service;
pub use server::{Meter, PanicPolicy, Server, ServerBuilder, StillRunning};
pub use service::Service;
pub use status::{Code, Execution, Status};
pub use stream::{Broadcast, Lag, Lagged, Position, Sink, Stream, SubscriberId, TrySendError, stream};
#[cfg(feature = "tls")]
pub use transport::{ClientTls, ServerTls, TlsError, TlsVersion};
pub use transport::{Listener, PeerIdentity, Socket, Way};
