//! Layers of a client.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rpc_core::layer::{Call, Next, Side};
use rpc_core::layers::{Rate, RateLimit};
use rpc_core::service::Outcome;
use rpc_core::{Client, Code, Context, Status, Stream};

use super::lab::{Lab, LabClient, SOON, check, closed, eventually, listening, stand};

#[test]
fn a_client_layer_adds_metadata_that_the_procedure_finds() {
    let stand = stand(|builder| builder);
    let adding = |call: Call, next: Next<'_>| {
        assert_eq!((call.side(), call.argument_bytes()), (Side::Client, None));
        assert_eq!(call.context().metadata().first("own"), Some(&b"1"[..]));
        assert_eq!(call.context().procedure(), call.procedure().name);
        assert_eq!(Context::current().procedure(), "", "it runs in its caller's context");
        next.run(call.with_metadata("k", "v")?)
    };
    let lab = LabClient::new(stand.client().with_metadata("own", "1").with_layer(adding));
    for key in ["k", "own"] {
        let value = if key == "k" { "v" } else { "1" };
        assert_eq!(lab.who(key.to_owned()), Ok((None, Some(value.to_owned()))));
        assert_eq!(lab.start().who(key.to_owned()).wait(), Ok((None, Some(value.to_owned()))));
    }
    assert_eq!(lab.count(3).unwrap().count(), 3);
    assert_eq!(lab.sum(Stream::from_iter(1..4)), Ok(6));
    assert_eq!(lab.double(Stream::from_iter(1..4)).unwrap().map(Result::unwrap).sum::<u64>(), 12);
}

#[test]
fn the_first_layer_of_a_client_is_the_outermost_and_the_client_itself_stays_as_it_was() {
    let stand = stand(|builder| builder);
    let adding = |value: &'static str| {
        move |call: Call, next: Next<'_>| {
            let found = call.context().metadata().first("k").unwrap_or_default();
            let value = [found, value.as_bytes()].concat();
            next.run(call.with_metadata("k", value)?)
        }
    };
    let plain = stand.client();
    let layered = plain.with_layer(adding("a")).with_layer(adding("b"));
    let seen = |client: Client| LabClient::new(client).who("k".to_owned()).unwrap().1;
    assert_eq!(seen(layered), Some("ab".to_owned()));
    assert_eq!(seen(plain), None);
}

#[test]
fn a_client_layer_refuses_calls_of_every_kind_before_they_leave() {
    let (seen_there, there) = listening();
    let stand = stand(|builder| builder.layer(seen_there));
    let lab = stand.lab_with(closed);
    assert!(!check(lab.echo(String::new()), Code::PermissionDenied, "closed today").may_have_run());
    check(lab.start().echo(String::new()).wait(), Code::PermissionDenied, "closed today");
    check(lab.count(1).map(drop), Code::PermissionDenied, "closed today");
    check(lab.sum(Stream::from_iter(1..4)), Code::PermissionDenied, "closed today");
    check(lab.double(Stream::from_iter(1..4)).map(drop), Code::PermissionDenied, "closed today");
    there.expect_nothing();
}

#[test]
fn a_client_layer_shortens_the_time_of_calls_and_streams() {
    let stand = stand(|builder| builder);
    let hasty =
        |call: Call, next: Next<'_>| next.run(call.with_deadline(Instant::now() + Duration::from_millis(30)));
    let lab = LabClient::new(Client::over(&stand.server).with_layer(hasty));
    let begun = Instant::now();
    assert_eq!(lab.hold().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(lab.start().hold().wait().unwrap_err().code(), Code::DeadlineExceeded);
    let mut endless = lab.lent().unwrap();
    assert_eq!(endless.next().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < SOON);
}

#[test]
fn a_layer_stands_around_a_call_and_not_around_its_attempts() {
    let there = Arc::new(AtomicUsize::new(0));
    let busy_twice = {
        let there = there.clone();
        move |call: Call, next: Next<'_>| {
            if there.fetch_add(1, Ordering::SeqCst) < 2 {
                let busy = Status::resource_exhausted("a moment");
                return Err(busy.with_retry_after(Duration::from_millis(1)));
            }
            next.run(call)
        }
    };
    let stand = stand(|builder| builder.layer(busy_twice));
    let here = Arc::new(AtomicUsize::new(0));
    let counting = {
        let here = here.clone();
        move |call: Call, next: Next<'_>| {
            here.fetch_add(1, Ordering::SeqCst);
            next.run(call)
        }
    };
    let lab = stand.lab_with(counting);
    assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()));
    assert_eq!((here.load(Ordering::SeqCst), there.load(Ordering::SeqCst)), (1, 3));
}

