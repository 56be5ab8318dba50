//! The four kinds of call over real sockets.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Broadcast, Bytes, Client, Code, Context, Server, Sink, Status, Stream, TrySendError, stream};

#[rpc_core::service]
trait Mill {
    /// Counts up from 0; an endless stream for `u64::MAX`.
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    /// Counts to three and fails.
    fn stumble(&self) -> Result<Stream<u64>, Status>;
    fn refuse(&self) -> Result<Stream<u64>, Status>;
    fn sum(&self, first: u64, numbers: Stream<u64>) -> Result<u64, Status>;
    /// Takes that many numbers and answers, whatever comes behind.
    fn take(&self, numbers: Stream<u64>, items: usize) -> Result<Vec<u64>, Status>;
    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    fn large(&self, size: usize, items: usize) -> Result<Stream<Bytes>, Status>;
    /// A stream whose sink the test holds.
    fn held(&self) -> Result<Stream<u64>, Status>;
    fn echo(&self, number: u64) -> Result<u64, Status>;
}

struct Works {
    held: Sender<Sink<u64>>,
    /// Told when the endless count has noticed that nobody listens.
    stopped: Sender<Status>,
    sent: AtomicUsize,
}

impl Mill for Works {
    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn stumble(&self) -> Result<Stream<u64>, Status> {
        let items = (0..3).map(Ok).chain([Err(Status::data_loss("a hole"))]);
        Ok(Stream::from_results(items))
    }

    fn refuse(&self) -> Result<Stream<u64>, Status> {
        Err(Status::permission_denied("not for you"))
    }

    fn sum(&self, first: u64, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().try_fold(first, |sum, number| Ok(sum + number?))
    }

    fn take(&self, numbers: Stream<u64>, items: usize) -> Result<Vec<u64>, Status> {
        numbers.take(items).collect()
    }

    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(numbers.map(|number| Ok(2 * number?))))
    }

    fn large(&self, size: usize, items: usize) -> Result<Stream<Bytes>, Status> {
        Ok(Stream::from_iter((0..items).map(move |_| Bytes::from(vec![7; size]))))
    }

    fn held(&self) -> Result<Stream<u64>, Status> {
        let (sink, items) = stream();
        self.held.send(sink).unwrap();
        let (cancelled, stopped) = (Context::current().cancelled(), self.stopped.clone());
        self.sent.fetch_add(1, Ordering::SeqCst);
        drop(std::thread::Builder::new().spawn(move || {
            assert!(cancelled.recv().is_err());
            stopped.send(Status::cancelled("seen by the procedure")).ok();
        }));
        Ok(items)
    }

    fn echo(&self, number: u64) -> Result<u64, Status> {
        Ok(number)
    }
}

struct Stand {
    mill: MillClient,
    server: Server,
    sinks: Receiver<Sink<u64>>,
    stopped: Receiver<Status>,
}

const SOON: Duration = Duration::from_secs(10);

fn stand() -> Stand {
    let (held, sinks) = bounded(10);
    let (stopping, stopped) = bounded(10);
    let works = Arc::new(Works { held, stopped: stopping, sent: AtomicUsize::new(0) });
    let server = Server::builder().service(MillService::new(works)).bind("127.0.0.1:0").unwrap();
    let mill = MillClient::new(Client::connect(server.address().to_string()));
    Stand { mill, server, sinks, stopped }
}

fn numbers(stream: Stream<u64>) -> Vec<u64> {
    stream.map(Result::unwrap).collect()
}

#[test]
fn a_server_stream_brings_every_item_in_order() {
    let stand = stand();
    for items in [0, 1, 63, 64, 65, 1000, 20_000] {
        assert_eq!(numbers(stand.mill.count(items).unwrap()), (0..items).collect::<Vec<_>>());
    }
    assert_eq!(stand.server.connections(), 1);
    stand.server.shutdown(SOON).unwrap();
}

#[test]
fn a_stream_that_fails_brings_its_items_first() {
    let stand = stand();
    let items: Vec<_> = stand.mill.stumble().unwrap().collect();
    assert_eq!(items.len(), 4);
    let error = items.last().unwrap().clone().unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::DataLoss, "a hole"));
    assert_eq!(stand.mill.refuse().unwrap_err().code(), Code::PermissionDenied);
}

