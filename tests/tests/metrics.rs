//! What the programs tell Prometheus, while people chat: true numbers, in a form that its tool accepts, on a port that
//! nobody can keep from others; and a dashboard that asks for nothing that is not told.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "metrics/query.rs"]
mod query;
#[path = "metrics/scrape.rs"]
mod scrape;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use query::selectors;
use scrape::{Port, Scrape};
use serde_json::Value;
use system_tests::{BinderProgram, Chatter, SOON, ServerProgram};

const OPEN: [&str; 2] = ["--metrics", "127.0.0.1:0"];

/// A binder with a state file and a chat server, both with metrics, and what was said to them.
struct House {
    binder: BinderProgram,
    server: ServerProgram,
    ports: [Port; 2],
    _folder: Folder,
}

/// A folder that goes with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("rpc-metrics-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl House {
    #[track_caller]
    fn open(name: &str) -> House {
        let folder = Folder::new(name);
        let state = folder.0.join("state").display().to_string();
        let mut binder = BinderProgram::start_with(&[&OPEN[..], &["--state", &state]].concat());
        let mut server = ServerProgram::start_with(&binder, &OPEN);
        let ports = [Port::of(&mut binder.process), Port::of(&mut server.process)];
        House { binder, server, ports, _folder: folder }
    }

    /// What the chat server tells, once that is as wanted.
    #[track_caller]
    fn told(&self, wanted: impl Fn(&Scrape) -> bool) -> Scrape {
        let [_, chat] = &self.ports;
        until(|| chat.scrape(), wanted)
    }
}

