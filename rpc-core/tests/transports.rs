//! What every transport does alike, as one suite over each; and what is a transport's own.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;
#[path = "transports/lab.rs"]
mod lab;
#[path = "transports/memory.rs"]
mod memory;
#[path = "transports/passed_in.rs"]
mod passed_in;
#[path = "transports/paths.rs"]
mod paths;
#[path = "transports/suite.rs"]
mod suite;
#[path = "waits/eventually.rs"]
mod waits;

/// The suite, once a transport.
macro_rules! over {
    ($($module:ident: $transport:ident),* $(,)?) => { $(
        mod $module {
            use crate::lab::Transport::$transport;
            use crate::suite;

            #[test]
            fn values_and_errors_travel() {
                suite::values_and_errors_travel($transport);
            }

            #[test]
            fn a_mebibyte_comes_back_whole() {
                suite::a_mebibyte_comes_back_whole($transport);
            }

            #[test]
            fn threads_share_a_connection() {
                suite::threads_share_a_connection($transport);
            }

            #[test]
            fn the_first_calls_of_a_client_wait_for_their_turn() {
                suite::the_first_calls_of_a_client_wait_for_their_turn($transport);
            }

            #[test]
            fn a_fast_call_overtakes_a_slow_one() {
                suite::a_fast_call_overtakes_a_slow_one($transport);
            }

            #[test]
            fn a_deadline_ends_the_call_on_both_sides() {
                suite::a_deadline_ends_the_call_on_both_sides($transport);
            }

            #[test]
            fn streams_go_both_ways() {
                suite::streams_go_both_ways($transport);
            }

            #[test]
            fn a_peer_that_vanishes_cancels_its_calls() {
                suite::a_peer_that_vanishes_cancels_its_calls($transport);
            }

            #[test]
            fn shutdown_lets_running_calls_end_and_refuses_new_ones() {
                suite::shutdown_lets_running_calls_end_and_refuses_new_ones($transport);
            }

            #[test]
            fn shutdown_cancels_what_outlives_the_grace() {
                suite::shutdown_cancels_what_outlives_the_grace($transport);
            }

            #[test]
            fn a_client_past_the_cap_reads_why() {
                suite::a_client_past_the_cap_reads_why($transport);
            }

            #[test]
            fn a_stranger_is_refused_without_a_word() {
                suite::a_stranger_is_refused_without_a_word($transport);
            }

            #[test]
            fn only_tcp_has_addresses() {
                suite::only_tcp_has_addresses($transport);
            }
        }
    )* };
}

over! {
    tcp: Tcp,
    unix: Unix,
    in_memory: Memory,
    adopted_tcp: AdoptedTcp,
    adopted_unix: AdoptedUnix,
}
