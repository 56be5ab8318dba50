//! Commands, and what they and others tell.

use std::io::{BufRead, Read, Write};
use std::net::TcpListener;

use binder::BinderServer;

use crate::rig::{Client, Stage, check};

#[test]
fn commands_run_in_order_and_what_they_tell_stands_in_order() {
    let run = Stage::new().run(
        &["--username", "ana", "--json"],
        "/create rust 5\n/join rust\n/rooms\n/users\n/me\n/history\n/leave\n/rooms\n",
    );
    let lines = [
        r#"{"event":"registered","username":"ana"}"#,
        r#"{"event":"room_created","room":"rust"}"#,
        r#"{"event":"joined","room":"rust","users":["ana"],"history":[]}"#,
        r#"{"event":"rooms","rooms":[{"name":"rust","users":1,"limit":5,"private":false}]}"#,
        r#"{"event":"users","room":"rust","users":["ana"]}"#,
        r#"{"event":"me","username":"ana","room":"rust","rooms":["rust"]}"#,
        r#"{"event":"history","room":"rust","messages":[]}"#,
        r#"{"event":"left","room":"rust"}"#,
        r#"{"event":"rooms","rooms":[{"name":"rust","users":0,"limit":5,"private":false}]}"#,
    ];
    check(&run, &lines, 0);
}

#[test]
fn what_was_said_is_received_before_the_end() {
    let (output, code) = Stage::new()
        .run(&["--username", "ana", "--json"], "/create rust\n/join rust\none\ntwo\n/msg ana psiu");
    let of = |event: &str| -> Vec<&str> { output.lines().filter(|line| line.contains(event)).collect() };
    let message = |seq, kind, to, body| {
        format!(
            r#"{{"event":"message","room":"rust","seq":{seq},"kind":"{kind}","from":"ana","to":{to},"body":"{body}"}}"#
        )
    };
    let messages = [
        message(2, "broadcast", "null", "one"),
        message(3, "broadcast", "null", "two"),
        message(4, "unicast", "\"ana\"", "psiu"),
    ];
    assert_eq!(of(r#""message""#), messages);
    let sent = |seq| format!(r#"{{"event":"sent","room":"rust","seq":{seq}}}"#);
    assert_eq!(of(r#""sent""#), [sent(2), sent(3), sent(4)]);
    assert_eq!(output.lines().last(), Some(r#"{"event":"left","room":"rust"}"#));
    assert_eq!(code, Some(0));
}

#[test]
fn a_failed_command_is_an_event_and_the_script_goes_on() {
    let (output, code) =
        Stage::new().run(&["--username", "ana", "--json"], "oi\n/nope\n/join c\n/msg\n//\n/rooms\n");
    let codes: Vec<&str> = output.lines().filter_map(|line| line.split(r#""code":""#).nth(1)).collect();
    let codes: Vec<&str> = codes.iter().filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(
        codes,
        ["not_in_room", "unknown_command", "no_such_room", "unknown_command", "unknown_command"]
    );
    assert_eq!(output.lines().last(), Some(r#"{"event":"rooms","rooms":[]}"#));
    assert_eq!(code, Some(1));
}

#[test]
fn without_json_the_events_are_lines_for_people() {
    let script = "/create rust\n/join rust\n/users\n/nope\n/leave\n";
    let lines = [
        "* you are ana",
        "* rust was created",
        "* in rust: ana",
        "* in rust: ana",
        "! there is no command /nope; /help lists them",
        "* you left rust",
    ];
    check(&Stage::new().run(&["--username", "ana"], script), &lines, 1);
}

#[test]
fn two_clients_hear_each_other() {
    let stage = Stage::new();
    let mut ana = stage.client(&["--username", "ana", "--json"]);
    ana.input.as_mut().unwrap().write_all(b"/create rust\n/join rust\n").unwrap();
    (0..3).for_each(|_| drop(ana.line()));
    stage.run(&["--username", "bia", "--room", "rust", "--json"], "oi\n");
    let heard = [ana.line(), ana.line(), ana.line()].concat();
    let lines = [
        r#"{"event":"notice","room":"rust","seq":2,"kind":"joined","username":"bia"}"#,
        r#"{"event":"message","room":"rust","seq":3,"kind":"broadcast","from":"bia","to":null,"body":"oi"}"#,
        r#"{"event":"notice","room":"rust","seq":4,"kind":"left","username":"bia"}"#,
    ];
    assert_eq!(heard.lines().collect::<Vec<_>>(), lines);
    assert_eq!(ana.finish().1, Some(0));
}

#[test]
fn a_client_that_is_early_says_so_once_and_goes_on() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut client = Client::start(&place.to_string(), &["--username", "ana", "--json"]);
    let mut errors = client.errors();
    let mut said = String::new();
    errors.read_line(&mut said).unwrap();
    assert!(said.starts_with("chat-client: waiting for the chat: "), "{said}");
    let stage = Stage::with(BinderServer::start(place).unwrap());
    check(&client.finish(), &[r#"{"event":"registered","username":"ana"}"#], 0);
    let mut more = String::new();
    errors.read_to_string(&mut more).unwrap();
    assert_eq!(more, "");
    drop(stage);
}
