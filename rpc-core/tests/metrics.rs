//! What a server counts, over real sockets: every call once, by what came of it, and nothing in flight when all is over.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "metrics/house.rs"]
mod house;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use house::{Desk as _, DeskClient, House, SOON, counted, number, timed, whole};
use rpc_core::layers::ClientMetrics;
use rpc_core::limits::FRAME_BEFORE_PREFACE;
use rpc_core::metrics::{BUCKETS, Metrics, Value};
use rpc_core::service::{Kind, Procedure};
use rpc_core::{Bytes, Client, Limits, Status, stream};

#[test]
fn every_call_is_counted_once_by_what_came_of_it() {
    let house = House::open();
    let client = house.client();
    for _ in 0..3 {
        client.echo(Bytes::default()).unwrap();
    }
    house.check("echo", "Ok", 3);
    client.refuse().unwrap_err();
    house.check("refuse", "Failed", 1);
    client.burst().unwrap_err();
    house.check("burst", "Internal", 1);
    // Nobody waits for it here, or its caller might give it up before the server does.
    let late = client.with_deadline(Duration::from_millis(20)).start().hold();
    house.held.recv_timeout(SOON).unwrap();
    house.check("hold", "DeadlineExceeded", 1);
    drop(late);
    let pending = client.start().hold();
    house.held.recv_timeout(SOON).unwrap();
    drop(pending);
    house.check("hold", "Cancelled", 1);
    house.settle(7);
}

/// Names that a peer makes up are no labels: he could fill the watcher's memory with them.
#[test]
fn calls_that_are_refused_count_and_unknown_procedures_have_one_name() {
    static UNKNOWN: [Procedure; 2] = [Procedure::new("a", Kind::Unary), Procedure::new("b", Kind::Unary)];
    static ECHO: Procedure = Procedure::new("echo", Kind::Unary);
    let house = House::with(|builder| builder.limits(Limits { calls_in_flight: 1, ..Limits::default() }));
    let client = house.raw_client();
    for procedure in &UNKNOWN {
        client.call::<_, (), Status>(procedure, &()).unwrap_err();
    }
    house.check("(unknown)", "Unimplemented", 2);
    client.call::<_, (), Status>(&ECHO, &()).unwrap_err();
    house.check("echo", "InvalidArgument", 1);
    house.settle(3);
    let family = house.server.metrics().into_iter().find(|family| family.name() == "rpc_server_calls_total");
    let names = family.unwrap().samples().iter().map(|sample| sample.labels[0].1.clone()).collect::<Vec<_>>();
    assert_eq!(
        names.len(),
        (9 + 4 + 1) * 18,
        "each procedure, built in or not, and outcome, happened or not"
    );
    assert!(!names.contains(&"a".to_owned()));
}

#[test]
fn a_reply_that_is_too_large_counts_as_the_status_that_its_caller_gets() {
    let house = House::open();
    let narrow = Limits { frame: FRAME_BEFORE_PREFACE, ..Limits::default() };
    let client = DeskClient::new(house.raw_client().with_limits(narrow));
    client.echo(Bytes::from(vec![7; FRAME_BEFORE_PREFACE as usize])).unwrap_err();
    house.check("echo", "ResourceExhausted", 1);
    house.settle(1);
}

