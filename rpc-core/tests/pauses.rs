//! Consumers that do other things between two items.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rpc_core::{Bytes, Client, Limits, Server, Sink, Status, Stream, stream};

#[rpc_core::service]
trait Depot {
    /// So many items of this size.
    fn loads(&self, count: usize, size: usize) -> Result<Stream<Bytes>, Status>;
    /// No item, and no end.
    fn nothing(&self) -> Result<Stream<Bytes>, Status>;
}

#[derive(Default)]
struct Yard(Mutex<Vec<Sink<Bytes>>>);

impl Depot for Yard {
    fn loads(&self, count: usize, size: usize) -> Result<Stream<Bytes>, Status> {
        Ok(Stream::from_iter(std::iter::repeat_n(Bytes::from(vec![7; size]), count)))
    }

    fn nothing(&self) -> Result<Stream<Bytes>, Status> {
        let (sink, items) = stream();
        self.0.lock().unwrap().push(sink);
        Ok(items)
    }
}

/// In memory, where a socket holds the least; it gives a client up that takes nothing for four seconds.
fn serve() -> (Server, DepotClient) {
    let limits = Limits { write_stall: Duration::from_secs(4), ..Limits::default() };
    let server = Server::builder().limits(limits).service(DepotService::new(Yard::default().into()));
    let server = server.serve_in_memory().unwrap();
    let depot = DepotClient::new(Client::over(&server));
    (server, depot)
}

fn attendants() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "rpc-attendant").count()
}

/// Does `other` for so long.
fn pause(time: Duration, mut other: impl FnMut()) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        other();
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Nobody read while the consumer did other things: its items filled the socket, and the server gave the connection up with
/// all that was on it. Where nothing lies unread a consumer that pauses costs its connection no thread.
#[test]
fn a_consumer_that_pauses_within_its_credit_does_not_cost_the_connection() {
    let (server, depot) = serve();
    let silent = depot.nothing().unwrap();
    pause(Duration::from_millis(2500), || assert_eq!(attendants(), 0));
    let pausing = [depot.loads(200, 60_000).unwrap(), depot.loads(200, 60_000).unwrap()];
    pause(Duration::from_secs(6), || assert_eq!(server.connections(), 1));
    for items in pausing {
        assert_eq!(items.map(|item| item.unwrap().len()).sum::<usize>(), 200 * 60_000);
    }
    assert_eq!((depot.loads(9, 9).unwrap().count(), server.connections()), (9, 1));
    drop((silent, depot));
    assert_eq!(server.shutdown(Duration::from_secs(1)), Ok(()));
}
