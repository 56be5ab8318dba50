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
/// * `ChatStart`, from `client.start()`, whose methods return a `rpc_core::Pending<T, E>` at once;
/// * `ChatService<T>`, which serves any `T: Chat` and is given to a server.
///
/// A procedure is called what its method is called, or `wallet.transfer` with `#[service(prefix = "wallet")]`;
/// no name is longer than 255 bytes. `#[idempotent]` on a method says that running it twice does no harm, and
/// stands in the table.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), item.into()).into()
}
