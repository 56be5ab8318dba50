//! Layers of a server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rpc_core::layer::{Answered, Call, Next, Side};
use rpc_core::service::{Kind, Outcome};
use rpc_core::{Client, Code, Context, PanicPolicy, Status, stream};

use super::lab::{Lab, LabClient, SOON, User, check, closed, stand};

#[test]
fn the_first_layer_that_is_named_is_the_outermost() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let layer = |name: &'static str| {
        let steps = steps.clone();
        move |call: Call, next: Next<'_>| {
            steps.lock().unwrap().push((name, "in"));
            let answered = next.run(call);
            steps.lock().unwrap().push((name, "out"));
            answered
        }
    };
    let stand = stand(|builder| builder.layer(layer("a")).layer(layer("b")).layer(layer("c")));
    stand.lab().echo("x".to_owned()).unwrap();
    let steps = std::mem::take(&mut *steps.lock().unwrap());
    let expected = [("a", "in"), ("b", "in"), ("c", "in"), ("c", "out"), ("b", "out"), ("a", "out")];
    assert_eq!(steps, expected);
}

#[test]
fn a_layer_sees_what_is_known_of_a_call_and_how_it_went() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let layer = {
        let seen = seen.clone();
        move |call: Call, next: Next<'_>| {
            assert_eq!(call.side(), Side::Server);
            assert_eq!(Context::current().procedure(), call.procedure().name);
            let context = call.context();
            let left = context.remaining().unwrap();
            assert!(left > SOON / 2 && left <= SOON);
            assert_eq!(context.metadata().first("k"), Some(&b"v"[..]));
            let Kind::Unary = call.procedure().kind else { panic!("{call:?}") };
            let (name, bytes) = (call.procedure().name, call.argument_bytes());
            let answered = next.run(call);
            let outcome = answered.as_ref().map(Answered::outcome).map_err(Status::code);
            seen.lock().unwrap().push((name, bytes, outcome));
            answered
        }
    };
    let stand = stand(|builder| builder.layer(layer));
    let lab = LabClient::new(stand.client().with_metadata("k", "v"));
    lab.echo("four".to_owned()).unwrap();
    lab.refuse().unwrap_err();
    lab.burst().unwrap_err();
    let seen = seen.lock().unwrap();
    // A string is its length and its bytes. A panic goes through the layers, like any function's.
    let expected =
        [("echo", Some(5), Ok(Some(Outcome::Returned))), ("refuse", Some(0), Ok(Some(Outcome::Failed)))];
    assert_eq!(*seen, expected);
}

#[test]
fn a_refused_call_did_not_run_and_the_layers_below_do_not_see_it() {
    let below = Arc::new(AtomicUsize::new(0));
    let counting = {
        let below = below.clone();
        move |call: Call, next: Next<'_>| {
            below.fetch_add(1, Ordering::SeqCst);
            next.run(call)
        }
    };
    let stand = stand(|builder| builder.layer(closed).layer(counting));
    let lab = stand.lab();
    let status = check(lab.echo("x".to_owned()), Code::PermissionDenied, "closed today");
    assert!(!status.may_have_run());
    check(lab.count(3).map(drop), Code::PermissionDenied, "closed today");
    let (sink, numbers) = stream();
    drop(sink);
    check(lab.sum(numbers), Code::PermissionDenied, "closed today");
    assert_eq!(below.load(Ordering::SeqCst), 0);
}

