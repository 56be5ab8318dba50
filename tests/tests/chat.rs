//! The chat as its users see it: real processes, every event read.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::{BinderProgram, Chatter, ServerProgram, command};

fn house() -> (BinderProgram, ServerProgram) {
    let binder = BinderProgram::start();
    let server = ServerProgram::start(&binder);
    (binder, server)
}

/// Runs `binder ARGUMENTS` against this binder: exit code, standard output, standard error.
fn ask_binder(binder: &BinderProgram, arguments: &[&str]) -> (i32, String, String) {
    let address = binder.address.to_string();
    let output = command("binder").args(arguments).args(["--binder", &address]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_procedure_is_registered_under_its_own_name() {
    let (binder, server) = house();
    let (code, listed, _) = ask_binder(&binder, &["list", "--json"]);
    assert_eq!(code, 0);
    let entries: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = Value::from(entries).to_string();
    let six = ["create_room", "join_room", "send_message", "receive_messages", "list_rooms", "list_users"];
    for name in six.into_iter().chain(["register_user", "unregister_user", "leave_room"]) {
        assert!(text.contains(&format!("\"{name}\"")), "{name} is not in {text}");
        let (code, location, _) = ask_binder(&binder, &["lookup", name]);
        assert_eq!((code, location), (0, format!("{}\n", server.address)));
    }
    let (code, out, complaint) = ask_binder(&binder, &["lookup", "no_such_procedure"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(complaint.contains("no_such_procedure"), "{complaint}");
}

#[test]
fn three_users_chat_in_public_and_in_private() {
    let (binder, _server) = house();
    let mut ana = Chatter::join(&binder, "ana");
    let mut bia = Chatter::join(&binder, "bia");
    let mut caio = Chatter::join(&binder, "caio");
    ana.open_room("rust");
    assert_eq!(bia.enter("rust")["users"], json!(["ana", "bia"]));
    assert_eq!(caio.enter("rust")["users"], json!(["ana", "bia", "caio"]));
    let notice = ana.expect("notice");
    assert_eq!((&notice["kind"], &notice["username"]), (&json!("joined"), &json!("bia")));

    ana.say("oi, gente");
    let sent = ana.expect("sent");
    for chatter in [&mut ana, &mut bia, &mut caio] {
        let message = chatter.hear("oi, gente");
        assert_eq!(message["seq"], sent["seq"]);
        let fields = ["room", "kind", "from", "to"].map(|field| message[field].clone());
        assert_eq!(fields, [json!("rust"), json!("broadcast"), json!("ana"), Value::Null]);
        assert!(message["sent_at"].as_str().unwrap().ends_with('Z'));
    }

    bia.say("/msg ana só para ti");
    let private = ana.hear("só para ti");
    assert_eq!([&private["kind"], &private["to"]], [&json!("unicast"), &json!("ana")]);
    bia.say("fim");
    caio.hear("fim");
    let (rest, code) = caio.finish();
    assert_eq!(code, Some(0));
    assert!(!rest.iter().any(|event| event["body"] == "só para ti"), "{rest:?}");
    let left = ana.expect_where("notice", |event| event["kind"] == "left");
    assert_eq!(left["username"], "caio");
}

/// The story: the listener's connection may bring a message before the sender's own brings its number.
#[test]
fn the_number_of_a_message_is_told_before_it_comes_back() {
    let (binder, _server) = house();
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    for number in 0..500 {
        ana.say(&format!("number {number}"));
    }
    ana.say("/msg ana psst");
    let (events, code) = ana.finish();
    assert_eq!(code, Some(0));
    let numbers = |kind: &str| -> Vec<(usize, Value)> {
        let places = events.iter().enumerate().filter(|(_, event)| event["event"] == kind);
        places.map(|(at, event)| (at, event["seq"].clone())).collect()
    };
    let (sent, back) = (numbers("sent"), numbers("message"));
    assert_eq!((sent.len(), back.len()), (501, 501));
    assert!(sent.iter().zip(&back).all(|((told, sent), (came, back))| sent == back && told < came));
}

#[test]
fn a_late_joiner_gets_the_last_fifty_public_messages_and_no_private_one() {
    let (binder, _server) = house();
    let mut ana = Chatter::join(&binder, "ana");
    let mut bia = Chatter::join(&binder, "bia");
    ana.open_room("rust");
    bia.enter("rust");
    for number in 1..=60 {
        ana.say(&format!("m{number}")).say(&format!("/msg bia p{number}"));
    }
    bia.hear("p60");
    let mut late = Chatter::join(&binder, "late");
    let joined = late.enter("rust");
    let bodies: Vec<&str> = joined["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["body"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (11..=60).map(|number| format!("m{number}")).collect();
    assert_eq!(bodies, expected);
}

#[test]
fn every_refusal_has_its_code_and_the_script_goes_on() {
    let (binder, _server) = house();
    let mut ana = Chatter::join(&binder, "ana");
    ana.say("/join nowhere");
    assert_eq!(ana.error(), "no_such_room");
    ana.say("hello?");
    assert_eq!(ana.error(), "not_in_room");
    ana.open_room("rust");
    ana.say("/create rust");
    assert_eq!(ana.error(), "room_exists");
    ana.say("/msg nobody hi");
    assert_eq!(ana.error(), "recipient_not_in_room");
    ana.say(&"x".repeat(4097));
    assert_eq!(ana.error(), "too_long");
    ana.say("/frobnicate");
    assert_eq!(ana.error(), "unknown_command");
    ana.say("/create full 1").expect("room_created");
    let mut bia = Chatter::join(&binder, "bia");
    bia.enter("full");
    ana.say("/join full");
    assert_eq!(ana.error(), "room_full");
    ana.say("/rooms");
    let rooms = ana.expect("rooms");
    assert_eq!(rooms["rooms"][1], json!({"name": "full", "users": 1, "limit": 1, "private": false}));
    let mut twin = Chatter::start(&binder, "ANA");
    assert_eq!(twin.error(), "name_taken");
    let mut system = Chatter::start(&binder, "Sistema");
    assert_eq!(system.error(), "invalid_name");
    assert_eq!(system.finish().1, Some(1));
    assert_eq!(ana.finish().1, Some(1), "a script with a failed command ends with 1");
}

#[test]
fn the_end_of_the_script_still_prints_what_was_to_come_and_frees_the_name() {
    let (binder, _server) = house();
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    ana.say("one").say("two").say("three");
    let (events, code) = ana.finish();
    assert_eq!(code, Some(0));
    let heard: Vec<&Value> =
        events.iter().filter(|event| event["event"] == "message").map(|event| &event["body"]).collect();
    assert_eq!(heard, ["one", "two", "three"]);
    let mut again = Chatter::join(&binder, "ana");
    assert_eq!(again.enter("rust")["users"], json!(["ana"]));
}

#[test]
fn a_user_whose_program_was_killed_leaves_after_the_idle_time() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start_with(&binder, &["--user-idle-after", "2s"]);
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    let mut bia = Chatter::join(&binder, "bia");
    bia.enter("rust");
    bia.process.kill();
    let left = ana.expect_where("notice", |event| event["kind"] == "left");
    assert_eq!(left["username"], "bia");
    Chatter::join(&binder, "bia");
}

#[test]
fn programs_end_cleanly_and_promptly_on_a_signal() {
    let (binder, server) = house();
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    let mut programs = [ana.process, server.process, binder.process];
    for (program, signal) in programs.iter_mut().zip(["TERM", "INT", "TERM"]) {
        program.signal(signal);
        assert_eq!(program.end_within(Duration::from_secs(5)).code(), Some(0), "{}", program.told());
    }
}

#[test]
fn programs_start_in_any_order() {
    let port = system_tests::free_port();
    let address = format!("127.0.0.1:{port}");
    let mut client = command("chat-client");
    client.args(["--json", "--binder", &address, "--username", "early"]);
    let mut early = Chatter { process: system_tests::Process::start("early", &mut client) };
    early.process.complaint(&address);
    let mut late_server = command("chat-server");
    let mut server = system_tests::Process::start("chat-server", late_server.args(["--binder", &address]));
    server.complaint(&address);
    let _binder = BinderProgram::start_at(&address);
    early.expect("registered");
}
