//! Unary calls over real sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "waits/gate.rs"]
mod gate;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rpc_core::service::{Kind, Procedure};
use rpc_core::{Bytes, Client, Code, Context, Server, Status};
use serde::{Deserialize, Serialize};

use self::gate::Gate;

#[rpc_core::service]
trait Lab {
    /// Gives back what it is given.
    fn echo(&self, text: String) -> Result<String, LabError>;
    fn nothing(&self) -> Result<(), LabError>;
    fn bulk(&self, bytes: Bytes) -> Result<Bytes, LabError>;
    fn fail(&self, number: u32) -> Result<(), LabError>;
    fn panic(&self) -> Result<(), LabError>;
    /// Waits for the gate, the deadline or the caller's loss of interest.
    fn wait(&self) -> Result<String, LabError>;
    fn metadata(&self, key: String) -> Result<Vec<u8>, LabError>;
    fn remaining_ms(&self) -> Result<Option<u64>, LabError>;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum LabError {
    Number(u32),
    Rpc(Status),
}

impl From<Status> for LabError {
    fn from(status: Status) -> LabError {
        LabError::Rpc(status)
    }
}

impl LabError {
    #[track_caller]
    fn status(&self) -> &Status {
        match self {
            LabError::Rpc(status) => status,
            LabError::Number(_) => panic!("not a status: {self:?}"),
        }
    }
}

struct Bench {
    gate: Gate,
    runs: AtomicUsize,
}

impl Lab for Bench {
    fn echo(&self, text: String) -> Result<String, LabError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(text)
    }

    fn nothing(&self) -> Result<(), LabError> {
        Ok(())
    }

    fn bulk(&self, bytes: Bytes) -> Result<Bytes, LabError> {
        Ok(bytes)
    }

    fn fail(&self, number: u32) -> Result<(), LabError> {
        Err(LabError::Number(number))
    }

    fn panic(&self) -> Result<(), LabError> {
        panic!("on purpose")
    }

    fn wait(&self) -> Result<String, LabError> {
        self.gate.pass()?;
        Ok("through".to_owned())
    }

    fn metadata(&self, key: String) -> Result<Vec<u8>, LabError> {
        Ok(Context::current().metadata().first(&key).unwrap_or_default().to_vec())
    }

    fn remaining_ms(&self) -> Result<Option<u64>, LabError> {
        Ok(Context::current().remaining().map(|left| u64::try_from(left.as_millis()).unwrap()))
    }
}

/// A server with a bench, and what a test sees of it.
struct Stand {
    lab: LabClient,
    server: Server,
    gate: Sender<()>,
    entered: Receiver<()>,
    cancelled: Receiver<()>,
    bench: Arc<Bench>,
}

fn stand() -> Stand {
    stand_with(rpc_core::Limits::default())
}

fn stand_with(limits: rpc_core::Limits) -> Stand {
    let (gate, opens, [entered, cancelled]) = Gate::new();
    let bench = Arc::new(Bench { gate, runs: AtomicUsize::new(0) });
    let server =
        Server::builder().service(LabService::new(bench.clone())).limits(limits).bind("127.0.0.1:0").unwrap();
    let lab = LabClient::new(Client::connect(server.address().to_string()));
    Stand { lab, server, gate: opens, entered, cancelled, bench }
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn values_errors_and_empty_calls_travel_typed() {
    let stand = stand();
    assert_eq!(stand.lab.echo("olá 🦀".to_owned()), Ok("olá 🦀".to_owned()));
    assert_eq!(stand.lab.nothing(), Ok(()));
    assert_eq!(stand.lab.fail(7), Err(LabError::Number(7)));
    stand.server.shutdown(SOON).unwrap();
}

#[test]
fn bulk_bytes_come_back_whole_at_every_size() {
    let stand = stand();
    for size in [0, 1, 4095, 4096, 32 << 10, (64 << 10) - 1, 64 << 10, 1 << 20, 7 << 20] {
        let bytes: Vec<u8> = (0..size).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let back = stand.lab.bulk(bytes.clone().into()).unwrap();
        assert!(back.into_vec() == bytes, "{size} bytes");
    }
}

#[test]
fn a_request_over_the_limit_fails_alone_and_names_limit_and_size() {
    let stand = stand();
    let error = stand.lab.bulk(vec![0; 9 << 20].into()).unwrap_err();
    let status = error.status();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("8388608") && status.message().contains("9437"), "{status}");
    assert!(!status.may_have_run());
    assert_eq!(stand.lab.nothing(), Ok(()));
}

