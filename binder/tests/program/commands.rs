//! The commands that ask, tell and change.

use std::io::BufRead as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use binder::{Binder, Entry, Mode, Offer, Registration, RegistrationOptions};
use serde_json::{Value, json};

use crate::house::{Going, Running, check, command, json_lines};

/// Registers names that others may share, and waits until they are.
fn share(binder: &Running, port: u16, names: &[&str]) -> Registration {
    let offers =
        names.iter().map(|name| Offer { mode: Mode::Shared, ..Offer::new(*name, "127.0.0.1", port) });
    let registration =
        Registration::start_with(&binder.address, offers, RegistrationOptions::default()).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    registration
}

fn entries(binder: &Running, name: &str) -> Vec<Entry> {
    let entries: Vec<Entry> = json_lines(&binder.ask(&["list", "--json"]));
    entries.into_iter().filter(|entry| entry.name == name).collect()
}

#[test]
fn register_keeps_names_of_another_program_until_it_is_ended() {
    let binder = Running::start();
    let arguments = ["register", "resize", "crop", "127.0.0.1:4000", "--shared", "--weight", "2"];
    let more = ["--version", "1.4.0", "--metadata", "zone=a", "--lease", "2s", "--json"];
    let mut going = Going::start(&binder.address, &[&arguments[..], &more].concat());
    let registered = going.event("registered");
    let told =
        json!({"event": "registered", "binder": binder.address, "name": "resize", "place": "127.0.0.1:4000"});
    assert_eq!(registered, told);
    let entry = &entries(&binder, "crop")[0];
    assert_eq!((entry.mode, entry.weight, entry.version.as_deref()), (Mode::Shared, 2, Some("1.4.0")));
    assert_eq!((entry.metadata["zone"].as_str(), entry.lease_ms), ("a", 2_000));
    let renewed = Instant::now() + Duration::from_secs(20);
    while binder.client().stats().unwrap().counters.renewals < 2 {
        assert!(Instant::now() < renewed, "the lease is not renewed");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert_eq!(going.end(), Some(0));
    check(&binder.ask(&["list"]), 0, "", "no procedures are registered");
}

#[test]
fn register_ends_with_a_sentence_when_others_have_everything() {
    let binder = Running::start();
    let mut going = Going::start(&binder.address, &["register", "a", "127.0.0.1:4000", "--lease", "2s"]);
    assert_eq!(going.line(), "a is registered at 127.0.0.1:4000, until Ctrl-C\n");
    binder.client().register_procedure("a".into(), "127.0.0.1".into(), 4001).unwrap();
    assert_eq!(going.line(), "a is lost: another server has it now\n");
    assert_eq!(going.process.wait().unwrap().code(), Some(1));
    check(&binder.ask(&["lookup", "a"]), 0, "127.0.0.1:4001\n", "");
}

/// Story: a binder without a state file was restarted, and `register` said that it waited, and nothing more: whether the
/// procedure was there again, nobody knew.
#[test]
fn register_says_whom_it_waits_for_and_that_it_has_registered_again() {
    let binder = Running::start();
    let address = binder.address.clone();
    let (mut going, heard) =
        Going::start_heard(&address, &["register", "a", "127.0.0.1:4000", "--lease", "2s"]);
    let mut remarks = heard.lines().map(Result::unwrap);
    assert_eq!(going.line(), "a is registered at 127.0.0.1:4000, until Ctrl-C\n");
    drop(binder);
    let waits = remarks.next().unwrap();
    assert!(waits.starts_with(&format!("binder: waiting for the binder at {address}: ")), "{waits}");
    let _again = Running::spawn(command(&["--listen", &address]), 1);
    let again = "a is registered at 127.0.0.1:4000 again: the binder had forgotten it\n";
    assert_eq!(going.line(), again);
    assert_eq!(remarks.next().unwrap(), format!("binder: the binder at {address} answers"));
    assert_eq!(going.end(), Some(0));
    assert_eq!(remarks.next(), None, "each thing is said once");
}

/// Story: what takes connections and says nothing kept `watch` waiting for 40 s, until the connection was given up.
#[test]
fn what_takes_connections_and_says_nothing_is_told_within_the_time_of_an_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let (_going, heard) = Going::start_heard(&address, &["register", "a", "127.0.0.1:4000"]);
    let begun = Instant::now();
    let watched = command(&["watch", "--binder", &address]).output().unwrap();
    check(&watched, 1, "", &format!("binder: the binder at {address} cannot be asked (start one"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let remark = heard.lines().next().unwrap().unwrap();
    assert!(remark.starts_with(&format!("binder: waiting for the binder at {address}: ")), "{remark}");
}

#[test]
fn register_refuses_what_can_never_be_registered() {
    let binder = Running::start();
    let _shared = share(&binder, 4000, &["a"]);
    let refused = binder.ask(&["register", "a", "127.0.0.1:4001"]);
    assert_eq!(String::from_utf8_lossy(&refused.stderr).lines().count(), 1, "it is said once");
    check(
        &refused,
        1,
        "",
        "binder: a is shared by servers that live: they must leave before one may have it alone",
    );
    check(&binder.ask(&["register", "a b", "127.0.0.1:1"]), 1, "", "binder: \"a b\" cannot be registered: a");
    check(&binder.ask(&["register", "a", "127.0.0.1:0"]), 1, "", "port 0 is no port");
    check(
        &binder.ask(&["register", "a", "127.0.0.1:65536"]),
        2,
        "",
        "expected HOST:PORT, for example 10.0.0.7",
    );
    check(
        &binder.ask(&["register", "a", "unix:/run/a"]),
        2,
        "",
        "a server is registered by its host and port",
    );
    check(&binder.ask(&["register", "a", "h:1", "--weight", "2"]), 2, "", "--shared");
    check(&binder.ask(&["register", "a", "h:1", "--shared", "--weight", "0"]), 2, "", "1..=65535");
    check(&binder.ask(&["register", "a", "h:1", "--metadata", "zone"]), 2, "", "expected KEY=VALUE");
}

#[test]
fn lookup_chooses_by_version_and_metadata() {
    let binder = Running::start();
    let offer = |port, version: &str, zone: &str| Offer {
        mode: Mode::Shared,
        version: Some(version.into()),
        metadata: [("zone".to_owned(), zone.to_owned())].into(),
        ..Offer::new("resize", "127.0.0.1", port)
    };
    let start = |offer| Registration::start_with(&binder.address, [offer], RegistrationOptions::default());
    let registrations = [offer(3, "1.5.0", "a"), offer(4, "2.0.0", "b")].map(|offer| start(offer).unwrap());
    for registration in &registrations {
        registration.wait_registered(Duration::from_secs(20)).unwrap();
    }
    check(&binder.ask(&["lookup", "resize", "--version", "1"]), 0, "127.0.0.1:3\n", "");
    check(&binder.ask(&["lookup", "resize", "--metadata", "zone=b"]), 0, "127.0.0.1:4\n", "");
    let all = binder.ask(&["lookup", "resize", "--all"]);
    let mut places: Vec<_> = std::str::from_utf8(&all.stdout).unwrap().lines().collect();
    places.sort_unstable();
    assert_eq!(places, ["127.0.0.1:3", "127.0.0.1:4"]);
    let told: Vec<Entry> = json_lines(&binder.ask(&["lookup", "resize", "--version", "2", "--json"]));
    assert_eq!(told.iter().map(|entry| entry.port).collect::<Vec<_>>(), [4]);
    check(&binder.ask(&["lookup", "resize", "--version", "3"]), 1, "", "none of the 2 servers of resize has");
    check(&binder.ask(&["lookup", "resize", "--version", "new"]), 1, "", "is no requirement of versions");
    check(&binder.ask(&["list", "res", "--metadata", "zone=c"]), 0, "", "no procedures like that");
}

/// Story: a watcher took a lost connection for the end of the news.
#[test]
fn watch_tells_every_change_across_a_restart_of_the_binder() {
    let binder = Running::start();
    let address = binder.address.clone();
    let mut watch = Going::start(&address, &["watch", "chat.", "--json"]);
    watch.event("reset");
    watch.event("current");
    let client = binder.client();
    client.register_procedure("other".into(), "127.0.0.1".into(), 1).unwrap();
    client.register_procedure("chat.send".into(), "127.0.0.1".into(), 1).unwrap();
    let added = watch.event("added");
    assert_eq!((&added["name"], &added["state"]), (&json!("chat.send"), &json!("live")));
    check(&binder.ask(&["drain", "chat.send"]), 0, "chat.send at 127.0.0.1:1 (127.0.0.1:1) drains\n", "");
    assert_eq!(watch.event("changed")["state"], "draining");
    check(
        &binder.ask(&["remove", "chat.send", "--force"]),
        0,
        "chat.send at 127.0.0.1:1 (127.0.0.1:1) is removed\n",
        "",
    );
    let removed = watch.event("removed");
    assert_eq!((&removed["name"], &removed["why"]), (&json!("chat.send"), &json!("removed")));
    drop(binder);
    watch.event("lost");
    let binder = Running::spawn(command(&["--listen", &address]), 1);
    watch.event("reset");
    binder.client().register_procedure("chat.join".into(), "127.0.0.1".into(), 1).unwrap();
    assert_eq!(watch.event("added")["name"], "chat.join");
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn watch_refuses_at_once_what_cannot_be_watched() {
    let absent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    check(&command(&["watch", "--binder", &absent]).output().unwrap(), 1, "", "cannot be asked (start one");
    let binder = Running::start();
    check(&binder.ask(&["watch", "a b"]), 1, "", "ASCII letters, digits and _ - . /");
}

#[test]
fn drain_and_remove_take_only_what_was_meant() {
    let binder = Running::start();
    let (_one, _two) = (share(&binder, 4000, &["a", "b"]), share(&binder, 4001, &["a"]));
    check(&binder.ask(&["drain", "a"]), 1, "", "binder: a has 2 servers: say which with --instance or");
    check(&binder.ask(&["drain"]), 2, "", "<NAME|--instance <ID>|--address <ADDR:PORT>>");
    check(
        &binder.ask(&["drain", "c", "--address", "127.0.0.1:1"]),
        1,
        "",
        "no procedure named c is registered at 127.0.0.1:1: `binder list` shows what is registered",
    );
    let instance = entries(&binder, "b")[0].instance.clone();
    let drained: Vec<Value> = json_lines(&binder.ask(&["drain", "--instance", &instance[..8], "--json"]));
    let names: Vec<_> = drained.iter().map(|event| (&event["event"], &event["name"])).collect();
    assert_eq!(names, [(&json!("drained"), &json!("a")), (&json!("drained"), &json!("b"))]);
    check(&binder.ask(&["lookup", "a", "--all"]), 0, "127.0.0.1:4001\n", "");
    let output = binder.ask(&["drain", "--undo", "a", "--all"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches(" serves again\n").count(), 2);
    check(
        &binder.ask(&["remove", "--address", "127.0.0.1:4000"]),
        1,
        "",
        &format!(
            "binder: a at 127.0.0.1:4000 ({instance}) lives, and 1 more: drain such a server and let it end"
        ),
    );
    let output = binder.ask(&["remove", "--address", "127.0.0.1:4000", "--force", "--json"]);
    assert_eq!(json_lines::<Value>(&output).iter().filter(|event| event["event"] == "removed").count(), 2);
    assert_eq!(entries(&binder, "b"), []);
}

#[test]
fn ping_measures_round_trips_and_stats_are_a_sheet_or_an_object() {
    let binder = Running::start();
    let events: Vec<Value> =
        json_lines(&binder.ask(&["ping", "--count", "3", "--interval", "1ms", "--json"]));
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["connected", "answered", "answered", "answered", "summary"]);
    assert_eq!((&events[4]["calls"], &events[4]["lost"]), (&json!(3), &json!(0)));
    assert!(events[4]["median_us"].as_u64().is_some_and(|time| time > 0));
    let output = binder.ask(&["ping", "--count", "1", "--interval", "1ms"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(" ms, connecting included\nanswered in ") && text.contains("1 call, 0 lost;"));
    check(&binder.ask(&["ping", "--count", "0"]), 2, "", "0 is not in 1..=1000000");
    binder.client().register_procedure("a".into(), "127.0.0.1".into(), 1).unwrap();
    let stats: Vec<Value> = json_lines(&binder.ask(&["stats", "--json"]));
    assert_eq!((&stats[0]["names"], &stats[0]["counters"]["registrations"]), (&json!(1), &json!(1)));
    let sheet = String::from_utf8(binder.ask(&["stats"]).stdout).unwrap();
    assert!(sheet.contains("\nprocedures  1, 1 registration\n"), "{sheet}");
}

/// Story: a binder that stood still was measured as one that answers slowly, since nobody waited for an end.
#[test]
fn ping_tells_lost_calls_and_ends_with_code_1() {
    let binder = Running::start();
    let mut going =
        Going::start(&binder.address, &["ping", "--count", "1000000", "--interval", "1ms", "--json"]);
    going.event("connected");
    binder.signal("-STOP");
    let lost = going.event("lost");
    assert!(lost["why"].as_str().is_some_and(|why| !why.is_empty()));
    binder.signal("-CONT");
    assert_eq!(going.end(), Some(1));
}

#[test]
fn serve_may_be_said() {
    let binder = Running::spawn(command(&["serve", "--listen", "127.0.0.1:0"]), 1);
    check(&binder.ask(&["list"]), 0, "", "no procedures are registered");
}

/// Story: while the binder stood still, Ctrl-C was not heard.
#[test]
fn watch_ends_on_a_signal_whatever_the_binder_does() {
    let binder = Running::start();
    let mut watch = Going::start(&binder.address, &["watch", "--json"]);
    watch.event("current");
    binder.signal("-STOP");
    assert_eq!(watch.end(), Some(0));
    // The connection is taken by the system, and nobody answers on it.
    let opening = Going::start(&binder.address, &["watch", "--json"]);
    let start = Instant::now();
    while !opening.is_catching_signals() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not begin");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(opening.end(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    binder.signal("-CONT");
}

#[test]
fn lookup_says_of_a_server_that_nobody_hears_of_that_it_may_be_dead() {
    let binder = Running::start_with(&["--lease", "2s"]);
    binder.client().register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    check(&binder.ask(&["lookup", "chat"]), 0, "127.0.0.1:4000\n", "");
    let deadline = Instant::now() + Duration::from_secs(20);
    while binder.client().stats().unwrap().suspect_leases == 0 {
        assert!(Instant::now() < deadline, "it lives on");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    check(
        &binder.ask(&["lookup", "chat"]),
        0,
        "127.0.0.1:4000\n",
        "binder: chat may be served by nobody: the binder has not heard of this server for a whole lease",
    );
    // It need not be waited for, nor forced.
    check(&binder.ask(&["remove", "chat"]), 0, "chat at 127.0.0.1:4000 (127.0.0.1:4000) is removed\n", "");
    let _drains = share(&binder, 4001, &["sum"]);
    check(&binder.ask(&["drain", "sum"]), 0, &drained(&binder, "sum"), "");
    check(&binder.ask(&["lookup", "sum"]), 0, "127.0.0.1:4001\n", "this server is about to end");
}

fn drained(binder: &Running, name: &str) -> String {
    format!("{name} at 127.0.0.1:4001 ({}) drains\n", entries(binder, name)[0].instance)
}
