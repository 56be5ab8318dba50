//! How streams end early, and that nothing of them is left then.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "waits/eventually.rs"]
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rpc_core::{Bytes, Client, Code, Context, Limits, Server, Sink, Status, Stream, TrySendError, stream};
use serde::{Deserialize, Serialize, Serializer};

use self::waits::eventually;

#[rpc_core::service]
trait Canal {
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    fn first(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    /// A stream whose sink the test holds.
    fn held(&self) -> Result<Stream<u64>, Status>;
    /// Takes no number; the stream's sink is the test's.
    fn ignore(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    /// Takes every number on a thread of its own, and tells the test of the last word; the stream's sink is the test's.
    fn swallow(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    fn back(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
    /// The stream of `held` at this address.
    fn relay(&self, address: String) -> Result<Stream<u64>, Status>;
    /// The same, each number doubled on its way.
    fn relay_doubled(&self, address: String) -> Result<Stream<u64>, Status>;
    /// Items of these sizes, all of which wait when the stream begins.
    fn sizes(&self, sizes: Vec<u64>) -> Result<Stream<Bytes>, Status>;
    fn broken(&self) -> Result<Stream<u64>, Status>;
    fn grumpy(&self) -> Result<Stream<Grumpy>, Status>;
}

/// A number; three panics when it is encoded.
#[derive(Debug, PartialEq, Deserialize)]
struct Grumpy(u64);

impl Serialize for Grumpy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, 3, "this number is not encoded");
        serializer.serialize_u64(self.0)
    }
}

struct Locks {
    sinks: Sender<Sink<u64>>,
    words: Sender<Result<(), Status>>,
    /// Streams that nobody takes items of.
    unread: Sender<Stream<u64>>,
}

impl Locks {
    fn sink(&self) -> Stream<u64> {
        let (sink, items) = stream();
        self.sinks.send(sink).unwrap();
        items
    }
}

impl Canal for Locks {
    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().try_fold(0, |sum, number| Ok(sum + number?))
    }

    fn first(&self, mut numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.next().unwrap_or(Ok(0))
    }

    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(numbers.map(|number| Ok(2 * number?))))
    }

    fn held(&self) -> Result<Stream<u64>, Status> {
        Ok(self.sink())
    }

    fn ignore(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        self.unread.send(numbers).unwrap();
        Ok(self.sink())
    }

    fn swallow(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        let words = self.words.clone();
        let mut numbers = numbers;
        let swallowing = move || words.send(numbers.try_for_each(|number| number.map(drop))).unwrap();
        drop(std::thread::Builder::new().spawn(swallowing));
        Ok(self.sink())
    }

    fn back(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(numbers)
    }

    fn relay(&self, address: String) -> Result<Stream<u64>, Status> {
        CanalClient::new(Client::connect(address)).held()
    }

    fn relay_doubled(&self, address: String) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(self.relay(address)?.map(|number| Ok(2 * number?))))
    }

    fn sizes(&self, sizes: Vec<u64>) -> Result<Stream<Bytes>, Status> {
        let (sink, items) = stream();
        for size in sizes {
            sink.try_send(Bytes::from(vec![7; usize::try_from(size).unwrap()])).unwrap();
        }
        Ok(items)
    }

    fn broken(&self) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter((0..3).map(|number| if number < 2 { number } else { panic!("no third") })))
    }

    fn grumpy(&self) -> Result<Stream<Grumpy>, Status> {
        Ok(Stream::from_iter((0..9).map(Grumpy)))
    }
}

struct Stand {
    canal: CanalClient,
    server: Server,
    sinks: Receiver<Sink<u64>>,
    words: Receiver<Result<(), Status>>,
    unread: Receiver<Stream<u64>>,
}

const SOON: Duration = Duration::from_secs(10);

