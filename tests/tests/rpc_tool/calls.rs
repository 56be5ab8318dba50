//! `rpc call`: the chat, played by hand.

use std::path::PathBuf;

use serde_json::Value;
use system_tests::Process;

use super::*;

/// Somebody in the chat.
struct Guest<'h> {
    house: &'h House,
    session: String,
}

impl Guest<'_> {
    /// Registers, and keeps the session token for the calls that follow.
    #[track_caller]
    fn register<'h>(house: &'h House, name: &str) -> Guest<'h> {
        let answer = house.rpc(&["call", "register_user", &format!(r#"{{"username":"{name}"}}"#)]).done();
        assert_eq!(answer.lines().count(), 1, "{answer}");
        let session: Value = serde_json::from_str(&answer).unwrap();
        let bytes = session["token"].as_array().unwrap().iter();
        let token: String = bytes.map(|byte| format!("{:02x}", byte.as_u64().unwrap())).collect();
        Guest { house, session: format!("chat-session=hex:{token}") }
    }

    #[track_caller]
    fn call(&self, procedure: &str, arguments: &str) -> Ran {
        self.house.rpc(&["call", procedure, arguments, "--metadata", &self.session])
    }
}

#[test]
fn a_chat_goes_by_hand_with_metadata_streams_and_typed_errors() {
    let house = House::open();
    let ana = Guest::register(&house, "ana");
    assert_eq!(ana.call("create_room", r#"{"room_name":"lobby"}"#).done(), "null\n");
    let again = ana.call("create_room", r#"{"room_name":"lobby"}"#);
    again.failed(1, r#"create_room failed: {"RoomExists":{"room":"lobby"}}"#);
    let joined = ana.call("join_room", r#"["ana","lobby"]"#).done();
    assert!(joined.contains(r#""users":["ana"]"#), "{joined}");

    let binder = house.binder.address.to_string();
    let wanted = r#"{"username":"ana","room_name":"lobby"}"#;
    let mut events = command("rpc");
    events.args(["call", "events", wanted, "--binder", &binder, "--metadata", &ana.session]);
    let mut events = Process::start("rpc", &mut events);
    assert!(events.line().unwrap().contains("Begins"));
    let sent = r#"{"username":"ana","room_name":"lobby","message":"olá"}"#;
    let sent = ana.call("send_message", sent).done();
    assert!(sent.starts_with("{\"seq\":"), "{sent}");
    while !events.line().unwrap().contains(r#""olá""#) {}
    events.kill();
}

#[test]
fn arguments_come_from_a_file_or_from_standard_input() {
    let house = House::open();
    let binder = house.binder.address.to_string();
    let path: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "rpc-tool-arguments.json"].iter().collect();
    std::fs::write(&path, r#"{"username":"bob"}"#).unwrap();
    let file = format!("@{}", path.display());
    assert!(house.rpc(&["call", "register_user", &file]).done().contains(r#""username":"bob""#));
    let eva = rpc_with(&["call", "register_user", "-", "--binder", &binder], "{\n\"username\": \"eva\"}\n");
    assert!(eva.done().contains(r#""username":"eva""#));
    house.rpc(&["call", "register_user", "@/nowhere/at-all"]).failed(1, "cannot read /nowhere/at-all");
    house.rpc(&["call", "register_user", "{"]).failed(2, "this is not a JSON document");
}

#[test]
fn a_wrong_argument_or_procedure_is_told_with_what_was_meant() {
    let house = House::open();
    let typo = house.rpc(&["call", "create_room", r#"{"room_nme":"x"}"#]);
    typo.failed(4, "there is no argument \"room_nme\"; the arguments are room_name");
    let typo = house.rpc(&["call", "create_room", r#"{"room_nme":"x"}"#]);
    typo.failed(4, "did you mean \"room_name\"?");
    house.rpc(&["call", "create_room", "{}"]).failed(4, "the argument \"room_name\" is missing");
    house.rpc(&["call", "list_room"]).failed(4, "did you mean \"list_rooms\"?");
    house.rpc(&["call", "create_room", r#"["x"]"#]).failed(4, "Unauthenticated");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let house = House::open();
    let binder = house.binder.address.to_string();
    let mut list = command("rpc");
    list.args(["list", "--binder", &binder]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = list.spawn().unwrap();
    drop(child.stdout.take());
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < SOON);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