#[test]
fn a_call_with_a_stream_is_over_when_the_stream_is() {
    let house = House::open();
    let client = house.client();
    let mut items = client.lent().unwrap();
    let sink = house.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    assert_eq!(items.next().unwrap().unwrap(), 1);
    let metrics = house.wait(|metrics| number(metrics, "rpc_server_streams") == 1);
    let in_flight = metrics.value("rpc_server_calls_in_flight", &[("procedure", "lent")]);
    assert_eq!((in_flight, counted(&metrics)), (Some(1.0), 0));
    drop(sink);
    assert!(items.next().is_none());
    house.check("lent", "Ok", 1);
    assert_eq!(client.count(1000).unwrap().map(Result::unwrap).count(), 1000);
    house.check("count", "Ok", 1);
    let (numbers, taken) = stream();
    let sending = std::thread::scope(|scope| {
        scope.spawn(move || (0..500).try_for_each(|number| numbers.send(number)).unwrap());
        client.sum(taken)
    });
    assert_eq!(sending.unwrap(), 499 * 250);
    house.check("sum", "Ok", 1);
    assert_eq!(client.crumble().unwrap().filter(Result::is_ok).count(), 2);
    house.check("crumble", "Internal", 1);
    drop(client.lent().unwrap());
    house.check("lent", "Cancelled", 1);
    house.settle(5);
    let metrics = house.server.metrics();
    let items = |name: &str, procedure| whole(metrics.value(name, &[("procedure", procedure)]).unwrap());
    assert_eq!(items("rpc_server_items_sent_total", "count"), 1000);
    assert_eq!(items("rpc_server_items_sent_total", "lent"), 1);
    assert_eq!(items("rpc_server_items_received_total", "sum"), 500);
    assert_eq!(
        metrics.value("rpc_server_items_sent_total", &[("procedure", "echo")]),
        None,
        "it has no stream"
    );
}

#[test]
fn calls_of_a_connection_that_is_lost_are_over_with_it() {
    let house = House::open();
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    house.server.adopt(far).unwrap();
    let ours = near.try_clone().unwrap();
    let client = DeskClient::new(Client::over(near));
    let calls: Vec<_> = (0..3).map(|_| client.start().hold()).collect();
    for _ in 0..3 {
        house.held.recv_timeout(SOON).unwrap();
    }
    let metrics = house.server.metrics();
    assert_eq!(metrics.value("rpc_server_calls_in_flight", &[("procedure", "hold")]), Some(3.0));
    ours.shutdown(std::net::Shutdown::Both).unwrap();
    house.check("hold", "Unavailable", 3);
    house.settle(3);
    drop(calls);
    let metrics = house.wait(|metrics| number(metrics, "rpc_server_connections") == 0);
    assert!(number(&metrics, "rpc_server_received_bytes_total") > 24, "what has left is not forgotten");
}

#[test]
fn a_scrape_during_load_never_goes_back_and_adds_up_when_it_is_over() {
    const CALLERS: u64 = 8;
    const CALLS: u64 = 500;
    let house = House::open();
    let busy = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut last = 0;
            while busy.load(Ordering::SeqCst) {
                let metrics = house.server.metrics();
                let (counted, timed) = (counted(&metrics), timed(&metrics));
                assert!(counted >= last && timed + CALLERS >= counted, "{metrics}");
                assert!(metrics.sum("rpc_server_calls_in_flight", &[]) <= 8.0);
                last = counted;
            }
        });
        let caller = |_| {
            scope.spawn(|| {
                let client = house.client();
                for call in 0..CALLS {
                    if call % 10 == 0 {
                        client.refuse().unwrap_err();
                    } else {
                        client.echo(Bytes::from(vec![7; 100])).unwrap();
                    }
                }
            })
        };
        (0..CALLERS).map(caller).collect::<Vec<_>>().into_iter().for_each(|caller| caller.join().unwrap());
        busy.store(false, Ordering::SeqCst);
        scraper.join().unwrap();
    });
    house.settle(CALLERS * CALLS);
    house.check("refuse", "Failed", CALLERS * CALLS / 10);
    house.check("echo", "Ok", CALLERS * CALLS / 10 * 9);
    let metrics = house.server.metrics();
    for direction in ["received", "sent"] {
        let bytes = number(&metrics, &format!("rpc_server_{direction}_bytes_total"));
        let items = CALLERS * CALLS / 10 * 9 * 100;
        assert!((items..3 * items).contains(&bytes), "{bytes} bytes {direction} for {items} of arguments");
    }
    assert_eq!(number(&metrics, "rpc_server_queued_bytes"), 0);
    assert_eq!(number(&metrics, "rpc_server_connections_admitted_total"), CALLERS);
}