fn stand_with(limits: Limits) -> Stand {
    let ((held, sinks), (says, words), (keeps, unread)) = (unbounded(), unbounded(), unbounded());
    let locks = Arc::new(Locks { sinks: held, words: says, unread: keeps });
    let server = Server::builder().limits(limits).service(CanalService::new(locks));
    let server = server.bind("127.0.0.1:0").unwrap();
    let canal = CanalClient::new(Client::connect(server.address().to_string()));
    Stand { canal, server, sinks, words, unread }
}

fn stand() -> Stand {
    stand_with(Limits::default())
}

/// Every kind of stream and of end, once.
fn play(stand: &Stand) {
    let canal = &stand.canal;
    assert_eq!(canal.count(100).unwrap().count(), 100);
    assert_eq!(canal.count(u64::MAX).unwrap().take(70).count(), 70);
    drop(canal.count(u64::MAX).unwrap());
    assert_eq!(canal.sum(Stream::from_iter(0..100)), Ok(4950));
    assert_eq!(canal.first(Stream::from_iter(5..)), Ok(5));
    assert_eq!(canal.double(Stream::from_iter(0..100)).unwrap().count(), 100);
    assert_eq!(canal.double(Stream::from_iter(0..)).unwrap().take(70).count(), 70);
    assert_eq!(canal.back(Stream::from_iter(0..100)).unwrap().count(), 100);
    drop(canal.back(Stream::from_iter(0..)).unwrap());
    let brief = canal.with_deadline(Duration::from_millis(3));
    if let Ok(mut items) = brief.held() {
        assert_eq!(items.next().unwrap().unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!(items.next(), None);
    }
    let (sink, numbers) = stream();
    sink.try_send(1).unwrap();
    assert_eq!(brief.sum(numbers).unwrap_err().code(), Code::DeadlineExceeded);
    assert!((0..).any(|number| sink.send(number).is_err()));
    drop(canal.held().unwrap());
    for sink in stand.sinks.try_iter() {
        assert!((0..1000).any(|number| sink.send(number).is_err()));
    }
}

#[test]
fn many_streams_leave_no_place_connection_or_memory_behind() {
    let stand = stand_with(Limits { calls_in_flight: 8, ..Limits::default() });
    for _ in 0..100 {
        play(&stand);
    }
    assert_eq!(stand.server.connections(), 1);
    let every_place = stand.canal.with_deadline(SOON);
    let held: Vec<_> = (0..8).map(|_| every_place.held().unwrap()).collect();
    let sinks: Vec<_> = stand.sinks.iter().take(8).collect();
    drop(sinks);
    held.into_iter().for_each(|mut items| assert_eq!(items.next(), None));
    let Stand { canal, server, .. } = stand;
    drop((canal, every_place));
    eventually(&0, || server.connections());
    assert_eq!(server.shutdown(SOON), Ok(()));
}

#[test]
fn a_dropped_client_closes_its_connection_whatever_sinks_are_left() {
    let stand = stand();
    let (sink, numbers) = stream();
    let items = stand.canal.ignore(numbers).unwrap();
    sink.send(1).unwrap();
    drop(items);
    drop(stand.canal);
    eventually(&0, || stand.server.connections());
    assert_eq!(sink.send(2).unwrap_err().code(), Code::Cancelled);
}

/// It once slept on, reading a connection that had nothing more to say.
#[test]
fn a_sender_that_reads_learns_that_its_stream_was_dropped_elsewhere() {
    let stand = stand();
    let (sink, numbers) = stream();
    let items = stand.canal.ignore(numbers).unwrap();
    let sent = AtomicUsize::new(0);
    let (over, ended) = bounded(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let send = |number| sink.send(number).map(|()| sent.fetch_add(1, Ordering::SeqCst)).err();
            over.send((0..).find_map(send)).unwrap();
        });
        eventually(&128, || sent.load(Ordering::SeqCst));
        // It reads now, or is about to; both must end.
        std::thread::park_timeout(Duration::from_millis(20));
        drop(items);
        assert_eq!(ended.recv_timeout(SOON).unwrap().unwrap().code(), Code::Cancelled);
    });
}

