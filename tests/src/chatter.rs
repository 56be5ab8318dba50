//! A `chat-client --json`, driven by its script and read by its events.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Process, SOON};
use crate::programs::{BinderProgram, command};

/// One object of the client's output.
pub type Event = Value;

/// A scripted user.
pub struct Chatter {
    pub process: Process,
}

impl Chatter {
    /// Starts a client and waits until it has its name.
    #[track_caller]
    pub fn join(binder: &BinderProgram, name: &str) -> Chatter {
        let mut chatter = Chatter::start(binder, name);
        chatter.expect("registered");
        chatter
    }

    /// Starts a client that may not get its name.
    #[track_caller]
    pub fn start(binder: &BinderProgram, name: &str) -> Chatter {
        Chatter::start_with(binder, name, &[])
    }

    /// As [`start`](Chatter::start), with more options.
    #[track_caller]
    pub fn start_with(binder: &BinderProgram, name: &str, options: &[&str]) -> Chatter {
        let binder = binder.address.to_string();
        let mut client = command("chat-client");
        client.args(["--json", "--binder", &binder, "--username", name]).args(options);
        Chatter { process: Process::start(name, &mut client) }
    }

    #[track_caller]
    pub fn say(&mut self, line: &str) -> &mut Chatter {
        self.process.type_line(line);
        self
    }

    /// The next event; `None` when the client has ended.
    #[track_caller]
    pub fn event(&mut self) -> Option<Event> {
        self.process.line().map(|line| parse(&line))
    }

    /// Skips events until one of this kind.
    #[track_caller]
    pub fn expect(&mut self, kind: &str) -> Event {
        self.expect_where(kind, |_| true)
    }

    /// Skips events until one of this kind that passes.
    #[track_caller]
    pub fn expect_where(&mut self, kind: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + SOON;
        loop {
            match self.process.line_before(deadline).map(|line| parse(&line)) {
                Some(event) if event["event"] == kind && wanted(&event) => return event,
                Some(_) => {}
                None => panic!("the client ended without {kind:?}\n{}", self.process.told()),
            }
        }
    }

    /// Skips events until a message with this text.
    #[track_caller]
    pub fn hear(&mut self, body: &str) -> Event {
        self.expect_where("message", |event| event["body"] == body)
    }

    /// Skips events until an error, and gives its code.
    #[track_caller]
    pub fn error(&mut self) -> String {
        self.expect("error")["code"].as_str().unwrap().to_owned()
    }

    /// Creates a room and enters it.
    #[track_caller]
    pub fn open_room(&mut self, room: &str) {
        self.say(&format!("/create {room}"));
        self.expect("room_created");
        self.enter(room);
    }

    /// Enters a room; what the server told of it.
    #[track_caller]
    pub fn enter(&mut self, room: &str) -> Event {
        self.say(&format!("/join {room}"));
        self.expect("joined")
    }

    /// Ends the script; every event that was still to come, and the exit code.
    #[track_caller]
    pub fn finish(mut self) -> (Vec<Event>, Option<i32>) {
        self.process.end_input();
        let mut events = Vec::new();
        while let Some(event) = self.event() {
            events.push(event);
        }
        (events, self.process.end().code())
    }

    /// Events that come within `time`: for what must not come.
    pub fn events_within(&mut self, time: Duration) -> Vec<Event> {
        let deadline = Instant::now() + time;
        let mut events = Vec::new();
        while let Some(line) = self.process.line_within(deadline.saturating_duration_since(Instant::now())) {
            events.push(parse(&line));
        }
        events
    }
}

#[track_caller]
fn parse(line: &str) -> Event {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("not one JSON object a line: {error}: {line}"))
}