#[test]
fn a_panic_is_that_calls_internal_and_nobody_elses() {
    let stand = stand();
    let error = stand.lab.panic().unwrap_err();
    assert_eq!(error.status().code(), Code::Internal);
    assert_eq!(stand.lab.nothing(), Ok(()));
}

#[test]
fn an_unknown_procedure_is_unimplemented_and_the_connection_lives() {
    static MISSING: Procedure = Procedure::new("missing", Kind::Unary);
    let stand = stand();
    let error = stand.lab.client().call::<_, (), LabError>(&MISSING, &()).unwrap_err();
    assert_eq!(error.status().code(), Code::Unimplemented);
    assert!(error.status().message().contains("missing"));
    assert_eq!(stand.server.connections(), 1);
    assert_eq!(stand.lab.nothing(), Ok(()));
}

#[test]
fn arguments_that_do_not_decode_fail_their_call_only() {
    let stand = stand();
    let echo = &LabClient::PROCEDURES[0];
    let error = stand.lab.client().call::<_, String, LabError>(echo, &(9u8, 2u8)).unwrap_err();
    assert_eq!(error.status().code(), Code::InvalidArgument);
    assert_eq!(stand.lab.echo("x".to_owned()), Ok("x".to_owned()));
}

#[test]
fn many_threads_share_a_connection_and_each_gets_its_own_answer() {
    let stand = stand();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let lab = &stand.lab;
            scope.spawn(move || {
                for call in 0..200 {
                    let text = format!("{thread}/{call}");
                    assert_eq!(lab.echo(text.clone()), Ok(text));
                }
            });
        }
    });
    assert_eq!(stand.server.connections(), 1);
    assert_eq!(stand.bench.runs.load(Ordering::SeqCst), 16 * 200);
}

#[test]
fn started_calls_are_answered_whatever_order_they_are_waited_for() {
    let stand = stand();
    let mut pending: Vec<_> =
        (0..1000).map(|number| (number, stand.lab.start().echo(number.to_string()))).collect();
    pending.reverse();
    for (number, call) in pending {
        assert_eq!(call.wait(), Ok(number.to_string()));
    }
}

#[test]
fn a_started_call_leaves_without_being_waited_for() {
    let stand = stand();
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    stand.gate.send(()).unwrap();
    assert_eq!(pending.wait(), Ok("through".to_owned()));
}

#[test]
fn a_fast_call_overtakes_a_slow_one_of_the_same_connection() {
    let stand = stand();
    let slow = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    assert_eq!(stand.lab.echo("fast".to_owned()), Ok("fast".to_owned()));
    stand.gate.send(()).unwrap();
    assert_eq!(slow.wait(), Ok("through".to_owned()));
}

/// A heartbeat and a waiting call left in one write; the heartbeat's answer came when the wait was over, 25 s later, since
/// nothing had come behind them.
#[test]
fn a_fast_reply_does_not_wait_behind_a_slow_call_of_the_same_turn() {
    let stand = stand();
    let fast: Vec<_> = (0..10).map(|number| stand.lab.start().echo(number.to_string())).collect();
    let slow = stand.lab.start().wait();
    for (number, call) in fast.into_iter().enumerate() {
        assert_eq!(call.wait(), Ok(number.to_string()));
    }
    assert_eq!(stand.lab.echo("after".to_owned()), Ok("after".to_owned()));
    stand.gate.send(()).unwrap();
    assert_eq!(slow.wait(), Ok("through".to_owned()));
}

#[test]
fn a_deadline_ends_the_call_on_both_sides() {
    let stand = stand();
    let begun = Instant::now();
    let error = stand.lab.with_deadline(Duration::from_millis(30)).wait().unwrap_err();
    assert_eq!(error.status().code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < SOON);
    stand.cancelled.recv_timeout(SOON).unwrap();
    assert_eq!(stand.lab.nothing(), Ok(()));
}

#[test]
fn dropping_a_pending_call_cancels_its_procedure() {
    let stand = stand();
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    drop(pending);
    stand.cancelled.recv_timeout(SOON).unwrap();
}