#[test]
fn trying_to_send_finds_credit_that_nobody_has_read() {
    let stand = stand();
    let (sink, numbers) = stream();
    let _items = stand.canal.swallow(numbers).unwrap();
    let until = Instant::now() + SOON;
    for number in 0..1000 {
        while matches!(sink.try_send(number), Err(TrySendError::Full(_))) {
            assert!(Instant::now() < until, "full for ever at {number}");
        }
    }
}

/// A client reads its connection when somebody waits: the last items of a stream whose producer had left, and whose caller
/// did other things, once waited for credit that had come long ago.
#[test]
fn what_a_producer_has_left_behind_leaves_though_nobody_waits() {
    let stand = stand();
    for _ in 0..10 {
        let (sink, numbers) = stream();
        let mut items = stand.canal.swallow(numbers).unwrap();
        (0..128).for_each(|number| sink.send(number).unwrap());
        drop(sink);
        assert_eq!(stand.words.recv_timeout(SOON).unwrap(), Ok(()));
        drop(stand.sinks.recv_timeout(SOON).unwrap());
        assert_eq!(items.next(), None);
    }
    drop(stand.canal);
    eventually(&0, || stand.server.connections());
}

/// So did what a producer had sent that was still there, and had nothing to send for a while.
#[test]
fn what_a_producer_has_sent_leaves_though_he_pauses() {
    let stand = stand();
    let (sink, items) = stream();
    let _out = stand.canal.ignore(items).unwrap();
    let mut taken = stand.unread.recv_timeout(SOON).unwrap();
    (0..100).for_each(|number| sink.send(number).unwrap());
    for number in 0..100 {
        assert!(taken.wait_timeout(SOON), "{number} was not sent");
        assert_eq!(taken.next(), Some(Ok(number)));
    }
}

/// It once waited for ever.
#[test]
fn who_takes_an_argument_elsewhere_learns_of_the_end_of_the_call() {
    let stand = stand();
    let (_numbers, argument) = stream();
    let mut items = stand.canal.swallow(argument).unwrap();
    drop(stand.sinks.recv_timeout(SOON).unwrap());
    assert_eq!(items.next(), None);
    let word = stand.words.recv_timeout(SOON).unwrap();
    assert_eq!(word.unwrap_err().code(), Code::Cancelled);
}

/// The relay once went on waiting for an item of a stream that nobody wanted.
#[test]
fn a_stream_that_is_passed_on_is_cancelled_where_it_comes_from() {
    let (source, relay) = (stand(), stand());
    let mut items = relay.canal.relay(source.server.address().to_string()).unwrap();
    let sink = source.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    assert_eq!(items.next(), Some(Ok(1)));
    drop(items);
    // The relay's own client is gone: its connection ends with its stream.
    eventually(&0, || source.server.connections());
    assert!(matches!(sink.try_send(2), Err(TrySendError::Over(_))));
    assert_eq!(relay.server.shutdown(SOON), Ok(()));
}

/// What drives a mapped stream waits inside of it, and knows nothing of the call; the wait must end with the call.
#[test]
fn a_mapped_stream_is_cancelled_where_it_comes_from_while_its_source_is_silent() {
    let (source, relay) = (stand(), stand());
    let mut items = relay.canal.relay_doubled(source.server.address().to_string()).unwrap();
    let sink = source.sinks.recv_timeout(SOON).unwrap();
    sink.send(1).unwrap();
    assert_eq!(items.next(), Some(Ok(2)));
    // The relay waits for the next.
    std::thread::park_timeout(Duration::from_millis(20));
    drop(items);
    eventually(&0, || source.server.connections());
    assert!(matches!(sink.try_send(2), Err(TrySendError::Over(_))));
    assert_eq!(relay.server.shutdown(SOON), Ok(()));
}