#[test]
fn a_client_stream_is_consumed_by_its_procedure() {
    let stand = stand();
    for items in [0, 1, 64, 65, 10_000] {
        assert_eq!(stand.mill.sum(5, Stream::from_iter(0..items)), Ok(5 + (0..items).sum::<u64>()));
    }
    let failing = Stream::from_results([Ok(1), Err(Status::aborted("changed my mind"))]);
    assert_eq!(stand.mill.sum(0, failing).unwrap_err().code(), Code::Aborted);
}

#[test]
fn an_answer_before_the_streams_end_stops_its_producer() {
    let stand = stand();
    let (sink, items) = stream();
    std::thread::scope(|scope| {
        let producer = scope.spawn(move || (0..).find_map(|number| sink.send(number).err()).unwrap());
        assert_eq!(stand.mill.take(items, 3), Ok(vec![0, 1, 2]));
        assert_eq!(producer.join().unwrap().code(), Code::Cancelled);
    });
    assert_eq!(stand.mill.echo(1), Ok(1));
}

#[test]
fn both_directions_flow_at_once() {
    let stand = stand();
    let doubled = numbers(stand.mill.double(Stream::from_iter(0..10_000)).unwrap());
    assert_eq!(doubled, (0..10_000).map(|number| 2 * number).collect::<Vec<_>>());
}

#[test]
fn each_answer_of_a_conversation_comes_before_the_next_question() {
    let stand = stand();
    let (sink, questions) = stream();
    let mut answers = stand.mill.double(questions).unwrap();
    for number in 0..100 {
        sink.send(number).unwrap();
        assert_eq!(answers.next(), Some(Ok(2 * number)));
    }
    drop(sink);
    assert_eq!(answers.next(), None);
}

#[test]
fn a_sender_that_runs_ahead_reads_its_credit_itself() {
    let stand = stand();
    let (sink, items) = stream();
    let (answered, answer) = bounded(1);
    std::thread::scope(|scope| {
        let mill = stand.mill.clone();
        scope.spawn(move || answered.send(mill.sum(0, items)).unwrap());
        for number in 0..5000 {
            sink.send(number).unwrap();
        }
        drop(sink);
        assert_eq!(answer.recv_timeout(SOON).unwrap(), Ok((0..5000).sum()));
    });
}

#[test]
fn a_stream_nobody_reads_blocks_no_other_call() {
    let stand = stand();
    let mut unread = stand.mill.count(u64::MAX).unwrap();
    for number in 0..1000 {
        assert_eq!(stand.mill.echo(number), Ok(number));
    }
    assert_eq!(unread.next(), Some(Ok(0)));
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn a_sink_is_full_when_its_consumer_is_behind_and_hands_the_item_back() {
    let (sink, mut items) = stream();
    for number in 0..64 {
        sink.try_send(number).unwrap();
    }
    assert_eq!(sink.try_send(64), Err(TrySendError::Full(64)));
    assert_eq!(items.next(), Some(Ok(0)));
    sink.try_send(64).unwrap();
    drop(items);
    assert!(matches!(sink.try_send(65), Err(TrySendError::Over(why)) if why.code() == Code::Cancelled));
}

#[test]
fn credit_bounds_what_is_under_way() {
    let stand = stand();
    let unread = stand.mill.held().unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    let mut sent = 0;
    let deadline = Instant::now() + Duration::from_millis(200);
    while Instant::now() < deadline {
        sent += u64::from(sink.try_send(sent).is_ok());
    }
    assert_eq!(sent, 128, "64 under way by credit and 64 in the sink");
    drop(unread);
}

#[test]
fn dropping_the_stream_stops_the_sink_and_cancels_the_context() {
    let stand = stand();
    let mut items = stand.mill.held().unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    assert_eq!(items.next(), Some(Ok(1)));
    drop(items);
    let refused = (0..).find_map(|number| sink.send(number).err()).unwrap();
    assert_eq!(refused.code(), Code::Cancelled);
    assert_eq!(stand.stopped.recv_timeout(SOON).unwrap().message(), "seen by the procedure");
    assert_eq!(stand.mill.echo(1), Ok(1));
}

#[test]
fn a_deadline_ends_a_stream_on_both_sides() {
    let stand = stand();
    let mut items = stand.mill.with_deadline(Duration::from_millis(50)).held().unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    assert_eq!(items.next().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(items.next(), None);
    let refused = (0..).find_map(|number| sink.send(number).err()).unwrap();
    assert!(matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled), "{refused:?}");
    stand.stopped.recv_timeout(SOON).unwrap();
}

#[test]
fn a_lost_server_ends_its_streams_with_the_cause() {
    let stand = stand();
    let mut items = stand.mill.held().unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    assert_eq!(items.next(), Some(Ok(1)));
    assert_eq!(stand.server.shutdown(Duration::ZERO), Ok(()));
    assert_eq!(items.next().unwrap().unwrap_err().code(), Code::Unavailable);
    assert!((0..).find_map(|number| sink.send(number).err()).is_some());
}

#[test]
fn a_client_that_vanishes_stops_its_producers() {
    let stand = stand();
    let mill = MillClient::new(Client::connect(stand.server.address().to_string()));
    let mut items = mill.held().unwrap();
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    assert_eq!(items.next(), Some(Ok(1)));
    drop(items);
    drop(mill);
    assert!((0..).find_map(|number| sink.send(number).err()).is_some());
}

#[test]
fn an_item_larger_than_a_frame_ends_its_stream_and_nothing_else() {
    let stand = stand();
    let mut items = stand.mill.large(9 << 20, 3).unwrap();
    let error = items.next().unwrap().unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().contains("8388608"), "{error}");
    let whole: Vec<_> = stand.mill.large(1 << 20, 10).unwrap().map(|item| item.unwrap().len()).collect();
    assert_eq!(whole, [1 << 20; 10]);
}

