//! The `#[service]` attribute of rpc-core, exported there as `rpc_core::service`.
//!
//! `options` and `contract` read what the user wrote, `checks` refuse what cannot travel, `expand` writes the
//! client, the start handle and the service. Reading goes on after a refusal, so one compilation names every
//! fault. The generated code knows `::rpc_core` by its public paths only.

mod options;

mod contract;

mod checks;

mod expand;

use proc_macro::TokenStream;

/// Makes a trait callable over the network.
///
/// Every method is a procedure, written `fn name(&self, argument: Type, …) -> Result<T, E>;`: at most sixteen
/// arguments, all owned; arguments and `T` are serde types; `E` is one too and is `From<rpc_core::Status>`. The
/// trait keeps its shape and gains the supertraits `Send + Sync + 'static`. Beside a trait `Chat` stand, with
/// its visibility:
///
/// * `ChatClient`, which implements `Chat` by calling the far side, and owns `PROCEDURES`, the table of names;
/// * `ChatStart`, from `client.start()`, whose methods return a `rpc_core::Pending<T, E>` at once; it has the unary
///   procedures only;
/// * `ChatService<T>`, which serves any `T: Chat` and is given to a server.
///
/// # Streams
///
/// The kind of a procedure is where `rpc_core::Stream<T>` stands in its method, under whatever path it is written
/// `Stream<T>`:
///
/// | Kind | Method |
/// |---|---|
/// | unary | `fn rooms(&self, after: u64) -> Result<Vec<Room>, E>;` |
/// | server stream | `fn events(&self, room: String) -> Result<Stream<Event>, E>;` |
/// | client stream | `fn upload(&self, name: String, parts: Stream<Part>) -> Result<Receipt, E>;` |
/// | bidirectional | `fn talk(&self, said: Stream<Line>) -> Result<Stream<Line>, E>;` |
///
/// A stream stands alone, as one whole argument at any position or as all of the result's value; its items are serde
/// types. A stream anywhere else is refused.
///
/// # Names and marks
///
/// A procedure is called what its method is called, or `wallet.transfer` with `#[service(prefix = "wallet")]`;
/// no name is longer than 255 bytes. `#[idempotent]` on a method says that running it twice does no harm, and
/// stands in the table; a method that takes a stream cannot be so, for the items are sent once.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), item.into()).into()
}