/// Scrapes until the numbers are as wanted.
#[track_caller]
fn until(scrape: impl Fn() -> Scrape, wanted: impl Fn(&Scrape) -> bool) -> Scrape {
    let deadline = Instant::now() + SOON;
    loop {
        let scraped = scrape();
        if wanted(&scraped) {
            return scraped;
        }
        assert!(Instant::now() < deadline, "this did not come to be:\n{}", scraped.text);
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_chat_is_told_in_true_numbers() {
    let house = House::open("numbers");
    let mut ana = Chatter::join(&house.binder, "ana");
    let mut bia = Chatter::join(&house.binder, "bia");
    ana.open_room("rust");
    bia.enter("rust");
    for text in ["one", "two", "three"] {
        ana.say(text);
        bia.hear(text);
    }
    bia.say("/msg ana psst").expect("sent");
    bia.say("/join nowhere").expect("error");
    let chat = house.told(|chat| chat.number("chat_messages_total", &[("kind", "unicast")]) == Some(1.0));
    for (name, labels, number) in [
        ("chat_users", &[][..], 2.0),
        ("chat_rooms", &[("kind", "public")], 1.0),
        ("chat_rooms", &[("kind", "private")], 0.0),
        ("chat_members", &[], 2.0),
        ("chat_messages_total", &[("kind", "broadcast")], 3.0),
        ("rpc_server_calls_total", &[("procedure", "send_message"), ("code", "Ok")], 4.0),
        ("rpc_server_calls_total", &[("procedure", "join_room"), ("code", "Failed")], 1.0),
        ("rpc_server_calls_in_flight", &[("procedure", "events")], 2.0),
        ("rpc_server_streams", &[], 2.0),
    ] {
        assert_eq!(chat.number(name, labels), Some(number), "{name} {labels:?}\n{}", chat.text);
    }
    let [binder, _] = &house.ports;
    let binder = binder.scrape();
    assert_eq!(binder.number("binder_servers", &[]), Some(1.0));
    assert!(binder.number("binder_lookups_total", &[]).unwrap() > 0.0);
    drop((ana, bia));
    let chat = house.told(|chat| chat.number("rpc_server_streams", &[]) == Some(0.0));
    let calls: f64 = chat.samples("rpc_server_calls_total").map(|sample| sample.number).sum();
    let last = chat.samples("rpc_server_call_seconds_bucket").filter(|sample| sample.has("le", "+Inf"));
    assert_eq!(last.map(|sample| sample.number).sum::<f64>(), calls);
}

/// Has Prometheus' own tool look at this; without it, says so.
#[track_caller]
fn check_with_promtool(what: &[&str], text: &str) {
    let tool = std::env::var("PROMTOOL");
    let mut check = Command::new(tool.as_deref().unwrap_or("promtool"));
    match check.arg("check").args(what).stdin(Stdio::piped()).spawn() {
        Ok(mut promtool) => {
            promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            assert!(promtool.wait().unwrap().success());
        }
        Err(why) => {
            assert!(tool.is_err(), "PROMTOOL is set, and does not start: {why}");
            let _ = writeln!(std::io::stderr(), "SKIPPED: {what:?} were not checked, there is no promtool");
        }
    }
}

#[test]
fn prometheus_own_tool_finds_no_fault() {
    let house = House::open("promtool");
    for port in &house.ports {
        check_with_promtool(&["metrics"], &port.scrape().text);
    }
}

/// What Grafana puts in for its variables is put in here.
#[test]
fn prometheus_own_tool_parses_every_query_of_the_dashboard() {
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, query) in queries().into_iter().enumerate() {
        let query = query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*");
        assert!(!query.contains('$'), "{query}");
        rules += &format!("  - record: dashboard:{number}\n    expr: {query:?}\n");
    }
    let file = std::env::temp_dir().join(format!("dashboard-{}.yml", std::process::id()));
    std::fs::write(&file, rules).unwrap();
    check_with_promtool(&["rules", file.to_str().unwrap()], "");
    std::fs::remove_file(file).unwrap();
}

/// The labels that Prometheus itself gives to what it scrapes.
const GIVEN: [&str; 2] = ["job", "instance"];

#[test]
fn the_dashboard_asks_for_what_is_told_and_leaves_nothing_out() {
    let house = House::open("dashboard");
    // The state file is told once it was written.
    let [binder, chat] = &house.ports;
    let saved = |told: &Scrape| told.number("binder_state_file_age_seconds", &[]).is_some();
    let told = [until(|| binder.scrape(), saved), chat.scrape()];
    let mut asked = BTreeSet::new();
    for query in queries() {
        let selectors = selectors(&query);
        assert!(!selectors.is_empty(), "{query}");
        for selector in selectors {
            let found = told.iter().any(|scrape| {
                scrape.samples(&selector.metric).any(|sample| {
                    let known =
                        |label: &String| GIVEN.contains(&&**label) || sample.labels.contains_key(label);
                    selector.labels.iter().all(known)
                })
            });
            assert!(found, "{query}: nobody tells {} with {:?}", selector.metric, selector.labels);
            let values = selector.equal.iter();
            for (label, value) in values {
                let mut samples = told.iter().flat_map(|scrape| scrape.samples(&selector.metric));
                assert!(samples.any(|sample| sample.has(label, value)), "{query}: no {label} is {value}");
            }
            asked.insert(selector.metric);
        }
    }
    for family in told.iter().flat_map(Scrape::families) {
        let is_asked = |name: &String| *name == family || name.strip_prefix(&family).is_some_and(is_part);
        assert!(asked.iter().any(is_asked), "the dashboard does not show {family}");
    }
}

fn is_part(of_a_histogram: &str) -> bool {
    ["_bucket", "_sum", "_count"].contains(&of_a_histogram)
}

/// Every query of the dashboard's panels and variables.
fn queries() -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../rpc-core/program/dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let panels = dashboard.pointer("/panels").and_then(Value::as_array).unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let of_panels = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let variables = dashboard.pointer("/templating/list").and_then(Value::as_array).unwrap().iter();
    let of_variables = variables.filter(|variable| variable["type"] == "query");
    let asked = |variable: &Value| {
        let query = variable["query"].as_str().unwrap();
        // Not PromQL: the first of its two words is.
        let (selector, _) = query.strip_prefix("label_values(").unwrap().rsplit_once(',').unwrap();
        selector.to_owned()
    };
    of_panels.chain(of_variables.map(asked)).collect()
}

/// The story: whoever could reach the port kept its places, and nobody saw how the program was.
#[test]
fn who_sends_half_a_request_keeps_nobody_out_and_does_not_hold_up_the_end() {
    let mut house = House::open("slow");
    let [_, chat] = &house.ports;
    let slow: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut socket = TcpStream::connect(&chat.0).unwrap();
            socket.write_all(b"GET /metrics HT").unwrap();
            socket
        })
        .collect();
    assert_eq!(chat.scrape().number("chat_users", &[]), Some(0.0));
    assert!(chat.ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 405 "));
    let long = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n", "y".repeat(5000));
    assert!(chat.ask(&long).starts_with("HTTP/1.1 431 "));
    let begun = Instant::now();
    house.server.process.signal("TERM");
    assert_eq!(house.server.process.end().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(slow);
}
