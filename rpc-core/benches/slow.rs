//! What fast calls feel when one call in a hundred on their connection sleeps 100 ms: `cargo bench -p rpc-core --bench slow`.
//!
//! Every thread starts a slow call before each hundredth fast one, without waiting for it, so that as many fast calls are
//! under way with slow ones as without. Rounds without, with slow calls of a procedure of their own, and with slow calls of
//! the same procedure as the fast ones are interleaved. What carries over is how the columns of one row compare.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_core::{Client, Pending, Server, Status};

#[rpc_core::service]
trait Work {
    /// Sleeps so many milliseconds; none is a fast call.
    fn work(&self, millis: u64) -> Result<u64, Status>;
    /// The same for calls that are always slow.
    fn toil(&self, millis: u64) -> Result<u64, Status>;
}

struct Desk;

impl Work for Desk {
    fn work(&self, millis: u64) -> Result<u64, Status> {
        if millis > 0 {
            std::thread::sleep(Duration::from_millis(millis));
        }
        Ok(millis)
    }

    fn toil(&self, millis: u64) -> Result<u64, Status> {
        self.work(millis)
    }
}

/// Which calls are slow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slow {
    None,
    OwnProcedure,
    SameProcedure,
}

const KINDS: [Slow; 3] = [Slow::None, Slow::OwnProcedure, Slow::SameProcedure];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);
const EVERY: usize = 100;
const SLEEP: u64 = 100;
const PERCENTILES: [f64; 9] = [10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0];

fn main() {
    let server = Server::builder().service(WorkService::new(Arc::new(Desk))).bind("127.0.0.1:0").unwrap();
    let address = server.address();
    println!("Fast calls on one connection, µs, all of {ROUNDS} rounds of {} s:", ROUND.as_secs_f64());
    for threads in [1, 8, 64] {
        case(&format!("{threads} threads, one call each at a time"), |slow| closed(address, threads, slow));
    }
    case("64 pipelined from one thread every 2 ms", |slow| pipelined(address, slow));
}

/// Prints the distribution of each kind, and how far slow calls moved it.
fn case(name: &str, run: impl Fn(Slow) -> Vec<Duration>) {
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (kind, times) in KINDS.iter().zip(&mut times) {
            times.extend(run(*kind));
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    println!("\n{name} ({} to {} calls)", times.iter().map(Vec::len).min().unwrap(), times[0].len());
    println!("{:>8} {:>12} {:>22} {:>22}", "", "none slow", "1 %, own procedure", "1 %, same procedure");
    for percent in PERCENTILES {
        let [none, own, same] = times.each_ref().map(|times| micros(times, percent));
        println!(
            "{percent:>7}% {none:>12.1} {own:>12.1} {:>+8.1} {same:>12.1} {:>+8.1}",
            own - none,
            same - none
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a percentile needs no more digits"
)]
fn micros(sorted: &[Duration], percent: f64) -> f64 {
    let index = (sorted.len() as f64 * percent / 100.0) as usize;
    sorted.get(index.min(sorted.len() - 1)).unwrap().as_secs_f64() * 1e6
}

/// Starts slow calls and collects them when they have ended.
struct Slowness {
    kind: Slow,
    calls: usize,
    pending: VecDeque<(Instant, Pending<u64, Status>)>,
}

impl Slowness {
    fn new(kind: Slow) -> Slowness {
        Slowness { kind, calls: 0, pending: VecDeque::new() }
    }

    /// A fast call follows.
    fn step(&mut self, client: &WorkClient) {
        self.calls += 1;
        if self.kind == Slow::None || !self.calls.is_multiple_of(EVERY) {
            return;
        }
        while self
            .pending
            .front()
            .is_some_and(|(begun, _)| begun.elapsed() > Duration::from_millis(2 * SLEEP))
        {
            self.pending.pop_front().unwrap().1.wait().unwrap();
        }
        let started = match self.kind {
            Slow::OwnProcedure => client.start().toil(SLEEP),
            _ => client.start().work(SLEEP),
        };
        self.pending.push_back((Instant::now(), started));
    }

    fn finish(self) {
        self.pending.into_iter().for_each(|(_, call)| assert_eq!(call.wait(), Ok(SLEEP)));
    }
}

fn client(address: SocketAddr) -> WorkClient {
    let client = WorkClient::new(Client::connect(address.to_string()));
    client.work(0).unwrap();
    client
}

/// Threads that share a connection, each with one fast call at a time.
fn closed(address: SocketAddr, threads: usize, slow: Slow) -> Vec<Duration> {
    let client = client(address);
    let until = Instant::now() + ROUND;
    let body = |client: WorkClient| {
        let (mut times, mut slowness) = (Vec::new(), Slowness::new(slow));
        while Instant::now() < until {
            slowness.step(&client);
            let begun = Instant::now();
            client.work(0).unwrap();
            times.push(begun.elapsed());
        }
        slowness.finish();
        times
    };
    std::thread::scope(|scope| {
        let bodies: Vec<_> = (0..threads).map(|_| scope.spawn(|| body(client.clone()))).collect();
        bodies.into_iter().flat_map(|body| body.join().unwrap()).collect()
    })
}

/// One thread that starts 64 calls at once and takes their answers as it waits for them in order.
fn pipelined(address: SocketAddr, slow: Slow) -> Vec<Duration> {
    const WIDTH: usize = 64;
    const EVERY: Duration = Duration::from_millis(2);
    let client = client(address);
    let (mut times, mut slowness) = (Vec::new(), Slowness::new(slow));
    let until = Instant::now() + ROUND;
    while Instant::now() < until {
        let begun = Instant::now();
        let started: Vec<_> = std::iter::repeat_with(|| {
            slowness.step(&client);
            client.start().work(0)
        })
        .take(WIDTH)
        .collect();
        for call in started {
            call.wait().unwrap();
            times.push(begun.elapsed());
        }
        std::thread::sleep(EVERY.saturating_sub(begun.elapsed()));
    }
    slowness.finish();
    times
}
