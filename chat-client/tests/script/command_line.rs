//! What the command line and the environment say.

use std::process::Command;

use crate::rig::{Client, Stage, check};

#[test]
fn a_room_of_the_command_line_is_joined_first() {
    let stage = Stage::new();
    stage.run(&["--json"], "/create rust\n");
    let lines = [
        r#"{"event":"registered","username":"ana"}"#,
        r#"{"event":"joined","room":"rust","users":["ana"],"history":[]}"#,
        r#"{"event":"left","room":"rust"}"#,
    ];
    check(&stage.run(&["--username", "ana", "--room", "rust", "--json"], ""), &lines, 0);
}

#[test]
fn without_a_name_a_script_uses_the_login_name() {
    check(&Stage::new().run(&["--json"], ""), &[r#"{"event":"registered","username":"login"}"#], 0);
}

#[test]
fn a_name_that_is_none_or_taken_ends_a_script() {
    let stage = Stage::new();
    for name in ["Sistema", "todos", "", "a\u{202e}b"] {
        let (output, code) = stage.run(&["--username", name, "--json"], "/rooms\n");
        assert!(output.starts_with(r#"{"event":"error","code":"invalid_name","#), "{output}");
        assert_eq!((output.lines().count(), code), (1, Some(1)));
    }
    let mut first = stage.client(&["--username", "ana", "--json"]);
    assert_eq!(first.line(), "{\"event\":\"registered\",\"username\":\"ana\"}\n");
    let (output, code) = stage.run(&["--username", "ana", "--json"], "/rooms\n");
    assert!(output.starts_with(r#"{"event":"error","code":"name_taken","#), "{output}");
    assert_eq!(code, Some(1));
    assert_eq!(first.finish().1, Some(0));
}

#[test]
fn the_command_line_explains_itself() {
    let program = |argument: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_chat-client")).args(argument).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (help, code) = program(&["--help"]);
    assert!(
        help.contains("chat-client --username ana --room rust") && help.contains("CHAT_BINDER"),
        "{help}"
    );
    assert_eq!(code, Some(0));
    assert_eq!(program(&["--version"]), (format!("chat-client {}\n", env!("CARGO_PKG_VERSION")), Some(0)));
    assert!(program(&["--completions", "bash"]).0.contains("--username"));
    assert_eq!(program(&["--binder", "nowhere"]).1, Some(2));
    assert_eq!(program(&["--nope"]).1, Some(2));
}

/// The story: `CHAT_JSON=` in a unit file was refused as neither yes nor no, and `CHAT_USERNAME=` as no name.
#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let stage = Stage::new();
    let client = Client::start_with(&stage.binder.address().to_string(), &[], |command| {
        command.envs(["CHAT_JSON", "CHAT_USERNAME", "CHAT_ROOM"].map(|name| (name, "")));
    });
    check(&client.finish(), &["* you are login"], 0);
}