#[test]
fn a_call_that_is_failed_after_it_ran_may_have_run_and_its_stream_is_not_sent() {
    let grumpy = |call: Call, next: Next<'_>| {
        let ran = next.run(call)?;
        drop(ran);
        Err(Status::aborted("on second thoughts"))
    };
    let stand = stand(|builder| builder.layer(grumpy));
    let lab = stand.lab();
    assert!(check(lab.echo("x".to_owned()), Code::Aborted, "on second thoughts").may_have_run());
    check(lab.lent().map(drop), Code::Aborted, "on second thoughts");
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    assert_eq!(sink.send(1).unwrap_err().code(), Code::Cancelled);
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn a_procedure_reads_what_the_layers_found_out_and_changed() {
    let naming = |call: Call, next: Next<'_>| {
        let call = call.with_value(User("ana"));
        assert!(Context::current().value::<User>().is_none());
        next.run(call.with_metadata("k", "new")?)
    };
    let below = |call: Call, next: Next<'_>| {
        assert!(Context::current().value::<User>().is_some(), "the current context is the call's");
        next.run(call)
    };
    let stand = stand(|builder| builder.layer(naming).layer(below));
    let lab = LabClient::new(stand.client().with_metadata("k", "old").with_metadata("l", "kept"));
    let ana = || Some("ana".to_owned());
    assert_eq!(lab.who("k".to_owned()), Ok((ana(), Some("new".to_owned()))));
    assert_eq!(lab.who("l".to_owned()), Ok((ana(), Some("kept".to_owned()))));
    let driven: Vec<_> = lab.who_drives().unwrap().collect();
    assert_eq!(driven, [Ok("ana".to_owned())], "what drives a stream runs in the procedure's context");
}

#[test]
fn a_layer_shortens_the_time_of_a_call() {
    let hasty =
        |call: Call, next: Next<'_>| next.run(call.with_deadline(Instant::now() + Duration::from_millis(20)));
    let stand = stand(|builder| builder.layer(hasty));
    let begun = Instant::now();
    // Who waits in it notices by its deadline.
    let (sink, numbers) = stream();
    let outcome = stand.lab().sum(numbers);
    drop(sink);
    assert_eq!(outcome.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < SOON);
}

#[test]
fn metadata_past_its_limit_fails_the_call_in_words() {
    let stuffing = |call: Call, next: Next<'_>| next.run(call.with_metadata("No", "v")?);
    let stand = stand(|builder| builder.layer(stuffing));
    let status = stand.lab().echo("x".to_owned()).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("the metadata key \"No\""), "{status}");
}

fn angry(call: Call, next: Next<'_>) -> Result<Answered, Status> {
    if call.procedure().name == "echo" {
        panic!("a layer's secret");
    }
    next.run(call)
}

#[test]
fn a_panic_in_a_layer_is_its_calls_and_nobody_elses() {
    let stand = stand(|builder| builder.layer(angry));
    let lab = stand.lab();
    check(lab.echo("x".to_owned()), Code::Internal, "echo panicked");
    lab.who("k".to_owned()).unwrap();
}

#[test]
fn a_panic_in_a_layer_ends_its_connection_where_that_is_the_policy() {
    let stand = stand(|builder| builder.layer(angry).on_panic(PanicPolicy::CloseConnection));
    let lab = stand.lab();
    let held = lab.start().hold();
    stand.entered.recv_timeout(SOON).unwrap();
    check(lab.echo("x".to_owned()), Code::Internal, "echo panicked");
    assert_eq!(held.wait().unwrap_err().code(), Code::Unavailable);
    lab.who("k".to_owned()).unwrap();
}

/// Waits in a layer until the call is cancelled.
fn waiting(call: Call, next: Next<'_>) -> Result<Answered, Status> {
    if call.procedure().name == "hold" {
        call.context().cancelled().recv_timeout(SOON).unwrap_err();
        return Err(Status::cancelled("while it waited"));
    }
    next.run(call)
}

#[test]
fn a_layer_that_waits_delays_no_other_call_and_ends_with_its_own() {
    let stand = stand(|builder| builder.layer(waiting));
    let lab = stand.lab();
    let held = lab.start().hold();
    lab.echo("x".to_owned()).unwrap();
    drop(held);
    lab.echo("y".to_owned()).unwrap();
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn a_shutdown_cancels_a_call_that_waits_in_a_layer() {
    let stand = stand(|builder| builder.layer(waiting));
    let lab = LabClient::new(Client::over(&stand.server));
    let held = lab.start().hold();
    lab.echo("x".to_owned()).unwrap();
    assert_eq!(stand.server.shutdown(Duration::ZERO), Ok(()));
    assert!(held.wait().is_err());
}
