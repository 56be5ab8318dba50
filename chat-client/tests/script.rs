//! The program as a script, as its users run it: lines in, lines out, an exit code.
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows functions marked #[test] only; everything here is a test"
)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use binder::{BinderServer, Registration};
use chat_api::{ChatClient, ChatService};
use crossbeam_channel::{RecvTimeoutError, Sender};
use rpc_core::Server;
use rpc_core::threads::{self, Thread};
use rustix::process::{Pid, Signal, kill_process};

#[expect(clippy::indexing_slicing, reason = "a test")]
#[expect(dead_code, reason = "the tests of the session make it fail in more ways")]
#[path = "../src/session/tests/small_chat.rs"]
mod small_chat;

use small_chat::SmallChat;

/// A binder and a chat server.
struct Stage {
    binder: BinderServer,
    chat: SmallChat,
    _registration: Registration,
    _server: Server,
}

impl Stage {
    fn new() -> Stage {
        Stage::with(BinderServer::start("127.0.0.1:0").unwrap())
    }

    fn with(binder: BinderServer) -> Stage {
        let chat = SmallChat::default();
        let server =
            Server::builder().service(ChatService::new(Arc::new(chat.clone()))).bind("127.0.0.1:0").unwrap();
        let procedures: Vec<&str> = ChatClient::PROCEDURES.iter().map(|procedure| procedure.name).collect();
        let port = server.address().port();
        let registration =
            Registration::start(binder.address().to_string(), "127.0.0.1", port, &procedures).unwrap();
        registration.wait_registered(SOON).unwrap();
        Stage { binder, chat, _registration: registration, _server: server }
    }

    fn client(&self, arguments: &[&str]) -> Client {
        Client::start(&self.binder.address().to_string(), arguments)
    }

    /// What a script prints, and its exit code.
    #[track_caller]
    fn run(&self, arguments: &[&str], script: &str) -> (String, Option<i32>) {
        let mut client = self.client(arguments);
        client.input.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        client.finish()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.chat.release();
    }
}

/// A running client; killed if a test ends before it does.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Its drop ends the watch, whose drop joins it.
    _watched: Sender<Infallible>,
    _watch: Thread,
}

/// Kills a client that has not ended by the test's deadline.
fn watch(client: Pid) -> (Sender<Infallible>, Thread) {
    let (watched, over) = crossbeam_channel::bounded(0);
    let thread = threads::spawn("test-watch", move || {
        if over.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
            kill_process(client, Signal::KILL).unwrap();
        }
    });
    (watched, thread.unwrap())
}

impl Client {
    fn start(binder: &str, arguments: &[&str]) -> Client {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chat-client"))
            .args(["--binder", binder])
            .args(arguments)
            .env_remove("CHAT_USERNAME")
            .env_remove("CHAT_ROOM")
            .env_remove("CHAT_JSON")
            .env("LOGNAME", "login")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (watched, watch) = watch(Pid::from_child(&child));
        Client { child, input, output, _watched: watched, _watch: watch }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        without_times(&line)
    }

    /// Reads lines to the first that holds this text.
    #[track_caller]
    fn read_to(&mut self, text: &str) {
        let mut lines = std::iter::repeat_with(|| self.line()).take_while(|line| !line.is_empty());
        assert!(lines.any(|line| line.contains(text)), "{text} did not come");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends the input, and returns the rest of the output and the exit code.
    #[track_caller]
    fn finish(mut self) -> (String, Option<i32>) {
        drop(self.input.take());
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        let status = self.child.wait().unwrap();
        (without_times(&output), status.code())
    }

    fn errors(&mut self) -> BufReader<std::process::ChildStderr> {
        BufReader::new(self.child.stderr.take().unwrap())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The small chat has no clock: its times are all the epoch.
fn without_times(output: &str) -> String {
    output.replace(r#","sent_at":"1970-01-01T00:00:00.000Z""#, "")
}

#[track_caller]
fn check((output, ended): &(String, Option<i32>), lines: &[&str], code: i32) {
    assert_eq!(output.lines().collect::<Vec<_>>(), lines);
    assert_eq!(*ended, Some(code));
}

const SOON: Duration = Duration::from_secs(20);
const DEADLINE: Duration = Duration::from_secs(60);

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
        r#"{"event":"rooms","rooms":[{"name":"rust","users":1,"limit":5}]}"#,
        r#"{"event":"users","room":"rust","users":["ana"]}"#,
        r#"{"event":"me","username":"ana","room":"rust","rooms":["rust"]}"#,
        r#"{"event":"history","room":"rust","messages":[]}"#,
        r#"{"event":"left","room":"rust"}"#,
        r#"{"event":"rooms","rooms":[{"name":"rust","users":0,"limit":5}]}"#,
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

#[test]
fn signals_end_a_client_in_order() {
    let stage = Stage::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut client = stage.client(&["--username", "ana", "--json"]);
        client.line();
        let since = Instant::now();
        client.signal(signal);
        let mut rest = String::new();
        client.output.read_to_string(&mut rest).unwrap();
        assert_eq!(client.child.wait().unwrap().code(), Some(0));
        assert!(since.elapsed() < Duration::from_secs(5));
        assert!(stage.chat.users().is_empty());
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_chat_that_is_not_there() {
    let mut client = Client::start("127.0.0.1:1", &["--username", "ana"]);
    client.errors().read_line(&mut String::new()).unwrap();
    client.signal(Signal::TERM);
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_ends_the_wait_for_a_binder_that_never_answers() {
    let binder = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::start(&binder.local_addr().unwrap().to_string(), &["--username", "ana"]);
    let _asked = binder.accept().unwrap();
    let since = Instant::now();
    client.signal(Signal::TERM);
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let stage = Stage::new();
    let mut client = stage.client(&["--username", "ana", "--json"]);
    client.line();
    let Client { child, input, output, .. } = &mut client;
    drop(std::mem::replace(output, BufReader::new(dead_output())));
    // The client may be gone before it has read everything.
    let _ = input.as_mut().unwrap().write_all("/rooms\n".repeat(1_000).as_bytes());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The story: a client whose pager had stopped reading could not be ended by the one signal that supervisors send.
#[test]
fn a_signal_ends_a_client_whose_output_nobody_reads() {
    let stage = Stage::new();
    let mut bia = stage.client(&["--username", "bia", "--json"]);
    bia.input.as_mut().unwrap().write_all(b"/create rust\n/join rust\n").unwrap();
    bia.read_to(r#""event":"joined""#);
    for (name, last, seen) in
        [("ana", "hi", r#""body":"hi""#), ("eva", "/quit", r#""left","username":"eva""#)]
    {
        let mut client = stage.client(&["--username", name, "--json"]);
        // Far more than a pipe holds.
        let script = "/help\n".repeat(300) + "/join rust\n" + last + "\n";
        client.input.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        bia.read_to(seen);
        let since = Instant::now();
        client.signal(Signal::TERM);
        assert_eq!(client.child.wait().unwrap().code(), Some(0), "{name}");
        assert!(since.elapsed() < Duration::from_secs(5), "{name}");
    }
}

/// The output of a process that has ended.
fn dead_output() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    child.wait().unwrap();
    output
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