#[test]
fn a_stream_is_a_call_in_flight_until_its_end() {
    let limits = rpc_core::Limits { calls_in_flight: 1, ..rpc_core::Limits::default() };
    let (held, sinks) = bounded(10);
    let (stopping, _stopped) = bounded(10);
    let works = Arc::new(Works { held, stopped: stopping, sent: AtomicUsize::new(0) });
    let server =
        Server::builder().limits(limits).service(MillService::new(works)).bind("127.0.0.1:0").unwrap();
    let mill = MillClient::new(Client::connect(server.address().to_string()));
    assert_eq!(mill.echo(1), Ok(1));
    let items = mill.held().unwrap();
    let late = mill.with_deadline(Duration::from_millis(50)).echo(2).unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
    drop(sinks.recv_timeout(SOON).unwrap());
    assert!(numbers(items).is_empty());
    assert_eq!(mill.echo(3), Ok(3));
}

#[test]
fn a_trait_with_streams_runs_in_process_unchanged() {
    let (held, _sinks) = bounded(1);
    let (stopped, _) = bounded(1);
    let works = Works { held, stopped, sent: AtomicUsize::new(0) };
    assert_eq!(numbers(works.count(3).unwrap()), [0, 1, 2]);
    let doubled = works.double(Stream::from_iter(1..=3)).unwrap();
    assert_eq!(works.sum(0, doubled), Ok(12));
}

/// What fills a stream from elsewhere; dropping it is the stream's end.
type Fill = Box<dyn Fn(u64) + Send>;

#[test]
fn a_wait_for_an_item_has_an_end_and_the_stream_goes_on_behind_it() {
    let stand = stand();
    let far = stand.mill.held().unwrap();
    let far_sink = stand.sinks.recv_timeout(SOON).unwrap();
    let (near_sink, near) = stream();
    let news = Broadcast::new();
    let (_, public) = news.subscribe();
    let fillings: [(Fill, Stream<u64>); 3] = [
        (Box::new(move |item| far_sink.send(item).unwrap()), far),
        (Box::new(move |item| near_sink.send(item).unwrap()), near),
        (Box::new(move |item| assert!(news.send(&item).is_ok())), public),
    ];
    for (fill, mut stream) in fillings {
        assert!(!stream.wait_timeout(Duration::from_millis(30)), "{stream:?}");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| (stream.wait_timeout(SOON), stream.next()));
            fill(7);
            assert_eq!(waiting.join().unwrap(), (true, Some(Ok(7))));
        });
        assert!(!stream.wait_timeout(Duration::ZERO), "{stream:?}");
        drop(fill);
        assert!(stream.wait_timeout(SOON) && stream.next().is_none() && stream.wait_timeout(SOON));
    }
    let mut counted = Stream::from_iter(0..1);
    assert!(counted.wait_timeout(Duration::ZERO) && counted.next() == Some(Ok(0)));
    stand.server.shutdown(SOON).unwrap();
}

#[test]
fn a_wait_beyond_the_streams_own_time_finds_its_end() {
    let stand = stand();
    let mut timed = stand.mill.with_deadline(Duration::from_millis(200)).held().unwrap();
    assert!(timed.wait_timeout(SOON));
    assert_eq!(timed.next().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
}
