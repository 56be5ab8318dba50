//! Layers learn the end of every call, once.

use std::time::Duration;

use rpc_core::layer::{Call, Next};
use rpc_core::layers::ClientMetrics;
use rpc_core::service::Outcome::{Failed, Returned};
use rpc_core::service::{Kind, Procedure};
use rpc_core::{Client, Code, PanicPolicy, Status, Stream};

use super::lab::{Lab, LabClient, SOON, check, eventually, listening, stand};

#[test]
fn calls_end_with_what_they_returned_on_both_sides() {
    let (layer, there) = listening();
    let stand = stand(|builder| builder.layer(layer));
    let (layer, here) = listening();
    let lab = stand.lab_with(layer);
    lab.echo("x".to_owned()).unwrap();
    lab.refuse().unwrap_err();
    lab.sum(Stream::from_iter(1..4)).unwrap();
    for ends in [&here, &there] {
        ends.expect("echo", Ok(Returned));
        ends.expect("refuse", Ok(Failed));
        ends.expect("sum", Ok(Returned));
        ends.expect_nothing();
    }
    lab.burst().unwrap_err();
    here.expect("burst", Err(Code::Internal));
}

#[test]
fn a_started_call_ends_when_its_answer_is_taken_or_given_up() {
    let (layer, ends) = listening();
    let stand = stand(|builder| builder);
    let lab = stand.lab_with(layer);
    let pending = lab.start().echo("x".to_owned());
    ends.expect_nothing();
    pending.wait().unwrap();
    ends.expect("echo", Ok(Returned));
    let mut pending = lab.start().refuse();
    eventually("the answer has come", || pending.try_wait().is_some());
    ends.expect("refuse", Ok(Failed));
    let mut pending = lab.start().burst();
    pending.wait_timeout(SOON).unwrap().unwrap_err();
    ends.expect("burst", Err(Code::Internal));
    drop(pending);
    drop(lab.start().hold());
    ends.expect("hold", Err(Code::Cancelled));
    ends.expect_nothing();
}

#[test]
fn a_stream_ends_behind_its_last_item_on_both_sides() {
    let (layer, there) = listening();
    let stand = stand(|builder| builder.layer(layer));
    let (layer, here) = listening();
    let lab = stand.lab_with(layer);
    let mut items = lab.count(2).unwrap();
    items.next().unwrap().unwrap();
    here.expect_nothing();
    assert_eq!(items.count(), 1);
    here.expect("count", Ok(Returned));
    there.expect("count", Ok(Returned));
    let lent = lab.lent().unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    there.expect_nothing();
    sink.fail(Status::data_loss("torn"));
    there.expect("lent", Err(Code::DataLoss));
    assert_eq!(lent.last().unwrap().unwrap_err().code(), Code::DataLoss);
    here.expect("lent", Err(Code::DataLoss));
    let doubled = lab.double(Stream::from_iter(0..100)).unwrap();
    assert_eq!(doubled.count(), 100);
    here.expect("double", Ok(Returned));
    there.expect("double", Ok(Returned));
}

#[test]
fn a_stream_that_is_given_up_ends_so_on_both_sides() {
    let (layer, there) = listening();
    let stand = stand(|builder| builder.layer(layer));
    let (layer, here) = listening();
    let lab = stand.lab_with(layer);
    drop(lab.lent().unwrap());
    here.expect("lent", Err(Code::Cancelled));
    there.expect("lent", Err(Code::Cancelled));
    drop(lab.count(u64::MAX).unwrap());
    here.expect("count", Err(Code::Cancelled));
    there.expect("count", Err(Code::Cancelled));
}

#[test]
fn a_stream_whose_time_is_over_ends_so_on_both_sides() {
    let (layer, there) = listening();
    let stand = stand(|builder| builder.layer(layer));
    let (layer, here) = listening();
    let client = Client::over(&stand.server).with_deadline(Duration::from_millis(50)).with_layer(layer);
    let late = LabClient::new(client).lent().unwrap().next().unwrap();
    assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
    here.expect("lent", Err(Code::DeadlineExceeded));
    // Its own clock, or the caller's word.
    there.expect_any("lent", &[Code::DeadlineExceeded, Code::Cancelled]);
}

