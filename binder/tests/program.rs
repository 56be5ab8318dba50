//! The program as its users meet it: arguments, output, exit codes.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use binder::{Binder, BinderClient, Entry, Registration};
use rpc_core::Client;

/// A binder process; killed if the test did not end it.
struct Running {
    process: Child,
    address: String,
    log: BufReader<std::process::ChildStderr>,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_binder"));
    for name in
        ["RUST_LOG", "BINDER_INSECURE", "BINDER_LISTEN", "BINDER_ADDRESS", "BINDER_LEASE", "BINDER_JSON"]
    {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

impl Running {
    fn start() -> Running {
        Running::start_with(&[])
    }

    fn start_with(options: &[&str]) -> Running {
        let mut process = command(&["--listen", "127.0.0.1:0"])
            .args(options)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.trim_end().rsplit_once("listening on ").unwrap().1.to_owned();
        Running { process, address, log }
    }

    fn client(&self) -> BinderClient {
        BinderClient::new(Client::connect(&self.address))
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        command(arguments).env("BINDER_ADDRESS", &self.address).output().unwrap()
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn check(output: &Output, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(stderr), "{errors:?} does not say {stderr:?}");
    assert!(!stderr.is_empty() || errors.is_empty(), "{errors:?}");
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn lookup_prints_address_and_port_or_a_sentence_with_the_name() {
    let binder = Running::start();
    binder.client().register_procedure("chat.send".into(), "127.0.0.1".into(), 4000).unwrap();
    binder.client().register_procedure("six".into(), "::1".into(), 4000).unwrap();
    check(&binder.ask(&["lookup", "chat.send"]), 0, "127.0.0.1:4000\n", "");
    check(&binder.ask(&["lookup", "six"]), 0, "[::1]:4000\n", "");
    check(&binder.ask(&["lookup", "chat.join"]), 1, "", "binder: no procedure named chat.join is registered");
    check(&binder.ask(&["lookup", "a b"]), 1, "", "ASCII letters, digits and _ - . /, this one has ' '");
}

#[test]
fn list_is_a_table_or_one_json_array() {
    let binder = Running::start();
    check(&binder.ask(&["list"]), 0, "", "no procedures are registered with the binder at 127.0.0.1:");
    check(&binder.ask(&["list", "--json"]), 0, "[]\n", "");
    let registration = Registration::start(&binder.address, "127.0.0.1", 4000, &["b", "a"]).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let table = String::from_utf8(binder.ask(&["list"]).stdout).unwrap();
    let first_words: Vec<_> = table.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(first_words, ["NAME", "a", "b"]);
    let entries: Vec<Entry> = serde_json::from_slice(&binder.ask(&["list", "--json"]).stdout).unwrap();
    let places: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.port)).collect();
    assert_eq!(places, [("a", 4000), ("b", 4000)]);
    assert!(entries.iter().all(|entry| entry.epoch > 0 && entry.incarnation > 0));
}

#[test]
fn a_list_of_more_than_one_page_is_whole() {
    let binder = Running::start();
    let names: Vec<String> = (0..2_001).map(|number| format!("p{number:04}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let registration = Registration::start(&binder.address, "127.0.0.1", 4000, &texts).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let entries: Vec<Entry> = serde_json::from_slice(&binder.ask(&["list", "--json"]).stdout).unwrap();
    assert!(entries.iter().map(|entry| &entry.name).eq(&names));
}

#[test]
fn signals_end_it_in_order_within_five_seconds() {
    for signal in ["-INT", "-TERM"] {
        let mut binder = Running::start();
        binder.client().register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
        let start = Instant::now();
        binder.signal(signal);
        let mut rest = String::new();
        binder.log.read_to_string(&mut rest).unwrap();
        assert_eq!(binder.process.wait().unwrap().code(), Some(0), "{rest}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

/// Story: a registry that stood still judged everybody by the time it had missed, and deleted the living.
#[test]
fn a_binder_that_was_stopped_for_a_while_forgets_nobody_who_lives() {
    let binder = Running::start_with(&["--lease", "400ms"]);
    let client = binder.client();
    client.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let resumed = Instant::now() + Duration::from_secs(1);
    binder.signal("-STOP");
    while Instant::now() < resumed {
        thread::park_timeout(resumed.saturating_duration_since(Instant::now()));
    }
    binder.signal("-CONT");
    assert!(client.lookup_procedure("chat".into()).is_ok());
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.lookup_procedure("chat".into()).is_ok() {
        assert!(Instant::now() < deadline, "a full term is not for ever");
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = run(&["--listen", &holder.local_addr().unwrap().to_string()]);
    check(
        &output,
        1,
        "",
        "is taken by another program: end that one, or choose another address with --listen",
    );
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    check(&run(&["--listen", "0.0.0.0:0"]), 1, "", "binder: other machines could reach 0.0.0.0:0");
}

#[test]
fn an_absent_binder_is_told_with_what_to_do() {
    let absent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["lookup", "chat", "--binder", &absent]);
    check(
        &output,
        1,
        "",
        &format!("binder: the binder at {absent} cannot be asked (start one with `binder`, or"),
    );
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    check(&run(&["--listen", "nowhere"]), 2, "", "invalid value 'nowhere' for '--listen <ADDR:PORT>'");
    check(&run(&["--lease", "1ms"]), 2, "", "a lease lasts 100ms at least and 5m at most");
    check(&run(&["lookup"]), 2, "", "<NAME>");
    check(&run(&["list", "--binder", "nowhere"]), 2, "", "expected HOST:PORT, for example 127.0.0.1:5000");
}

#[test]
fn help_version_and_completions_go_to_standard_output() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("Examples:\n  binder "), "{help}");
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert_eq!(version, format!("binder {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["--completions", shell]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("lookup"));
    }
}

#[test]
fn options_come_from_the_environment_too() {
    let output = command(&[]).env("BINDER_LISTEN", "0.0.0.0:0").output().unwrap();
    check(&output, 1, "", "other machines could reach 0.0.0.0:0");
    let output = command(&["list"]).env("BINDER_ADDRESS", "nowhere").output().unwrap();
    check(&output, 2, "", "expected HOST:PORT");
    let binder = Running::start();
    let output =
        command(&["list"]).env("BINDER_ADDRESS", &binder.address).env("BINDER_JSON", "1").output().unwrap();
    check(&output, 0, "[]\n", "");
}
