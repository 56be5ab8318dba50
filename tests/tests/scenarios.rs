//! Every room scenario shows what its first lines say, as far as it is the same every time.

use std::fs;

use system_tests::{Transcript, command, examples};

/// A scenario is read like a lesson; some have people, a clock or a report to describe.
const LINES: usize = 95;

/// Whether a line is what was promised; `…` stands for anything.
fn is_kept(promised: &str, line: &str) -> bool {
    let mut parts = promised.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || promised.ends_with('…')
}

#[test]
fn a_promise_with_a_hole_is_kept_by_anything_in_it() {
    assert!(is_kept("a … b", "a 12 ms b") && is_kept("…", "") && is_kept("a", "a") && is_kept("a …", "a x"));
    assert!(
        !is_kept("a", "a b")
            && !is_kept("a … b", "a 12 ms c")
            && !is_kept("a", "")
            && !is_kept("b …", "a b c")
    );
}

#[test]
fn every_scenario_shows_what_it_promises() {
    let scenarios = examples("scenarios", "scenario");
    assert!(scenarios.len() >= 9);
    for scenario in scenarios {
        let (mut program, mut promise) = (command(&scenario.program), scenario.promise);
        if scenario.program == "scenario-load" {
            // As many as a busy machine carries beside other tests.
            program.arg("60");
            promise = promise.replace("250000", "3600").replace("500", "60");
        }
        let ended = Transcript::start_with(&mut program, "").ended();
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{}: {}",
            scenario.program,
            ended.stdout
        );
        let lines: Vec<&str> = ended.stdout.lines().collect();
        let kept = promise.lines().count() == lines.len()
            && promise.lines().zip(&lines).all(|(promised, line)| is_kept(promised, line));
        assert!(kept, "{} promised\n{promise}and showed\n{}", scenario.program, ended.stdout);
    }
}

#[test]
fn every_scenario_is_short_and_stands_in_the_list() {
    let list = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/README.md")).unwrap();
    for scenario in examples("scenarios", "scenario") {
        scenario.check_place(&list, LINES);
    }
}
