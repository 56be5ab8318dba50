//! A binder beside Redis and rpcbind, each a process on this machine: `cargo bench -p binder --bench names`.
//!
//! A peer that is not installed is left out (Debian: redis-server, rpcbind). rpcbind listens on port 111 and needs root.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

mod crowd;
mod ours;
mod peers;
mod process;

use std::time::{Duration, Instant};

use ours::Binder;
use peers::{Portmap, Redis};

/// Rounds of each measurement; their median is told.
const ROUNDS: usize = 5;
/// How long a round of questions takes.
const ROUND: Duration = Duration::from_millis(500);

/// Something that answers questions about names over connections of its own.
trait Asked: Sync {
    /// A connection that asks one question after the other: each call is one answer.
    fn question(&self) -> Box<dyn FnMut() + Send>;
}

/// One round of measuring a peer: answers a second.
type Round<'a> = Box<dyn FnMut() -> f64 + 'a>;
/// Asks many questions at once; each call is so many answers.
type Pipeline = Box<dyn FnMut() -> u64 + Send>;

fn main() {
    let (binder, redis, portmap) = (Binder::start(&[]), Redis::start(), Portmap::start());
    println!("{:<44} {:>12} {:>12} {:>12}", "a second (medians of 5 rounds)", "binder", "Redis", "rpcbind");
    for connections in [1, 16] {
        let asked: [Option<&dyn Asked>; 3] = [
            Some(&binder),
            redis.as_ref().map(|redis| -> &dyn Asked { redis }),
            portmap.as_ref().map(|portmap| -> &dyn Asked { portmap }),
        ];
        let name = format!("lookups, {connections} connections, one at a time");
        row(&name, asked.map(|asked| Some(rounds(asked?, connections))));
    }
    let pipelines = [Some(binder.pipeline()), redis.as_ref().map(Redis::pipeline), None];
    let pipelined_rounds = |mut ask: Pipeline| -> Round<'_> { Box::new(move || pipelined(&mut ask)) };
    row("lookups, 1 connection, 64 under way", pipelines.map(|ask| ask.map(pipelined_rounds)));
    let (ours, theirs) = (binder.renewals(), redis.as_ref().map(Redis::renewals));
    let renewed = [Some(rounds(&ours, 16)), theirs.as_ref().map(|theirs| rounds(theirs, 16)), None];
    row("renewals, 16 connections (Redis: PEXPIRE)", renewed);
    drop(portmap);
    println!();
    println!("{:<44} {:>12} {:>12}", "", "binder", "Redis");
    let fan = |told: Option<Duration>| told.map_or_else(|| "-".to_owned(), |told| format!("{told:.1?}"));
    let ours = Some(crowd::watchers(&binder));
    println!(
        "{:<44} {:>12} {:>12}",
        "a change told to 1,000 watchers",
        fan(ours),
        fan(redis.as_ref().map(crowd::subscribers))
    );
    drop((binder, redis));
    crowd::large();
}

/// Prints the medians of rounds that alternate, so that what else the machine does meets everybody.
fn row(name: &str, mut peers: [Option<Round<'_>>; 3]) {
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (peer, rates) in peers.iter_mut().zip(&mut rates) {
            rates.extend(peer.as_mut().map(|round| round()));
        }
    }
    let [ours, redis, portmap] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates.get(ROUNDS / 2).map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"))
    });
    println!("{name:<44} {ours:>12} {redis:>12} {portmap:>12}");
}

fn rounds(asked: &dyn Asked, connections: usize) -> Round<'_> {
    Box::new(move || rate(asked, connections))
}

/// Answers a second over so many connections.
fn rate(asked: &dyn Asked, connections: usize) -> f64 {
    let questions: Vec<_> = (0..connections).map(|_| asked.question()).collect();
    let begun = Instant::now();
    let ask = |mut question: Box<dyn FnMut() + Send>| {
        let mut answers = 0;
        while begun.elapsed() < ROUND {
            question();
            answers += 1;
        }
        answers
    };
    let answers: u64 = std::thread::scope(|scope| {
        let askers: Vec<_> =
            questions.into_iter().map(|question| scope.spawn(move || ask(question))).collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).sum()
    });
    per_second(answers, begun)
}

/// Answers a second where many questions are under way: each call is so many answers.
fn pipelined(ask: &mut dyn FnMut() -> u64) -> f64 {
    let begun = Instant::now();
    let mut answers = 0;
    while begun.elapsed() < ROUND {
        answers += ask();
    }
    per_second(answers, begun)
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn per_second(answers: u64, begun: Instant) -> f64 {
    answers as f64 / begun.elapsed().as_secs_f64()
}
