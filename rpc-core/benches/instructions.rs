//! Instructions of the hot paths, held against `instructions.txt`: `cargo bench -p rpc-core --bench instructions`.
//!
//! Unlike times they are the same on a busy machine. Each case runs twice under callgrind, once with twice as many
//! operations; the difference is what they cost. Words behind `--` choose cases; `--run CASE COUNT` only runs one, to be looked
//! at with callgrind or strace. Needs valgrind.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::collections::VecDeque;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use rpc_core::{Bytes, Client, Pending, Server, Status, Stream};

#[rpc_core::service]
trait Echo {
    fn numbers(&self, numbers: [u64; 8]) -> Result<[u64; 8], Status>;
    fn bytes(&self, bytes: Bytes) -> Result<Bytes, Status>;
    fn items(&self, count: usize) -> Result<Stream<Bytes>, Status>;
}

struct Mirror;

impl Echo for Mirror {
    fn numbers(&self, numbers: [u64; 8]) -> Result<[u64; 8], Status> {
        Ok(numbers)
    }

    fn bytes(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn items(&self, count: usize) -> Result<Stream<Bytes>, Status> {
        Ok(Stream::from_iter((0..count).map(|_| Bytes::from(vec![7; 100]))))
    }
}

/// What an operation costs at most: a line of `instructions.txt`.
struct Bound<'a> {
    case: &'a str,
    instructions: u64,
    ratio: f64,
}

const BOUNDS: &str = include_str!("instructions.txt");

/// Operations of the shorter run.
const COUNT: u64 = 1000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [flag, case, count] = &*words
        && flag == "--run"
    {
        run(case, count.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    println!("{:<10} {:>12} {:>10} {:>8} {:>8}", "case", "instructions", "baseline", "ratio", "allowed");
    let bounds = BOUNDS.lines().filter(|line| !line.starts_with('#')).map(Bound::parse);
    let chosen = bounds.filter(|bound| words.is_empty() || words.iter().any(|word| word == bound.case));
    let grown: Vec<String> = chosen.filter_map(|bound| bound.check()).collect();
    grown.iter().for_each(|sentence| println!("{sentence}"));
    if grown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Bound<'_> {
    fn parse(line: &str) -> Bound<'_> {
        let mut words = line.split_whitespace();
        let case = words.next().unwrap();
        let instructions = words.next().unwrap().parse().unwrap();
        Bound { case, instructions, ratio: words.next().unwrap().parse().unwrap() }
    }

    /// Counts; says what is wrong if an operation has become too dear.
    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more digits")]
    fn check(&self) -> Option<String> {
        let Bound { case, instructions, ratio } = *self;
        let counted = (count(case, 2 * COUNT) - count(case, COUNT)) / COUNT;
        let grown = counted as f64 / instructions as f64;
        println!("{case:<10} {counted:>12} {instructions:>10} {grown:>8.2} {ratio:>8.2}");
        (grown > ratio).then(|| {
            format!(
                "{case}: one operation has grown from {instructions} to {counted} instructions, {grown:.2} times as many, and \
                 {ratio} is allowed. Find what was added (callgrind_annotate, as PERFORMANCE.md shows) and take it out, or \
                 raise the baseline in benches/instructions.txt in a commit that says what it is worth."
            )
        })
    }
}

/// The instructions of a whole run.
fn count(case: &str, operations: u64) -> u64 {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--run", case, &operations.to_string()])
        .output()
        .unwrap_or_else(|error| panic!("valgrind, which counts instructions, does not start: {error}"));
    let said = String::from_utf8_lossy(&valgrind.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    assert!(valgrind.status.success() && collected.is_some(), "callgrind has counted nothing: {said}");
    collected.unwrap().1.trim().parse().unwrap()
}

fn run(case: &str, count: usize) {
    let server = Server::builder().service(EchoService::new(Arc::new(Mirror))).bind("127.0.0.1:0").unwrap();
    let client = EchoClient::new(Client::connect(server.address().to_string()));
    let numbers = [7 << 56; 8];
    let echo = |size| {
        let bytes = Bytes::from(vec![7; size]);
        (0..count).for_each(|_| assert_eq!(client.bytes(bytes.clone()).unwrap().len(), size));
    };
    match case {
        "call" => (0..count).for_each(|_| assert_eq!(client.numbers(numbers).unwrap(), numbers)),
        "bytes" => echo(64),
        "bulk" => echo(64 << 10),
        "window" => {
            let mut pending: VecDeque<Pending<[u64; 8], Status>> = VecDeque::new();
            for _ in 0..count {
                if pending.len() == 64 {
                    pending.pop_front().unwrap().wait().unwrap();
                }
                pending.push_back(client.start().numbers(numbers));
            }
            pending.into_iter().for_each(|call| assert_eq!(call.wait().unwrap(), numbers));
        }
        "stream" => assert_eq!(client.items(count).unwrap().map(Result::unwrap).count(), count),
        _ => panic!("there is no case {case:?}"),
    }
}
