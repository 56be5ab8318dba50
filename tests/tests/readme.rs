//! What the README shows is what there is.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;

use system_tests::command;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name)).unwrap()
}

#[test]
fn the_program_of_the_readme_is_the_example_and_fits_twenty_lines() {
    let readme = file("README.md");
    let shown = readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(
        file("examples/src/bin/hello.rs").ends_with(shown),
        "the README shows another program than hello.rs"
    );
    assert!(shown.lines().count() <= 20, "{} lines", shown.lines().count());
}

#[test]
fn the_program_of_the_readme_prints_its_greeting() {
    let output = command("hello").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "Good morning, Ana.\n");
    assert!(output.status.success());
}

#[test]
fn every_program_tells_its_version_and_gives_help_with_an_example() {
    for program in ["binder", "rpc", "chat-server", "chat-client", "quickstart"] {
        let version = command(program).arg("--version").output().unwrap();
        let expected = format!("{program} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
        let help = command(program).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains("Example"), "{help}");
        let usage = command(program).arg("--no-such-option").output().unwrap();
        assert_eq!(usage.status.code(), Some(2));
    }
}