#[test]
fn a_hedged_call_is_one_call_and_both_attempts_carry_what_a_layer_added() {
    let (layer, there) = listening();
    let stamped = |call: Call, next: Next<'_>| {
        assert_eq!(call.context().metadata().first("k"), Some(&b"v"[..]));
        next.run(call)
    };
    let stand = stand(|builder| builder.layer(stamped).layer(layer));
    let (layer, here) = listening();
    let adding = |call: Call, next: Next<'_>| next.run(call.with_metadata("k", "v")?);
    let client = stand.client().with_hedging(Duration::from_millis(5)).with_layer(layer).with_layer(adding);
    LabClient::new(client).falter().unwrap();
    here.expect("falter", Ok(Outcome::Returned));
    here.expect_nothing();
    there.expect("falter", Ok(Outcome::Returned));
    there.expect("falter", Ok(Outcome::Failed));
}

#[test]
fn a_client_layer_that_waits_ends_with_the_call_around_it() {
    let stand = stand(|builder| builder);
    let waiting = |call: Call, _: Next<'_>| {
        call.context().cancelled().recv_timeout(SOON).unwrap_err();
        assert!(call.context().is_cancelled());
        Err(Status::cancelled("while it waited"))
    };
    let lab = stand.lab_with(waiting);
    let (around, canceller) = Context::cancellable();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| drop(canceller));
        around.scope(|| lab.echo(String::new()))
    });
    assert!(!check(outcome, Code::Cancelled, "while it waited").may_have_run());
}

#[test]
fn a_panic_in_a_client_layer_is_its_callers_and_the_client_goes_on() {
    let stand = stand(|builder| builder);
    let angry = |call: Call, next: Next<'_>| {
        let answered = next.run(call)?;
        assert!(answered.outcome() == Some(Outcome::Returned), "a layer's anger");
        Ok(answered.on_end(|_| ()))
    };
    let lab = LabClient::new(Client::over(&stand.server).with_layer(angry));
    assert!(catch_unwind(AssertUnwindSafe(|| lab.lent().map(drop))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| lab.refuse())).is_err());
    lab.echo("x".to_owned()).unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    eventually("the stream that was lost in the panic is given up", || sink.send(1).is_err());
}

/// A layer that failed a call whose stream had begun left the server with it until the deadline.
#[test]
fn a_stream_that_a_client_layer_fails_is_given_up() {
    let stand = stand(|builder| builder);
    let grumpy = |call: Call, next: Next<'_>| {
        drop(next.run(call)?);
        Err(Status::aborted("on second thoughts"))
    };
    let endless = LabClient::new(Client::over(&stand.server).with_layer(grumpy));
    check(endless.lent().map(drop), Code::Aborted, "on second thoughts");
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    eventually("the server learns of it", || sink.send(1).is_err());
}

#[test]
fn a_layer_may_be_shared() {
    let limit = Arc::new(RateLimit::new(Rate::of(1, Duration::from_secs(3600)).unwrap()));
    let stand = stand(|builder| builder);
    stand.lab_with(limit.clone()).echo(String::new()).unwrap();
    assert_eq!(stand.lab_with(limit).echo(String::new()).unwrap_err().code(), Code::ResourceExhausted);
}

#[test]
fn what_a_client_cannot_send_fails_before_its_layers() {
    let stand = stand(|builder| builder);
    let (layer, ends) = listening();
    let lab = LabClient::new(stand.client().with_metadata("No", "v").with_layer(layer));
    assert_eq!(lab.echo(String::new()).unwrap_err().code(), Code::InvalidArgument);
    ends.expect_nothing();
}