#[test]
fn an_item_that_is_too_large_comes_behind_those_before_it() {
    let stand = stand();
    let lengths = |sizes: &[u64]| -> Vec<_> {
        let items = stand.canal.sizes(sizes.to_vec()).unwrap();
        items.map(|item| item.map(|item| item.len()).map_err(|why| why.code())).collect()
    };
    assert_eq!(lengths(&[1, 2, 9 << 20, 3]), [Ok(1), Ok(2), Err(Code::ResourceExhausted)]);
    // As large as a frame takes, and nothing that stands before or behind it spoils that.
    let largest = (8 << 20) - 9;
    let largest_length = usize::try_from(largest).unwrap();
    assert_eq!(lengths(&[1, largest, 1]), [Ok(1), Ok(largest_length), Ok(1)]);
    assert_eq!(lengths(&[1, largest + 20]), [Ok(1), Err(Code::ResourceExhausted)]);
    // Each uses the credit of sixty-four.
    assert_eq!(lengths(&[4 << 20; 20]), [Ok(4 << 20); 20]);
}

#[test]
fn a_panic_of_what_makes_or_encodes_items_ends_their_stream() {
    let stand = stand();
    let broken: Vec<_> = stand.canal.broken().unwrap().map(|item| item.map_err(|why| why.code())).collect();
    assert_eq!(broken, [Ok(0), Ok(1), Err(Code::Internal)]);
    let grumpy: Vec<_> = stand.canal.grumpy().unwrap().map(|item| item.map_err(|why| why.code())).collect();
    assert_eq!(grumpy, [Ok(Grumpy(0)), Ok(Grumpy(1)), Ok(Grumpy(2)), Err(Code::Internal)]);
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn the_deadline_of_the_call_around_it_ends_a_stream_and_its_sink_knows() {
    let stand = stand();
    let late = Context::background().with_deadline(Instant::now() + Duration::from_millis(20));
    let (sink, mut items) = stream::<u64>();
    assert_eq!(late.scope(|| items.next()).unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(sink.send(1).unwrap_err().code(), Code::Cancelled);
    let mut wired = stand.canal.held().unwrap();
    assert_eq!(late.scope(|| wired.next()).unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(wired.next(), None);
    let sink = stand.sinks.recv_timeout(SOON).unwrap();
    assert_eq!((0..).find_map(|number| sink.send(number).err()).unwrap().code(), Code::Cancelled);
}

#[test]
fn a_stream_is_taken_on_another_thread_while_others_call() {
    let stand = stand();
    std::thread::scope(|scope| {
        let counters: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| stand.canal.count(20_000).unwrap().map(Result::unwrap).sum::<u64>()))
            .collect();
        for _ in 0..200 {
            assert_eq!(stand.canal.sum(Stream::from_iter(0..10)), Ok(45));
        }
        for counter in counters {
            assert_eq!(counter.join().unwrap(), (0..20_000).sum::<u64>());
        }
    });
    assert_eq!(stand.server.connections(), 1);
}

#[test]
fn a_shutdown_gives_streams_their_grace_and_then_ends_them() {
    let stand = stand();
    let mut finishing = stand.canal.held().unwrap();
    let mut open = stand.canal.held().unwrap();
    let (first, second) = (stand.sinks.recv().unwrap(), stand.sinks.recv().unwrap());
    let server = stand.server;
    std::thread::scope(|scope| {
        let closing = scope.spawn(move || server.shutdown(Duration::from_millis(300)));
        first.send(7).unwrap();
        drop(first);
        assert_eq!(finishing.next(), Some(Ok(7)));
        assert_eq!(finishing.next(), None);
        assert_eq!(open.next().unwrap().unwrap_err().code(), Code::Unavailable);
        assert_eq!(closing.join().unwrap(), Ok(()));
    });
    assert!(second.send(1).is_err());
}
