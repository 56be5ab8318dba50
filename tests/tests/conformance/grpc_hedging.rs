//! gRPC's rules of hedging (proposal A6): a late call is sent once more, the first answer wins, the other call is cancelled.

use std::time::Duration;

use rpc_core::limits::{RETRY_TOKENS, SUCCESSES_A_TOKEN};
use rpc_core::{Choice, Client, Status};

use crate::lab::{Lab, SOON, Transport};
use crate::service::{Request, TestService as _, TestServiceClient};

cases_by_address! {
    hedging_policy,
    hedging_only_what_may_run_twice,
    hedging_answered_in_time,
    hedging_fatal_status,
    throttling_hedged_rpcs,
}

/// When a call is sent once more.
const DELAY: Duration = Duration::from_millis(20);

/// Two servers, the first of which gets every call first.
fn two(transport: Transport, delay: Duration) -> ([Lab; 2], TestServiceClient) {
    let labs = [Lab::new(transport), Lab::new(transport)];
    let addresses = labs.iter().map(|lab| lab.host.server.endpoint().unwrap().to_string());
    let client = transport.reach(Client::connect_any(addresses));
    let client = client.with_choice(Choice::PickFirst).with_deadline(SOON);
    (labs, TestServiceClient::new(client.with_hedging(delay)))
}

fn late() -> Request {
    Request::default().wants(9).at_the_gate()
}

fn hedging_policy(transport: Transport) {
    let ([first, second], client) = two(transport, DELAY);
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.repeatable_call(late()));
        first.hear_at_the_gate("repeatable_call");
        second.hear_at_the_gate("repeatable_call");
        second.open_gate(1);
        assert_eq!(calling.join().unwrap().unwrap().payload.len(), 9);
        first.hear_cancelled("repeatable_call");
    });
    assert_eq!((first.begun(), second.begun()), (1, 1));
}

fn hedging_only_what_may_run_twice(transport: Transport) {
    let ([first, second], client) = two(transport, DELAY);
    let request = Request::default().wants_after(4 * DELAY, 9);
    assert_eq!(client.unary_call(request).unwrap().payload.len(), 9);
    assert_eq!((first.begun(), second.begun()), (1, 0));
}

fn hedging_answered_in_time(transport: Transport) {
    let ([first, second], client) = two(transport, SOON);
    (0..20).for_each(|_| drop(client.repeatable_call(Request::default()).unwrap()));
    assert_eq!((first.begun(), second.begun()), (20, 0));
}

/// An answer that is a failure is an answer too.
fn hedging_fatal_status(transport: Transport) {
    let ([first, second], client) = two(transport, DELAY);
    let status = Status::aborted("no");
    std::thread::scope(|scope| {
        let failing = late().then_fails(status.clone());
        let failing = Request { responses: Vec::new(), ..failing };
        let calling = scope.spawn(|| client.repeatable_call(failing));
        first.hear_at_the_gate("repeatable_call");
        second.hear_at_the_gate("repeatable_call");
        second.open_gate(1);
        assert_eq!(calling.join().unwrap(), Err(status));
        first.hear_cancelled("repeatable_call");
    });
}

/// A hedge takes of what a client may repeat: when half of that is gone, there are no more until answers give some back, of
/// which a hedged call may have two.
fn throttling_hedged_rpcs(transport: Transport) {
    let ([first, second], client) = two(transport, DELAY);
    let calls = usize::try_from(RETRY_TOKENS).unwrap();
    for call in 0..calls {
        let request = Request::default().wants_after(4 * DELAY, 9);
        assert_eq!(client.repeatable_call(request).unwrap().payload.len(), 9, "call {call}");
    }
    assert_eq!(first.begun(), calls);
    let given_back = 2 * calls / usize::try_from(SUCCESSES_A_TOKEN).unwrap();
    assert!(second.begun() <= calls / 2 + given_back, "{} of {calls} calls were hedged", second.begun());
    assert!(second.begun() > 1);
}
