//! What the suites of other RPC stacks test, held of rpc-core: one test a case, named as its source names it, over every
//! transport on real sockets. `CONFORMANCE.md` lists the sources, their cases, and those that do not apply.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

/// The cases of a group, each a function of a transport, as one test a transport.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        crate::cases_over! { tcp: Tcp; $($case)* }
        crate::cases_over! { unix: Unix; $($case)* }
        crate::cases_over! { memory: Memory; $($case)* }
        crate::cases_over! { tls: Tls; $($case)* }
    };
}

/// Cases whose servers must have an address: there are several, or one is scripted and connected to more than once.
macro_rules! cases_by_address {
    ($($case:ident),* $(,)?) => {
        crate::cases_over! { tcp_address: Tcp; $($case)* }
        crate::cases_over! { unix_address: Unix; $($case)* }
        crate::cases_over! { tls_address: Tls; $($case)* }
    };
}

/// Cases whose clients are programs that say bytes of their own: TLS goes around those, and a case of its own shows that.
macro_rules! cases_in_the_clear {
    ($($case:ident),* $(,)?) => {
        crate::cases_over! { tcp_address: Tcp; $($case)* }
        crate::cases_over! { unix_address: Unix; $($case)* }
    };
}

/// Cases with a server that is a program.
macro_rules! cases_of_programs {
    ($($case:ident),* $(,)?) => {
        crate::cases_over! { program: Tcp; $($case)* }
    };
}

macro_rules! cases_over {
    ($module:ident: $transport:ident; $($case:ident)*) => {
        mod $module {
            $(#[test]
            fn $case() {
                super::$case(crate::lab::Transport::$transport);
            })*
        }
    };
}

pub(crate) use cases_over;

#[path = "conformance/around.rs"]
mod around;
#[path = "conformance/connect_cancellation.rs"]
mod connect_cancellation;
#[path = "conformance/connect_deadlines.rs"]
mod connect_deadlines;
#[path = "conformance/connect_errors.rs"]
mod connect_errors;
#[path = "conformance/connect_message_size.rs"]
mod connect_message_size;
#[path = "conformance/connect_messages.rs"]
mod connect_messages;
#[path = "conformance/connect_unexpected.rs"]
mod connect_unexpected;
#[path = "conformance/drpc.rs"]
mod drpc;
#[path = "conformance/drpc_server.rs"]
mod drpc_server;
#[path = "conformance/grpc_hedging.rs"]
mod grpc_hedging;
#[path = "conformance/grpc_interop.rs"]
mod grpc_interop;
#[path = "conformance/grpc_negative.rs"]
mod grpc_negative;
#[path = "conformance/grpc_retry.rs"]
mod grpc_retry;
#[path = "conformance/grpc_wishlist.rs"]
mod grpc_wishlist;
#[path = "conformance/lab.rs"]
mod lab;
#[path = "conformance/message.rs"]
mod message;
#[path = "conformance/net_rpc.rs"]
mod net_rpc;
#[path = "conformance/peer.rs"]
mod peer;
#[path = "conformance/python.rs"]
mod python;
#[path = "conformance/secured.rs"]
mod secured;
#[path = "conformance/service.rs"]
mod service;
#[path = "conformance/table.rs"]
mod table;
#[path = "conformance/ttrpc.rs"]
mod ttrpc;
#[path = "../../rpc-core/tests/waits/eventually.rs"]
mod waits;
#[path = "conformance/yamux.rs"]
mod yamux;