#[test]
fn time_left_and_metadata_reach_the_procedure() {
    let stand = stand();
    let lab = stand.lab.with_deadline(Duration::from_secs(5)).with_metadata("who", "ana");
    let left = lab.remaining_ms().unwrap().unwrap();
    assert!((1..=5000).contains(&left), "{left}");
    assert_eq!(lab.metadata("who".to_owned()), Ok(b"ana".to_vec()));
    assert_eq!(lab.metadata("nobody".to_owned()), Ok(Vec::new()));
    let error = lab.with_metadata("Bad Key", "x").nothing().unwrap_err();
    assert_eq!(error.status().code(), Code::InvalidArgument);
}

#[test]
fn a_surrounding_deadline_bounds_calls_made_inside() {
    let stand = stand();
    let outer = Context::background().with_deadline(Instant::now() + Duration::from_secs(2));
    let left = outer.scope(|| stand.lab.remaining_ms()).unwrap().unwrap();
    assert!(left <= 2000, "{left}");
}

#[test]
fn shutdown_lets_running_calls_end_and_refuses_new_ones() {
    let stand = stand();
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    let (server, gate) = (stand.server, stand.gate);
    let shutdown = std::thread::scope(|scope| {
        let closing = scope.spawn(move || server.shutdown(SOON));
        loop {
            match stand.lab.nothing() {
                Ok(()) => std::thread::yield_now(),
                Err(error) => {
                    assert_eq!(error.status().code(), Code::Unavailable);
                    assert!(!error.status().may_have_run());
                    break;
                }
            }
        }
        gate.send(()).unwrap();
        assert_eq!(pending.wait(), Ok("through".to_owned()));
        closing.join().unwrap()
    });
    assert_eq!(shutdown, Ok(()));
}

#[test]
fn shutdown_cancels_what_outlives_the_grace() {
    let stand = stand();
    let pending = stand.lab.start().wait();
    stand.entered.recv_timeout(SOON).unwrap();
    assert_eq!(stand.server.shutdown(Duration::from_millis(10)), Ok(()));
    stand.cancelled.recv_timeout(SOON).unwrap();
    assert_eq!(pending.wait().unwrap_err().status().code(), Code::Unavailable);
}

#[test]
fn a_call_after_the_servers_end_reconnects_to_the_next_one() {
    let stand = stand();
    assert_eq!(stand.lab.nothing(), Ok(()));
    let address = stand.server.address();
    stand.server.shutdown(SOON).unwrap();
    assert_eq!(stand.lab.nothing().unwrap_err().status().code(), Code::Unavailable);
    let server = Server::builder().service(LabService::new(stand.bench.clone())).bind(address).unwrap();
    assert_eq!(stand.lab.nothing(), Ok(()));
    server.shutdown(SOON).unwrap();
}

#[test]
fn a_patient_call_waits_for_its_server() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let lab = LabClient::new(Client::connect(address.to_string())).wait_for_ready();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lab.echo("there".to_owned()));
        let bench = stand().bench;
        let server = Server::builder().service(LabService::new(bench)).bind(address).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok("there".to_owned()));
        server.shutdown(SOON).unwrap();
    });
}

#[test]
fn calls_in_flight_past_the_servers_limit_wait_for_their_turn() {
    let limits = rpc_core::Limits { calls_in_flight: 2, ..rpc_core::Limits::default() };
    let stand = stand_with(limits);
    assert_eq!(stand.lab.nothing(), Ok(()));
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..10).map(|_| scope.spawn(|| stand.lab.wait())).collect();
        for _ in 0..10 {
            stand.gate.send(()).unwrap();
        }
        let answers: HashSet<_> = calls.into_iter().map(|call| call.join().unwrap().unwrap()).collect();
        assert_eq!(answers.len(), 1);
    });
}

#[test]
fn a_connection_past_the_cap_is_told_so() {
    let limits = rpc_core::Limits { connections: Some(1), ..rpc_core::Limits::default() };
    let stand = stand_with(limits);
    assert_eq!(stand.lab.nothing(), Ok(()));
    let second = LabClient::new(Client::connect(stand.server.address().to_string()));
    let error = second.nothing().unwrap_err();
    assert_eq!(error.status().code(), Code::ResourceExhausted, "{error:?}");
    assert!(!error.status().may_have_run());
    assert_eq!(stand.lab.nothing(), Ok(()));
}
