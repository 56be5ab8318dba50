//! What the program says of itself: help, version, completions, manual pages.

use crate::house::{Folder, check, run};

const COMMANDS: [&str; 11] =
    ["", "serve", "list", "lookup", "watch", "register", "drain", "remove", "ping", "stats", "doctor"];

/// Set `UPDATE_HELP` to write the file anew, and read what has changed before you commit it.
#[test]
fn help_texts_are_as_they_were_read_over() {
    let mut texts = String::new();
    for name in COMMANDS {
        let mut arguments = vec![name, "--help"];
        arguments.retain(|argument| !argument.is_empty());
        let output = run(&arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{name}");
        texts +=
            &format!("$ binder {}\n{}\n", arguments.join(" "), String::from_utf8(output.stdout).unwrap());
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/help.txt");
    if std::env::var_os("UPDATE_HELP").is_some() {
        std::fs::write(file, &texts).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap();
    let differing = texts.lines().zip(expected.lines()).find(|(told, expected)| told != expected);
    assert_eq!(differing, None, "the first line that differs, as it is and as it was");
    assert_eq!(texts.len(), expected.len());
}

#[test]
fn every_command_has_examples() {
    let texts = include_str!("help.txt");
    assert_eq!(texts.matches("\nExamples:\n  binder").count(), COMMANDS.len());
}

#[test]
fn the_version_goes_to_standard_output() {
    check(&run(&["--version"]), 0, &format!("binder {}\n", env!("CARGO_PKG_VERSION")), "");
}

#[test]
fn completions_know_every_command_and_option() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["--completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        for word in COMMANDS.into_iter().chain(["man-pages", "token-file", "undo"]) {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = Folder::new();
    let pages = folder.path("man1");
    check(&run(&["--man-pages", &pages]), 0, "", "");
    for name in COMMANDS {
        let page = if name.is_empty() { "binder.1".to_owned() } else { format!("binder-{name}.1") };
        let text = std::fs::read_to_string(format!("{pages}/{page}")).unwrap();
        assert!(text.contains(".SH SYNOPSIS") && text.contains(".SH EXAMPLES"), "{page}");
    }
    let file = folder.file("file", "");
    let below = format!("{file}/man1");
    check(
        &run(&["--man-pages", &below]),
        1,
        "",
        &format!("binder: cannot write the manual pages to {below}: Not a directory"),
    );
}
