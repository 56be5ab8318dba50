//! One item to many streams: in this process and over real sockets.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "broadcast/order.rs"]
mod order;
#[path = "waits/eventually.rs"]
mod waits;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rpc_core::{Broadcast, Bytes, Client, Code, Lag, Lagged, Limits, Server, Status, Stream, SubscriberId};

use self::waits::eventually;

#[rpc_core::service]
trait News {
    /// What is said from now on.
    fn listen(&self) -> Result<Stream<(u64, Bytes)>, Status>;
    /// Takes what a client says, and says nothing before its end.
    fn absorb(&self, items: Stream<(u64, Bytes)>) -> Result<Stream<u64>, Status>;
}

/// A broadcast, what its streams keep, who subscribed over the network, and what clients have said.
struct Agency(Broadcast<(u64, Bytes)>, Arc<()>, Mutex<Vec<SubscriberId>>, Arc<AtomicU64>);

impl News for Agency {
    fn listen(&self) -> Result<Stream<(u64, Bytes)>, Status> {
        let (id, stream) = self.0.subscribe();
        self.2.lock().unwrap().push(id);
        Ok(stream.keeping(self.1.clone()))
    }

    fn absorb(&self, items: Stream<(u64, Bytes)>) -> Result<Stream<u64>, Status> {
        let count = self.3.clone();
        Ok(Stream::from_results(items.filter_map(move |item| {
            count.fetch_add(1, Ordering::SeqCst);
            item.err().map(Err)
        })))
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

fn agency(lag: Lag) -> (Arc<Agency>, Server) {
    agency_within(lag, Limits::default())
}

fn agency_within(lag: Lag, limits: Limits) -> (Arc<Agency>, Server) {
    let agency = Arc::new(Agency(Broadcast::with_lag(lag), Arc::default(), Mutex::default(), Arc::default()));
    let server = Server::builder()
        .limits(limits)
        .service(NewsService::new(agency.clone()))
        .bind("127.0.0.1:0")
        .unwrap();
    (agency, server)
}

fn reader(server: &Server) -> NewsClient {
    NewsClient::new(Client::connect(server.address().to_string())).with_deadline(PATIENCE)
}

#[test]
fn every_subscriber_gets_everything_in_one_order_from_many_senders() {
    let (agency, server) = agency(Lag::default());
    let clients: Vec<NewsClient> = (0..5).map(|_| reader(&server)).collect();
    let streams: Vec<_> = (0..200).map(|index| clients[index % 5].listen().unwrap()).collect();
    let orders: Vec<Vec<u64>> = thread::scope(|scope| {
        let read = |stream: Stream<(u64, Bytes)>| stream.take(400).map(|item| item.unwrap().0).collect();
        let readers: Vec<_> = streams.into_iter().map(|stream| scope.spawn(move || read(stream))).collect();
        for sender in 0..4 {
            let news = &agency.0;
            scope.spawn(move || {
                for number in 0..100 {
                    news.send(&(sender * 1000 + number, Bytes::default())).unwrap();
                }
            });
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(orders.iter().all(|order| *order == orders[0]));
    for sender in 0..4 {
        let said: Vec<u64> = orders[0].iter().copied().filter(|item| item / 1000 == sender).collect();
        assert_eq!(said, (sender * 1000..sender * 1000 + 100).collect::<Vec<u64>>());
    }
    eventually(&0, || agency.0.subscribers());
    server.shutdown(PATIENCE).unwrap();
}

#[test]
fn a_subscriber_that_does_not_read_is_told_where_to_resume_and_stalls_nobody() {
    let (agency, server) = agency(Lag { items: 100, bytes: 1 << 20 });
    let mut asleep = reader(&server).listen().unwrap();
    let mut awake = reader(&server).listen().unwrap();
    for number in 1..=5000 {
        agency.0.send(&(number, Bytes::default())).unwrap();
        if number % 50 == 0 {
            assert!(awake.by_ref().take(50).map(|item| item.unwrap().0).eq(number - 49..=number));
        }
    }
    let (taken, why) = drain(&mut asleep);
    assert!(taken.into_iter().eq(1..=lagged(&why).after.unwrap().number()));
    assert_eq!(why.code(), Code::ResourceExhausted);
    assert!(lagged(&why).missed > 100, "{why:?}");
    assert_eq!(agency.0.subscribers(), 1);
}

/// What a stream still has, and why it ended early.
fn drain(stream: &mut Stream<(u64, Bytes)>) -> (Vec<u64>, Status) {
    let mut taken = Vec::new();
    loop {
        match stream.next().unwrap() {
            Ok((number, _)) => taken.push(number),
            Err(why) => {
                assert!(stream.next().is_none());
                return (taken, why);
            }
        }
    }
}

#[track_caller]
fn lagged(why: &Status) -> Lagged {
    Lagged::from_status(why).unwrap()
}

#[test]
fn at_its_bound_a_subscriber_has_everything_and_one_item_later_it_lags() {
    let lag = Lag { items: 10, bytes: 1 << 20 };
    for (sent, lags) in [(10, false), (11, true)] {
        let news = Broadcast::with_lag(lag);
        let (_, stream) = news.subscribe();
        for number in 1..=sent {
            news.send(&(number, Bytes::default())).unwrap();
        }
        if lags {
            eventually(&0, || news.subscribers());
        }
        drop(news);
        let items: Vec<_> = stream.collect();
        let why = items.last().unwrap().clone().err();
        assert_eq!(why.as_ref().map(|why| lagged(why).missed), lags.then_some(11));
        assert_eq!(items.len(), if lags { 1 } else { 10 });
    }
}

#[test]
fn bytes_are_bounded_too_but_one_item_may_be_larger() {
    let news = Broadcast::with_lag(Lag { items: 1000, bytes: 100 });
    let (_, mut stream) = news.subscribe();
    news.send(&(1, Bytes::from(vec![0; 1000]))).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().0, 1);
    news.send(&(2, Bytes::from(vec![0; 60]))).unwrap();
    news.send(&(3, Bytes::from(vec![0; 60]))).unwrap();
    eventually(&0, || news.subscribers());
    let (taken, why) = drain(&mut stream);
    assert_eq!((taken, lagged(&why).missed, lagged(&why).after.unwrap().number()), (Vec::new(), 2, 1));
}

#[test]
fn large_items_reach_everyone_and_only_who_cannot_take_one_goes() {
    let (agency, server) = agency(Lag { items: 100, bytes: 64 << 20 });
    let small = Client::connect(server.address().to_string())
        .with_limits(Limits { frame: 64 << 10, ..Limits::default() })
        .with_deadline(PATIENCE);
    let mut modest = NewsClient::new(small).listen().unwrap();
    let mut streams: Vec<_> = (0..20).map(|_| reader(&server).listen().unwrap()).collect();
    let sizes = [100_000, 10, 1 << 20, 40_000, 20_000, 0, 3 << 20];
    agency.0.send(&(7, Bytes::from(vec![7; 60_000]))).unwrap();
    for (number, size) in (100..).zip(sizes) {
        let fill = u8::try_from(number).unwrap();
        agency.0.send(&(number, Bytes::from(vec![fill; size]))).unwrap();
    }
    for stream in &mut streams {
        assert_eq!(stream.next().unwrap().unwrap().1.len(), 60_000);
        for (number, size) in (100..).zip(sizes) {
            let (name, body) = stream.next().unwrap().unwrap();
            assert_eq!((name, body.len()), (number, size));
            assert!(body.iter().all(|byte| u64::from(*byte) == number));
        }
    }
    let (taken, why) = drain(&mut modest);
    assert_eq!((taken, why.code()), (vec![7], Code::ResourceExhausted));
    assert!(why.message().contains("65536"), "{why:?}");
}

/// Its last items lay there while nobody read the connection, and with it the credit for them.
#[test]
fn a_broadcast_that_a_client_sends_goes_on_though_nobody_waits_for_the_answer() {
    let (agency, server) = agency(Lag::default());
    let said = Broadcast::new();
    let _unread = reader(&server).absorb(said.subscribe().1).unwrap();
    for number in 0..5_000 {
        said.send(&(number, Bytes::default())).unwrap();
    }
    eventually(&5_000, || agency.3.load(Ordering::SeqCst));
}

#[test]
fn a_stream_ends_in_order_when_its_broadcast_ends_it() {
    let (agency, server) = agency(Lag::default());
    let (told, in_process) = agency.0.subscribe();
    let (failed, in_words) = agency.0.subscribe();
    let remote = reader(&server).listen().unwrap();
    agency.0.send(&(1, Bytes::default())).unwrap();
    agency.0.end(&[told], Ok(()));
    agency.0.end(&[failed], Err(Status::permission_denied("you were asked to leave")));
    agency.0.send(&(2, Bytes::default())).unwrap();
    assert_eq!(in_process.map(|item| item.unwrap().0).collect::<Vec<_>>(), [1]);
    let words: Vec<_> = in_words.collect();
    assert_eq!(words[1].as_ref().unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(agency.0.subscribers(), 1);
    assert_eq!(remote.take(2).map(|item| item.unwrap().0).collect::<Vec<_>>(), [1, 2]);
}

/// A peer that takes as many items as come, and calls `listen`: its preface and its call, as PROTOCOL.md has them.
fn glutton(server: &Server) -> TcpStream {
    let mut peer = TcpStream::connect(server.address()).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.write_all(b"\xf1RPC\x18\x00\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\xff\xff\xff\x7f").unwrap();
    peer.write_all(b"\x0c\0\0\0\0\x01\x06listen\0\0\0").unwrap();
    peer
}

/// A peer that had given credit for everything and read nothing had the server queue whatever was sent, without bound.
#[test]
fn a_subscriber_that_gives_credit_and_reads_nothing_lags_like_any_other() {
    let limits = Limits { queued_bytes: 1 << 20, ..Limits::default() };
    let (agency, server) = agency_within(Lag { items: 1 << 20, bytes: 4 << 20 }, limits);
    let _peer = glutton(&server);
    eventually(&1, || agency.0.subscribers());
    let kilobyte = Bytes::from(vec![7; 1000]);
    let sent = (0..100_000).take_while(|number| {
        agency.0.send(&(*number, kilobyte.clone())).unwrap();
        agency.0.subscribers() == 1
    });
    assert!(sent.count() < 30_000);
    eventually(&0, || agency.0.subscribers());
}

/// Who finds the way out full is told when it has room again, however it fills and empties.
#[test]
fn a_subscriber_that_reads_late_gets_everything_though_the_way_out_was_full() {
    let limits = Limits { queued_bytes: 64 << 10, ..Limits::default() };
    let (agency, server) = agency_within(Lag { items: 1 << 20, bytes: 1 << 30 }, limits);
    let mut peers: Vec<TcpStream> = (0..3).map(|_| glutton(&server)).collect();
    eventually(&3, || agency.0.subscribers());
    for number in 0..20_000 {
        agency.0.send(&(number, Bytes::from(vec![7; 1000]))).unwrap();
    }
    agency.0.send(&(u64::MAX, Bytes::default())).unwrap();
    for peer in &mut peers {
        let mut last = Vec::new();
        let mut bytes = vec![0; 64 << 10];
        while !last.ends_with(b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff\0") {
            let count = peer.read(&mut bytes).unwrap();
            assert!(count > 0);
            last.extend_from_slice(bytes.get(..count).unwrap());
            last.drain(..last.len().saturating_sub(16));
        }
    }
}

#[test]
fn a_subscriber_that_vanishes_is_forgotten() {
    let (agency, server) = agency(Lag::default());
    let streams: Vec<_> = (0..10).map(|_| reader(&server).listen().unwrap()).collect();
    assert_eq!(agency.0.subscribers(), 10);
    drop(streams);
    eventually(&0, || agency.0.subscribers());
    agency.0.send(&(1, Bytes::default())).unwrap();
}

#[test]
fn what_a_stream_keeps_is_given_back_however_it_ends() {
    let (agency, server) = agency(Lag::default());
    let listeners = || Arc::strong_count(&agency.1) - 1;
    let client = reader(&server);
    let (dropped, mut ended) = (client.listen().unwrap(), client.listen().unwrap());
    let vanished = reader(&server).listen().unwrap();
    let here = agency.listen().unwrap();
    assert_eq!(listeners(), 4);
    drop(dropped);
    eventually(&3, listeners);
    drop(vanished);
    eventually(&2, listeners);
    drop(server);
    assert!(ended.next().unwrap().is_err());
    eventually(&1, listeners);
    drop(here);
    assert_eq!(listeners(), 0);
}

#[test]
fn what_a_subscriber_missed_comes_first_and_for_it_alone() {
    let news = Broadcast::new();
    news.send(&0u64).unwrap();
    let (_, late) = news.subscribe_behind(&[10, 11]).unwrap();
    let (_, plain) = news.subscribe();
    news.send(&1).unwrap();
    drop(news);
    assert_eq!(late.map(Result::unwrap).collect::<Vec<_>>(), [10, 11, 1]);
    assert_eq!(plain.map(Result::unwrap).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_stream_that_is_cut_ends_at_once_whether_or_not_it_takes_what_was_sent() {
    let (agency, server) = agency(Lag::default());
    // Its client takes nothing while the test does not: what was sent exceeds the credit.
    let mut far = reader(&server).listen().unwrap();
    let (near_id, mut near) = agency.0.subscribe();
    let (_, mut other) = agency.0.subscribe();
    for number in 1..=1_000 {
        agency.0.send(&(number, Bytes::default())).unwrap();
    }
    let why = Status::unavailable("it ends");
    agency.0.cut(&[near_id], &why);
    assert_eq!(near.next(), Some(Err(why.clone())));
    assert_eq!(other.next().unwrap().unwrap().0, 1);
    agency.0.cut(&agency.2.lock().unwrap(), &why);
    let (taken, ended) = drain(&mut far);
    assert!(taken.len() < 1_000 && taken.iter().copied().eq(1..=taken.len() as u64), "{taken:?}");
    assert_eq!(ended, why);
    assert_eq!(other.next().unwrap().unwrap().0, 2);
    server.shutdown(PATIENCE).unwrap();
}

#[test]
fn first_items_are_made_when_they_are_taken_and_what_was_sent_meanwhile_comes_behind_them() {
    let news = Broadcast::new();
    let made = Arc::new(AtomicU64::new(0));
    let counted = made.clone();
    let first = (0..1000).map(move |item| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(item)
    });
    let (_, mut late) = news.subscribe_behind_iter(first);
    news.send(&9u64).unwrap();
    assert_eq!(late.next(), Some(Ok(0)));
    // A frame of them may lie ready.
    assert!(made.load(Ordering::SeqCst) <= 64);
    drop(news);
    assert!(late.map(Result::unwrap).eq((1..1000).chain([9])));
}

#[test]
fn a_first_item_that_cannot_be_made_ends_its_stream_with_the_reason() {
    let news = Broadcast::new();
    let (_, late) = news.subscribe_behind_iter([Ok(1u64), Err(Status::aborted("begin anew")), Ok(2)]);
    news.send(&9).unwrap();
    assert_eq!(late.collect::<Vec<_>>(), [Ok(1), Err(Status::aborted("begin anew"))]);
    assert_eq!(news.subscribers(), 0);
}

#[test]
fn a_first_item_that_cannot_be_made_is_told_of_to_who_waits_for_it_too() {
    let news = Broadcast::new();
    let (_, mut late) = news.subscribe_behind_iter([Ok(1u64), Err(Status::aborted("begin anew"))]);
    assert_eq!(late.next(), Some(Ok(1)));
    assert!(late.wait_timeout(PATIENCE));
    news.send(&9).unwrap();
    assert_eq!(late.next(), Some(Err(Status::aborted("begin anew"))));
    assert_eq!(late.next(), None);
}

/// A panic where a stream's first items are made hung its connection.
#[test]
fn a_panic_of_what_makes_the_first_items_ends_that_stream_alone() {
    let news: Broadcast<u64> = Broadcast::new();
    let first = (0..3).map(|item| if item < 2 { Ok(item) } else { panic!("no third item") });
    let (_, late) = news.subscribe_behind_iter(first);
    let (_, other) = news.subscribe();
    news.send(&9).unwrap();
    drop(news);
    let items: Vec<_> = late.collect();
    assert_eq!(items.iter().filter_map(|item| item.as_ref().ok()).collect::<Vec<_>>(), [&0, &1]);
    assert_eq!(items.last().unwrap().as_ref().unwrap_err().code(), Code::Internal);
    assert_eq!(other.map(Result::unwrap).collect::<Vec<_>>(), [9]);
}
