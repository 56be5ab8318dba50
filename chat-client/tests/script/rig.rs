//! A chat with a binder, and clients that are programs.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use binder::{BinderServer, Registration};
use chat_api::{ChatClient, ChatService};
use crossbeam_channel::{RecvTimeoutError, Sender};
use rpc_core::Server;
use rpc_core::threads::{self, Thread};
use rustix::process::{Pid, Signal, kill_process};

use crate::small_chat::SmallChat;

/// A binder and a chat server.
pub(crate) struct Stage {
    pub(crate) binder: BinderServer,
    pub(crate) chat: SmallChat,
    _registration: Registration,
    _server: Server,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage::with(BinderServer::start("127.0.0.1:0").unwrap())
    }

    pub(crate) fn with(binder: BinderServer) -> Stage {
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

    pub(crate) fn client(&self, arguments: &[&str]) -> Client {
        Client::start(&self.binder.address().to_string(), arguments)
    }

    /// What a script prints, and its exit code.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], script: &str) -> (String, Option<i32>) {
        let mut client = self.client(arguments);
        // A client that refuses its name ends before it reads.
        let _ = client.input.as_mut().unwrap().write_all(script.as_bytes());
        client.finish()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.chat.release();
    }
}

/// A running client; killed if a test ends before it does.
pub(crate) struct Client {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: BufReader<ChildStdout>,
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
    pub(crate) fn start(binder: &str, arguments: &[&str]) -> Client {
        Client::start_with(binder, arguments, |_| ())
    }

    /// As [`start`](Client::start), with a command that was changed.
    pub(crate) fn start_with(binder: &str, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Client {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-client"));
        command
            .args(["--binder", binder])
            .args(arguments)
            .env_remove("CHAT_USERNAME")
            .env_remove("CHAT_ROOM")
            .env_remove("CHAT_JSON")
            .env("LOGNAME", "login")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (watched, watch) = watch(Pid::from_child(&child));
        Client { child, input, output, _watched: watched, _watch: watch }
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        without_times(&line)
    }

    /// Reads lines to the first that holds this text.
    #[track_caller]
    pub(crate) fn read_to(&mut self, text: &str) {
        let mut lines = std::iter::repeat_with(|| self.line()).take_while(|line| !line.is_empty());
        assert!(lines.any(|line| line.contains(text)), "{text} did not come");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends the input, and returns the rest of the output and the exit code.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (String, Option<i32>) {
        drop(self.input.take());
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        let status = self.child.wait().unwrap();
        (without_times(&output), status.code())
    }

    pub(crate) fn errors(&mut self) -> BufReader<std::process::ChildStderr> {
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
pub(crate) fn check((output, ended): &(String, Option<i32>), lines: &[&str], code: i32) {
    assert_eq!(output.lines().collect::<Vec<_>>(), lines);
    assert_eq!(*ended, Some(code));
}

pub(crate) const SOON: Duration = Duration::from_secs(20);
const DEADLINE: Duration = Duration::from_secs(60);
