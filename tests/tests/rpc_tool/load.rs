//! Servers that take streams, and servers that are slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::{Server, Status, Stream};

use super::*;

#[rpc_core::service]
trait Mill {
    /// Gives back every word, and ends without a complaint at one that it cannot have.
    fn echo_words(&self, words: Stream<String>) -> Result<Stream<String>, Status>;
    /// How many words there were before the end, whatever that was.
    fn count_words(&self, words: Stream<String>) -> Result<u64, Status>;
    /// Takes its time.
    fn grind(&self) -> Result<u64, Status>;
}

/// How often it has ground.
#[derive(Default)]
struct Stone(AtomicU64);

impl Mill for Stone {
    fn echo_words(&self, words: Stream<String>) -> Result<Stream<String>, Status> {
        Ok(Stream::from_iter(words.map_while(Result::ok)))
    }

    fn count_words(&self, words: Stream<String>) -> Result<u64, Status> {
        Ok(words.map_while(Result::ok).fold(0, |count, _| count + 1))
    }

    fn grind(&self) -> Result<u64, Status> {
        // Slow is what it is to be.
        thread::sleep(Duration::from_millis(50));
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(1)
    }
}

fn mill() -> (Server, String) {
    mill_of(Arc::default())
}

fn mill_of(stone: Arc<Stone>) -> (Server, String) {
    let server = Server::builder().service(MillService::new(stone)).bind("127.0.0.1:0").unwrap();
    let address = server.address().to_string();
    (server, address)
}

/// A stream that ended with a bad item, at a server that took it for the end, was a success without a word.
#[test]
fn a_bad_item_fails_the_call_whatever_the_server_makes_of_it() {
    let (_server, address) = mill();
    for procedure in ["echo_words", "count_words"] {
        let ran = rpc_with(&["call", procedure, "--to", &address], "\"one\" {\"bad");
        ran.failed(2, "item 2 is no JSON: EOF while parsing");
        let ran = rpc(&["call", procedure, "--to", &address, "--items", "\"one\" 5"]);
        ran.failed(2, "item 2 is a number, and the procedure takes a stream of string");
    }
    let whole = rpc_with(&["call", "echo_words", "--to", &address], "\"one\" \"two\"");
    assert_eq!(whole.done(), "\"one\"\n\"two\"\n");
}

/// With a rate, all calls that had come due were made, however long after the duration.
#[test]
fn a_measurement_ends_in_time_at_a_server_slower_than_the_rate() {
    let (_server, address) = mill();
    let paced =
        ["bench", "grind", "--to", &address, "--rate", "1000", "--duration", "300ms", "--warm-up", "0s"];
    let report = rpc(&paced).done();
    let number = |line: &str| line.split(' ').next().unwrap().parse::<u32>().unwrap();
    let calls = number(report.lines().next().unwrap());
    let missed = report.lines().find(|line| line.contains("were due and not made")).unwrap();
    assert!((1..=7).contains(&calls), "{report}");
    assert_eq!(calls + number(missed), 300, "{report}");
}

/// What stands on a line of the report that is about calls.
fn calls_of(report: &str) -> u64 {
    report.lines().next().unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_measurement_that_is_interrupted_shows_what_it_has_and_ends_as_for_ctrl_c() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for rate in [&[][..], &["--rate", "3"]] {
            let stone = Arc::<Stone>::default();
            let (_server, address) = mill_of(stone.clone());
            let options = [
                "bench",
                "grind",
                "--to",
                &address,
                "--duration",
                "1h",
                "--warm-up",
                "0s",
                "--in-flight",
                "4",
            ];
            let mut bench = Process::start("rpc", command("rpc").args(options).args(rate));
            // One is made before anything is measured.
            eventually(&true, || stone.0.load(Ordering::Relaxed) > 3);
            bench.signal(signal);
            let report = bench.line().unwrap();
            let seconds = report.split(' ').nth(3).unwrap().parse::<f64>().unwrap();
            assert!(calls_of(&report) > 1 && seconds < 30.0, "{report}");
            assert_eq!(bench.end().code(), Some(code));
            bench.complaint("stopped before its time");
            assert!(
                !std::iter::from_fn(|| bench.line())
                    .any(|line| line.contains("failed") || line.contains("due"))
            );
        }
    }
}