#[test]
fn how_long_a_call_took_is_from_its_frame_to_its_answer() {
    let house = House::open();
    let client = house.client();
    client.with_deadline(Duration::from_millis(60)).hold().unwrap_err();
    house.settle(1);
    let metrics = house.server.metrics();
    let family = metrics.iter().find(|family| family.name() == "rpc_server_call_seconds").unwrap();
    let sample = family.samples().iter().find(|sample| sample.labels[0].1 == "hold").unwrap();
    let Value::Distribution(times) = &sample.value else { panic!("it is a histogram") };
    assert!((Duration::from_millis(50)..SOON).contains(&times.sum()), "{:?}", times.sum());
    assert_eq!(times.cumulative().find(|(bound, _)| *bound == Duration::from_millis(25)).unwrap().1, 0);
    assert_eq!(times.cumulative().count(), BUCKETS.len());
}

#[test]
fn who_is_not_served_is_counted_by_why() {
    let house = House::with(|builder| builder.limits(Limits { connections: Some(1), ..Limits::default() }));
    let client = house.client();
    client.echo(Bytes::default()).unwrap();
    house.client().echo(Bytes::default()).unwrap_err();
    let refused = |why: &'static str| {
        move |metrics: &Metrics| {
            whole(metrics.value("rpc_server_connections_refused_total", &[("reason", why)]).unwrap())
        }
    };
    let metrics = house.wait(|metrics| refused("full")(metrics) >= 1);
    assert_eq!((number(&metrics, "rpc_server_connections"), refused("stranger")(&metrics)), (1, 0));
    assert_eq!(number(&metrics, "rpc_server_connections_limit"), 1);
    drop(client);
    house.wait(|metrics| number(metrics, "rpc_server_connections") == 0);
    let mut stranger = TcpStream::connect(house.server.address()).unwrap();
    stranger.set_read_timeout(Some(SOON)).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // Whether it ends in order or by a reset does not matter.
    stranger.read_to_end(&mut Vec::new()).ok();
    house.wait(|metrics| refused("stranger")(metrics) == 1);
}

#[test]
fn a_slow_call_that_loses_the_reading_is_counted() {
    let house = House::open();
    let client = house.client();
    let slow = client.start().grind();
    house.held.recv_timeout(SOON).unwrap();
    assert_eq!(number(&house.server.metrics(), "rpc_server_handovers_total"), 0);
    client.echo(Bytes::default()).unwrap();
    let metrics = house.server.metrics();
    assert_eq!(number(&metrics, "rpc_server_handovers_total"), 1);
    let threads = |state| whole(metrics.value("rpc_server_threads", &[("state", state)]).unwrap());
    assert_eq!((threads("busy"), threads("idle")), (2, 0));
    assert!(number(&metrics, "rpc_server_threads_limit") > 2);
    house.gate.send(()).unwrap();
    slow.wait().unwrap();
    house.settle(2);
}

#[test]
fn a_client_that_is_told_to_counts_its_calls_as_its_caller_sees_them() {
    let house = House::open();
    let metrics = ClientMetrics::new();
    let client = DeskClient::new(house.raw_client().with_layer(metrics.clone()));
    client.echo(Bytes::default()).unwrap();
    client.refuse().unwrap_err();
    client.with_deadline(Duration::from_millis(20)).hold().unwrap_err();
    drop(client.start().grind());
    let in_flight = |procedure| {
        let value = metrics.read().value("rpc_client_calls_in_flight", &[("procedure", procedure)]);
        whole(value.unwrap())
    };
    let mut items = client.lent().unwrap();
    let sink = house.sinks.recv_timeout(SOON).unwrap();
    assert_eq!((in_flight("lent"), in_flight("echo")), (1, 0));
    drop(sink);
    assert!(items.next().is_none());
    drop(items);
    let told = metrics.read();
    for (procedure, code) in [
        ("echo", "Ok"),
        ("refuse", "Failed"),
        ("hold", "DeadlineExceeded"),
        ("grind", "Cancelled"),
        ("lent", "Ok"),
    ] {
        let count = told.value("rpc_client_calls_total", &[("procedure", procedure), ("code", code)]);
        assert_eq!(count, Some(1.0), "{procedure} {code}:\n{told}");
    }
    assert_eq!(told.sum("rpc_client_calls_total", &[]), 5.0);
    assert_eq!(told.sum("rpc_client_calls_in_flight", &[]), 0.0);
}
