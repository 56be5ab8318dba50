//! Lists of endpoints that change.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::never;
use rpc_core::{Choice, Client, Code, Context, Endpoint, Endpoints, Resolve, Server, Status};

use crate::fleet::{Board, Fleet, FleetClient, Harbour, SOON, endpoint};
use crate::waits::eventually;

fn fleet(board: &Arc<Board>) -> FleetClient {
    FleetClient::new(Client::resolving(board.clone()).with_choice(Choice::RoundRobin)).with_deadline(SOON)
}

#[test]
fn a_call_that_waits_for_its_server_moves_at_once_when_the_list_changes() {
    let (harbour, board) = (Harbour::quick(1), Arc::new(Board::default()));
    let fleet = fleet(&board).wait_for_ready();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| fleet.name());
        // The pauses have grown by then, so that a change is what ends one.
        thread::park_timeout(Duration::from_millis(800));
        eventually(&1, || board.waiting.load(Ordering::SeqCst));
        board.write(&harbour.addresses());
        assert_eq!(waiting.join().unwrap(), Ok(0));
        assert_eq!(board.alarmed.load(Ordering::SeqCst), 1);
    });
}

#[rpc_core::service]
trait Hourglass {
    /// How much time the call has left at its server.
    fn left(&self) -> Result<Duration, Status>;
}

struct Sand;

impl Hourglass for Sand {
    fn left(&self) -> Result<Duration, Status> {
        Ok(Context::current().remaining().unwrap_or(Duration::MAX))
    }
}

/// A list that takes its time.
struct Slow(Endpoints);

const ASKING: Duration = Duration::from_millis(300);

impl Resolve for Slow {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        never::<()>().recv_timeout(ASKING).unwrap_err();
        Ok(self.0.clone())
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, _why: &Status) {}
}

/// Over a connection that was there, a server was told how much time the call had when it was made: what its resolver had taken
/// was given twice, and the server went on after its caller had left.
#[test]
fn a_server_is_not_given_the_time_that_the_resolver_took() {
    let server =
        Server::builder().service(HourglassService::new(Arc::new(Sand))).bind("127.0.0.1:0").unwrap();
    let list = Endpoints::from_iter([endpoint(server.address())]);
    let client = HourglassClient::new(Client::resolving(Arc::new(Slow(list)))).with_deadline(SOON);
    for connected in [false, true] {
        let left = client.left().unwrap();
        // Times travel in whole milliseconds.
        assert!(left <= SOON - ASKING / 2, "connected: {connected}, {left:?} left");
    }
}

/// A list that changes and says nothing of it.
struct Plain(Arc<Board>);

impl Resolve for Plain {
    fn resolve(&self, procedure: &str, deadline: Instant) -> Result<Endpoints, Status> {
        let list = self.0.resolve(procedure, deadline)?;
        Ok(list.iter().cloned().collect())
    }

    fn reject(&self, procedure: &str, endpoint: &Endpoint, why: &Status) {
        self.0.reject(procedure, endpoint, why);
    }
}

/// All lists without a revision were once one answer: a client kept to the first that it had seen.
#[test]
fn a_list_without_a_revision_is_heard_when_it_changes() {
    let (mut harbour, board) = (Harbour::quick(2), Arc::new(Board::default()));
    let addresses = harbour.addresses();
    let fleet = FleetClient::new(Client::resolving(Arc::new(Plain(board.clone())))).with_deadline(SOON);
    board.write(&addresses[..1]);
    assert_eq!(fleet.name(), Ok(0));
    board.write(&addresses[1..]);
    harbour.stop(0);
    assert_eq!(fleet.name(), Ok(1));
}

#[test]
fn connections_to_endpoints_that_left_the_list_are_let_go() {
    let (harbour, board) = (Harbour::quick(3), Arc::new(Board::default()));
    let (addresses, fleet) = (harbour.addresses(), fleet(&board));
    board.write(&addresses);
    harbour.warm_up(&fleet);
    let open = |index: usize| harbour.servers[index].as_ref().map_or(0, Server::connections);
    assert_eq!([open(0), open(1), open(2)], [1, 1, 1]);
    board.write(&addresses[1..]);
    assert_ne!(fleet.read(), Ok(0));
    eventually(&0, || open(0));
    assert_eq!([open(1), open(2)], [1, 1]);
}

#[test]
fn a_call_under_way_at_an_endpoint_that_left_the_list_is_answered() {
    let (harbour, board) = (Harbour::quick(2), Arc::new(Board::default()));
    let (addresses, fleet) = (harbour.addresses(), fleet(&board));
    board.write(&addresses[..1]);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| fleet.wait());
        harbour.ships[0].entered.recv_timeout(SOON).unwrap();
        board.write(&addresses[1..]);
        assert_eq!(fleet.name(), Ok(1));
        harbour.ships[0].gate.send(()).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(0));
    });
    // Nobody calls `wait` any more, so what it remembers is forgotten in time: after a thousand calls.
    eventually(&true, || {
        (0..100).for_each(|_| assert_eq!(fleet.name(), Ok(1)));
        harbour.servers[0].as_ref().map_or(0, Server::connections) == 0
    });
}

#[test]
fn the_resolver_is_told_which_endpoint_failed_and_why() {
    let (mut harbour, board) = (Harbour::quick(2), Arc::new(Board::default()));
    board.write(&harbour.addresses());
    let fleet = fleet(&board);
    let address = harbour.addresses()[0].to_string();
    harbour.warm_up(&fleet);
    harbour.stop(0);
    // A connection that was silent is looked at before; one that carries calls is not.
    eventually(&true, || {
        assert_eq!(fleet.name(), Ok(1));
        let told = board.rejected.lock().unwrap();
        told.iter().any(|why| why.code() == Code::Unavailable && why.message().contains(&address))
    });
}

#[test]
fn an_empty_list_is_a_sentence() {
    let fleet = FleetClient::new(Client::connect_any([""; 0]));
    let refused = fleet.name().unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "the list of addresses is empty")
    );
    let mixed = FleetClient::new(Client::connect_any(["127.0.0.1:1", "nowhere"]));
    let refused = mixed.name().unwrap_err();
    assert!(refused.message().contains("\"nowhere\" is not an address"), "{refused}");
}
