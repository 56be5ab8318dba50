//! Every lesson prints what its first lines say, and none is longer than a screen.

use std::fs;

use system_tests::{Transcript, command, examples};

/// A lesson is read in one go.
const LINES: usize = 60;

#[test]
fn every_lesson_prints_what_it_promises() {
    let lessons = examples("lessons", "lesson");
    assert!(lessons.len() >= 11);
    // All at once: most of their time they wait.
    let running: Vec<_> = lessons
        .iter()
        .map(|lesson| (Transcript::start_with(&mut command(&lesson.program), ""), &lesson.promise))
        .collect();
    for (lesson, promised) in running {
        lesson.ends_with(promised);
    }
}

#[test]
fn every_lesson_fits_a_screen_and_stands_in_the_list() {
    let list = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/README.md")).unwrap();
    for lesson in examples("lessons", "lesson") {
        lesson.check_place(&list, LINES);
    }
}