#[test]
fn a_lost_connection_ends_its_streams() {
    let (layer, there) = listening();
    let stand = stand(|builder| builder.layer(layer));
    let (layer, here) = listening();
    let lab = stand.lab_with(layer);
    let mut lent = lab.lent().unwrap();
    stand.server.shutdown(Duration::ZERO).unwrap();
    there.expect("lent", Err(Code::Unavailable));
    assert_eq!(lent.next().unwrap().unwrap_err().code(), Code::Unavailable);
    here.expect("lent", Err(Code::Unavailable));
}

fn angry_at_the_end(call: Call, next: Next<'_>) -> Result<rpc_core::layer::Answered, Status> {
    Ok(next.run(call)?.on_end(|end| panic!("{end:?}")))
}

#[test]
fn an_ending_that_panics_costs_its_call_at_most() {
    let (layer, ends) = listening();
    let stand = stand(|builder| builder.layer(layer).layer(angry_at_the_end));
    let lab = stand.lab();
    check(lab.echo("x".to_owned()), Code::Internal, "echo panicked");
    assert_eq!(lab.count(3).unwrap().count(), 3, "the stream was over already");
    ends.expect("count", Ok(Returned));
    drop(lab.lent().unwrap());
    ends.expect("lent", Err(Code::Cancelled));
    lab.who("k".to_owned()).unwrap_err();
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn an_ending_that_panics_ends_its_connection_where_that_is_the_policy() {
    let stand = stand(|builder| builder.layer(angry_at_the_end).on_panic(PanicPolicy::CloseConnection));
    let lab = stand.lab();
    let held = lab.start().hold();
    stand.entered.recv_timeout(SOON).unwrap();
    drop(lab.lent().unwrap());
    assert_eq!(held.wait().unwrap_err().code(), Code::Unavailable);
}

#[test]
fn what_a_layer_keeps_is_dropped_when_the_call_is_over() {
    let (kept, gone) = crossbeam_channel::bounded::<()>(0);
    let keeping = move |call: Call, next: Next<'_>| {
        let kept = kept.clone();
        Ok(next.run(call)?.keeping(kept))
    };
    let stand = stand(|builder| builder);
    let lab = stand.lab_with(keeping);
    let lent = lab.lent().unwrap();
    drop(lab);
    assert_eq!(gone.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
    drop(lent);
    assert_eq!(gone.recv_timeout(SOON), Err(crossbeam_channel::RecvTimeoutError::Disconnected));
}

/// A reply was once decoded behind the layers: what the caller got as `Internal` they counted as returned.
#[test]
fn a_reply_that_does_not_decode_ends_for_layers_as_for_the_caller() {
    static MISTAKEN: Procedure = Procedure::new("echo", Kind::Unary);
    let stand = stand(|builder| builder);
    let (layer, here) = listening();
    let client = stand.client().with_layer(layer);
    let metrics = ClientMetrics::new();
    let client = client.with_layer(metrics.clone());
    let arguments = ("no boolean".to_owned(),);
    let called: Result<bool, Status> = client.call(&MISTAKEN, &arguments);
    assert_eq!(called.unwrap_err().code(), Code::Internal);
    here.expect("echo", Err(Code::Internal));
    let started: Result<bool, Status> = client.start(&MISTAKEN, &arguments).wait();
    assert_eq!(started.unwrap_err().code(), Code::Internal);
    here.expect("echo", Err(Code::Internal));
    let internal = [("procedure", "echo"), ("code", "Internal")];
    assert_eq!(metrics.read().value("rpc_client_calls_total", &internal), Some(2.0));
}

#[test]
fn an_error_that_does_not_decode_is_told_to_layers_around_streams_too() {
    static MISTAKEN: Procedure = Procedure::new("refuse", Kind::ServerStream);
    let stand = stand(|builder| builder);
    let (layer, here) = listening();
    let client = stand.client().with_layer(layer);
    let opened: Result<Stream<u8>, Odd> = client.call_for_stream(&MISTAKEN, &());
    assert!(matches!(opened, Err(Odd::Rpc(status)) if status.code() == Code::Internal));
    here.expect("refuse", Err(Code::Internal));
}

/// No status decodes as this.
#[derive(Debug, serde::Deserialize)]
enum Odd {
    #[serde(skip)]
    Rpc(Status),
}

impl From<Status> for Odd {
    fn from(status: Status) -> Odd {
        Odd::Rpc(status)
    }
}
