//! The doctor, and patients with every illness that can be had on one machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use binder::{Binder, Offer, Registration, RegistrationOptions};
use rpc_core::threads;
use serde_json::{Value, json};

use crate::house::{Running, check, json_lines};

/// The kinds of what was found at this port.
fn kinds(subjects: &[Value], port: u16) -> Vec<&str> {
    let subject = subjects.iter().find(|subject| subject["port"] == port).unwrap();
    subject["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

#[test]
fn the_doctor_says_who_is_ill_of_what_and_what_to_do() {
    let binder = Running::start();
    let ours: u16 = binder.address.rsplit(':').next().unwrap().parse().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let (web_port, silent_port) = (web.local_addr().unwrap().port(), silent.local_addr().unwrap().port());
    let offers = [
        Offer::new("fine", "127.0.0.1", ours),
        Offer::new("closed", "127.0.0.1", closed),
        Offer::new("silent", "127.0.0.1", silent_port),
        Offer::new("web", "127.0.0.1", web_port),
        Offer::new("nowhere", "no-such-host.invalid", 1),
    ];
    let options = RegistrationOptions { lease: Some(Duration::from_secs(60)), ..Default::default() };
    let registration = Registration::start_with(&binder.address, offers, options).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let answering = threads::spawn("a-web-server", move || {
        let (mut socket, _) = web.accept().unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the doctor has gone.
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let output = binder.ask(&["doctor", "--json"]);
    answering.unwrap().join();
    assert_eq!(output.status.code(), Some(1));
    let subjects: Vec<Value> = json_lines(&output);
    assert_eq!(subjects[0]["subject"], "binder");
    assert_eq!(kinds(&subjects, ours), [""; 0]);
    for (port, kind) in
        [(closed, "refused"), (silent_port, "silent"), (web_port, "stranger"), (1, "unresolved")]
    {
        assert_eq!(kinds(&subjects, port), [kind]);
    }
    let stranger = subjects.iter().find(|subject| subject["port"] == web_port).unwrap();
    let what = stranger["findings"][0]["what"].as_str().unwrap();
    assert!(what.contains("an HTTP answer came"), "{what}");
}

#[test]
fn a_house_without_ills_is_code_0() {
    let binder = Running::start();
    let ours: u16 = binder.address.rsplit(':').next().unwrap().parse().unwrap();
    let registration = Registration::start(&binder.address, "127.0.0.1", ours, &["a", "b"]).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let output = binder.ask(&["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("): a, b, answers in "), "{text}");
    check(&binder.ask(&["drain", "a", "b"]), 0, &drained(&binder), "");
    let output = binder.ask(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(kinds(&json_lines::<Value>(&output), ours), ["draining"]);
}

fn drained(binder: &Running) -> String {
    let entries: Vec<Value> = json_lines(&binder.ask(&["list", "--json"]));
    let line = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        format!("{} at {}:{} ({}) drains\n", text("name"), text("address"), entry["port"], text("instance"))
    };
    entries.iter().map(line).collect()
}

#[test]
fn when_most_fall_silent_the_doctor_tells_the_alarm_and_suspects_can_be_removed() {
    let binder = Running::start_with(&["--lease", "300ms"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let instances: Vec<String> = (1..=6).map(|host| format!("127.0.0.{host}")).collect();
    for (number, address) in instances.iter().enumerate() {
        binder.client().register_procedure(format!("p{number}"), address.clone(), port).unwrap();
    }
    let until = Instant::now() + Duration::from_secs(20);
    while binder.client().stats().unwrap().alarm.is_none() {
        assert!(Instant::now() < until, "six silent servers are an alarm");
        thread::park_timeout(Duration::from_millis(10));
    }
    let output = binder.ask(&["doctor", "--json"]);
    let subjects: Vec<Value> = json_lines(&output);
    assert_eq!(subjects[0]["findings"][0]["kind"], "alarm");
    assert_eq!(kinds(&subjects, port), ["refused", "suspect"]);
    let todo = subjects[1]["findings"][0]["todo"].as_str().unwrap();
    let command = todo.rsplit_once("binder remove ").unwrap().1;
    let arguments: Vec<&str> = ["remove"].into_iter().chain(command.split(' ')).chain(["--json"]).collect();
    let removed: Vec<Value> = json_lines(&binder.ask(&arguments));
    assert_eq!((removed.len(), &removed[0]["event"]), (1, &json!("removed")));
}
