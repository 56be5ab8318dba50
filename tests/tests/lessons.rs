//! Every lesson prints what its first lines say, and none is longer than a screen.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::{Path, PathBuf};

use system_tests::{Transcript, command};

/// A lesson is read in one go.
const LINES: usize = 60;

fn lessons() -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/lessons"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut lessons: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "rs")).collect();
    lessons.sort();
    lessons
}

/// `examples/lessons/unix_socket.rs` is the program `lesson-unix-socket`.
fn program(lesson: &Path) -> String {
    format!("lesson-{}", lesson.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
}

/// What a lesson's first lines say it prints.
fn promise(source: &str) -> String {
    let doc = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = doc.skip_while(|line| *line != " ```text").skip(1).take_while(|line| *line != " ```");
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

#[test]
fn every_lesson_prints_what_it_promises() {
    let lessons = lessons();
    assert!(lessons.len() >= 11, "{lessons:?}");
    // All at once: most of their time they wait.
    let running: Vec<_> = lessons
        .iter()
        .map(|lesson| {
            let promised = promise(&fs::read_to_string(lesson).unwrap());
            assert!(!promised.is_empty(), "{} does not say what it prints", lesson.display());
            (Transcript::start_with(&mut command(&program(lesson)), ""), promised)
        })
        .collect();
    for (lesson, promised) in running {
        lesson.ends_with(&promised);
    }
}

#[test]
fn every_lesson_fits_a_screen_and_stands_in_the_list() {
    let list = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/README.md")).unwrap();
    for lesson in lessons() {
        let source = fs::read_to_string(&lesson).unwrap();
        let (lines, program) = (source.lines().count(), program(&lesson));
        assert!(lines <= LINES, "{} has {lines} lines", lesson.display());
        let row = list.lines().find(|row| row.starts_with(&format!("| `cargo run --bin {program}` |")));
        let row = row.unwrap_or_else(|| panic!("{program} is not in examples/README.md"));
        let shown = promise(&source).lines().any(|line| row.ends_with(&format!("| `{line}` |")));
        assert!(shown, "{program} prints something else: {row}");
    }
}
