//! Commands that ask several binders, of which some may be gone.

use std::io::BufRead;
use std::net::TcpListener;
use std::time::Duration;

use binder::{Binder, Entry, Mode, Offer, Registration, RegistrationOptions};
use serde_json::{Value, json};

use crate::house::{Going, Running, check, command, json_lines};

/// Two binders, and their addresses as one says them; the second is `known` to the server that is registered.
fn two() -> (Running, Running, String) {
    let (one, other) = (Running::start(), Running::start());
    let both = format!("{},{}", one.address, other.address);
    (one, other, both)
}

/// An address at which nobody listens.
fn absent() -> String {
    TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().to_string()
}

/// A server of `sum` that is registered with all of these.
fn server(binders: &str, all: &[&Running]) -> Registration {
    let offer = Offer { mode: Mode::Shared, ..Offer::new("sum", "127.0.0.1", 4000) };
    let registration = Registration::start_with(binders, [offer], RegistrationOptions::default()).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while all.iter().any(|binder| binder.client().stats().unwrap().names == 0) {
        assert!(std::time::Instant::now() < deadline, "it is not registered everywhere");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    registration
}

fn ask(binders: &str, arguments: &[&str]) -> std::process::Output {
    command(arguments).args(["--binder", binders]).output().unwrap()
}

#[test]
fn a_question_is_put_to_one_binder_after_the_other_until_one_answers() {
    let (one, other, both) = two();
    other.client().register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let gone = absent();
    let output = ask(&format!("{gone},{both}"), &["lookup", "chat"]);
    check(&output, 0, "127.0.0.1:4000\n", &format!("the binder at {gone} cannot be asked"));
    check(&output, 0, "127.0.0.1:4000\n", &format!("the binder at {}: no procedure named chat", one.address));
    check(&output, 0, "127.0.0.1:4000\n", &format!("this is what the binder at {} says", other.address));
    let output = ask(&format!("{gone},{}", other.address), &["list", "--json"]);
    assert_eq!(json_lines::<Entry>(&output).len(), 1);
    let output = ask(&format!("{gone},{}", absent()), &["list"]);
    check(&output, 1, "", &format!("binder: the binder at {gone} cannot be asked"));
    check(&ask(&both, &["lookup", "nobody"]), 1, "", "no procedure named nobody is registered");
    check(
        &ask(&format!("{both},nowhere"), &["list"]),
        2,
        "",
        "\"nowhere\" is no address of a binder: expected HOST:",
    );
}

#[test]
fn each_binder_is_told_that_a_server_drains_or_is_taken_out() {
    let (one, other, both) = two();
    let _server = server(&both, &[&one, &other]);
    let instance = json_lines::<Entry>(&one.ask(&["list", "--json"]))[0].instance.clone();
    let said = |place: &Running, what: &str| {
        format!("sum at 127.0.0.1:4000 ({instance}) {what} (binder {})\n", place.address)
    };
    let drains = format!("{}{}", said(&one, "drains"), said(&other, "drains"));
    check(&ask(&both, &["drain", "sum"]), 0, &drains, "");
    let undone: Vec<Value> = json_lines(&ask(&both, &["drain", "--undo", "sum", "--json"]));
    let binders: Vec<_> = undone.iter().map(|event| (&event["event"], &event["binder"])).collect();
    let resumed = json!("resumed");
    assert_eq!(binders, [(&resumed, &json!(one.address)), (&resumed, &json!(other.address))]);
    // One that cannot be told fails the command, and not the others.
    let gone = absent();
    let output = ask(&format!("{gone},{}", other.address), &["remove", "sum", "--force"]);
    check(&output, 1, &said(&other, "is removed"), &format!("the binder at {gone} cannot be asked"));
    // What only one of them knows is done there.
    check(&ask(&both, &["remove", "sum", "--force"]), 0, &said(&one, "is removed"), "");
    check(
        &ask(&both, &["drain", "sum"]),
        1,
        "",
        "binder: no procedure named sum is registered: `binder list`",
    );
}

#[test]
fn ping_stats_and_doctor_go_to_each_binder() {
    let (one, other, both) = two();
    let gone = absent();
    let all = format!("{both},{gone}");
    let pings = ask(&all, &["ping", "--count", "1", "--interval", "1ms", "--json"]);
    let of = |events: &[Value], kind: &str, name: &str| -> Vec<String> {
        let of = events.iter().filter(|event| event[kind] == name);
        of.map(|event| event["binder"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&json_lines(&pings), "event", "summary"), [one.address.clone(), other.address.clone()]);
    assert_eq!(pings.status.code(), Some(1));
    let stats: Vec<Value> = json_lines(&ask(&both, &["stats", "--json"]));
    assert_eq!((&stats[0]["binder"], &stats[1]["binder"]), (&json!(one.address), &json!(other.address)));
    assert!(stats[1]["revision"]["number"].is_u64());
    let doctor = ask(&all, &["doctor", "--json"]);
    assert_eq!(of(&json_lines(&doctor), "subject", "binder"), [one.address.clone(), other.address.clone()]);
    assert!(
        String::from_utf8_lossy(&doctor.stderr).contains(&format!("the binder at {gone} cannot be asked"))
    );
}

#[test]
fn watch_turns_to_another_binder_when_its_own_is_killed() {
    let (one, other, both) = two();
    let _server = server(&both, &[&one, &other]);
    let mut watch = Going::start(&both, &["watch", "--json"]);
    assert_eq!(watch.event("reset")["binder"], json!(one.address));
    assert_eq!(watch.event("added")["name"], "sum");
    let first = one.address.clone();
    drop(one);
    assert_eq!(watch.event("lost")["binder"], json!(first));
    assert_eq!(watch.event("reset")["binder"], json!(other.address));
    assert_eq!(watch.event("added")["name"], "sum");
    other.client().register_procedure("chat".into(), "127.0.0.1".into(), 1).unwrap();
    assert_eq!(watch.event("added")["name"], "chat");
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn register_registers_with_all_binders() {
    let (one, other, both) = two();
    let mut going = Going::start(&both, &["register", "report", "127.0.0.1:4000", "--json"]);
    going.event("registered");
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    for binder in [&one, &other] {
        while binder.client().lookup_procedure("report".into()).is_err() {
            assert!(std::time::Instant::now() < deadline, "{} does not know it", binder.address);
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
    assert_eq!(going.end(), Some(0));
    check(&one.ask(&["list"]), 0, "", "no procedures are registered");
    check(&other.ask(&["list"]), 0, "", "no procedures are registered");
}

/// Registers `a` alone with these binders, and tells it in JSON.
fn register(binders: &str) -> Going {
    Going::start(binders, &["register", "a", "127.0.0.1:4000", "--lease", "2s", "--json"])
}

/// Has `a` held there by a server that lives and shares it, so that nobody may have it alone.
fn hold(binder: &Running) -> Registration {
    let offer = Offer { mode: Mode::Shared, ..Offer::new("a", "127.0.0.1", 4001) };
    let registration =
        Registration::start_with(&binder.address, [offer], RegistrationOptions::default()).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    registration
}

/// Story: an operator removed a procedure from one of two binders, and its keeper ended: it said that another server had it
/// now, or somebody had removed it, and took it away from the other binder too.
#[test]
fn register_goes_on_with_the_other_binders_when_one_has_it_no_more() {
    let (one, other, both) = two();
    let mut going = register(&both);
    let registered = [going.event("registered"), going.event("registered")];
    assert_ne!(registered[0]["binder"], registered[1]["binder"]);
    assert_eq!(one.ask(&["remove", "a", "--force"]).status.code(), Some(0));
    let lost = json!({"event": "lost", "binder": one.address, "name": "a", "why": "operator"});
    assert_eq!(going.event("lost"), lost);
    check(&other.ask(&["lookup", "a"]), 0, "127.0.0.1:4000\n", "");
    other.client().register_procedure("a".into(), "127.0.0.1".into(), 4002).unwrap();
    let lost = json!({"event": "lost", "binder": other.address, "name": "a", "why": "another_server"});
    assert_eq!(going.event("lost"), lost);
    assert_eq!(going.process.wait().unwrap().code(), Some(1));
    check(&other.ask(&["lookup", "a"]), 0, "127.0.0.1:4002\n", "");
}

/// Story: one binder refused, the other was being started again, and `register` had ended before it was back.
#[test]
fn register_waits_for_a_binder_that_is_away_although_another_refuses() {
    let (one, away) = (Running::start(), absent());
    let _held = hold(&one);
    let both = format!("{},{away}", one.address);
    let (mut going, heard) =
        Going::start_heard(&both, &["register", "a", "127.0.0.1:4000", "--lease", "2s", "--json"]);
    let refusal = format!("binder: the binder at {}: a is shared by servers that live", one.address);
    assert!(heard.lines().any(|line| line.unwrap().contains(&refusal)));
    let late = Running::spawn(command(&["--listen", &away]), 1);
    assert_eq!(going.event("registered")["binder"], json!(late.address));
    assert_eq!(going.end(), Some(0));
}

#[test]
fn register_ends_when_each_binder_refuses_and_goes_on_while_one_of_three_has_it() {
    let (one, other, both) = two();
    let (_held, _too) = (hold(&one), hold(&other));
    let refusal = format!("binder: the binder at {}: a is shared by servers that live", one.address);
    check(&ask(&both, &["register", "a", "127.0.0.1:4000"]), 1, "", &refusal);
    let third = Running::start();
    let mut going = register(&format!("{},{},{}", one.address, absent(), third.address));
    assert_eq!(going.event("registered")["binder"], json!(third.address));
    assert_eq!(going.end(), Some(0));
    check(&third.ask(&["list"]), 0, "", "no procedures are registered");
}

/// Story: `register` was ended while its binder was away. It said that everything was taken out again, and the binder, back
/// with its state, sent callers to a server that was gone.
#[test]
fn register_says_what_stays_behind_where_a_binder_could_not_be_told() {
    let (one, other, both) = two();
    let mut going = register(&both);
    going.event("registered");
    going.event("registered");
    let gone = other.address.clone();
    drop(other);
    going.interrupt();
    let left = going.event("left");
    assert_eq!(
        left,
        json!({"event": "left", "binder": gone, "procedures": 1, "lease_ms": 2000}),
        "it is suspect after that, and gone after twice"
    );
    assert_eq!(going.process.wait().unwrap().code(), Some(1));
    check(&one.ask(&["list"]), 0, "", "no procedures are registered");
}
