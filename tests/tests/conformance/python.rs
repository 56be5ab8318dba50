//! A client in another language, written from PROTOCOL.md alone: it runs the cases that concern a client against the
//! server of the lab, and lies to it on purpose.
//!
//! Without `python3` the cases say that they were skipped; where `RPC_PYTHON` is `required`, as in `.ci/run`, they fail.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crossbeam_channel::Sender;
use rpc_core::Limits;
use rpc_core::threads::{self, Thread};
use system_tests::{Process, SOON};

use crate::lab::{Lab, Transport};
use crate::secured;

cases_in_the_clear! {
    interop,
    interop_in_json,
    scripted,
    hostile,
}

crate::cases_over! { tls_address: Tls; interop scripted hostile }

fn interop(transport: Transport) {
    play(transport, "interop");
}

/// The same cases with payloads in JSON.
fn interop_in_json(transport: Transport) {
    play(transport, "interop --json");
}

fn scripted(transport: Transport) {
    play(transport, "scripted");
}

fn hostile(transport: Transport) {
    play(transport, "hostile");
}

/// Whether there is a Python to run.
fn python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    let required = std::env::var("RPC_PYTHON").is_ok_and(|said| said == "required");
    assert!(found || !required, "python3 is required here and does not run");
    found
}

/// Says something that the test harness does not keep to itself.
fn say(words: &str) {
    std::io::stderr().write_all(format!("{words}\n").as_bytes()).unwrap();
}

/// Runs the cases of a group, and says how each went.
fn play(transport: Transport, group: &str) {
    if !python() {
        return say(&format!("python::{group} is skipped: there is no python3"));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/conformance.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).args(group.split(' '));
    if transport == Transport::Tls {
        command.env("RPC_CA", secured::authority()).env("RPC_IDENTITY", secured::identity());
    }
    let mut program = Process::start("conformance.py", &mut command);
    let mut stage = Stage { transport, lab: None, gate: None, closing: None };
    let (mut passed, mut failed) = (BTreeSet::new(), Vec::new());
    while let Some(line) = program.line() {
        match line.split_once(' ') {
            Some(("passed", case)) => drop(passed.insert(case.to_owned())),
            Some(("failed", case)) => failed.push(case.to_owned()),
            _ => program.type_line(&stage.direct(&line)),
        }
    }
    stage.end();
    assert!(program.end().success() && failed.is_empty(), "{failed:?} failed\n{}", program.told());
    let cases: Vec<&str> = passed.iter().map(String::as_str).collect();
    say(&format!("python::{group} over {transport:?}, {} passed: {}", cases.len(), cases.join(", ")));
    assert_eq!(passed, told(group), "run, and listed in CONFORMANCE.md");
}

/// The cases that CONFORMANCE.md lists for a group; what comes behind its name says how they run.
fn told(group: &str) -> BTreeSet<String> {
    let group = group.split(' ').next().unwrap();
    let table = include_str!("../../CONFORMANCE.md");
    let row = table.lines().find(|line| line.contains(&format!("`python::{group}`"))).unwrap();
    row.split('`').skip(1).step_by(2).filter(|name| !name.contains("::")).map(str::to_owned).collect()
}

/// The server of the case that runs.
struct Stage {
    transport: Transport,
    lab: Option<Lab>,
    gate: Option<Sender<()>>,
    /// Ends a server; ended with the next case.
    closing: Option<Thread>,
}

impl Stage {
    /// Does what the program asks for, and says what it is told then.
    fn direct(&mut self, line: &str) -> String {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["begin", case] => return self.begin(case),
            ["open", times] => {
                let gate = self.gate.as_ref().unwrap();
                (0..times.parse().unwrap()).for_each(|_| gate.send(()).unwrap());
            }
            ["hear", "gate", procedure] => self.lab().hear_at_the_gate(procedure),
            ["hear", "cancelled", procedure] => self.lab().hear_cancelled(procedure),
            ["hear", "broken"] => drop(self.lab().hear_broken()),
            ["shutdown"] => self.shut_down(),
            _ => panic!("{line:?} is no direction"),
        }
        "done".to_owned()
    }

    fn lab(&self) -> &Lab {
        self.lab.as_ref().unwrap()
    }

    /// A new server, and its address. Two cases have one that runs four calls at a time.
    fn begin(&mut self, case: &str) -> String {
        let crowded = ["max_streams", "one_call_too_many"].contains(&case);
        let calls_in_flight = if crowded { 4 } else { Limits::default().calls_in_flight };
        let lab = Lab::limited(self.transport, Limits { calls_in_flight, ..Limits::default() });
        let address = lab.host.server.endpoint().unwrap().to_string();
        self.end();
        self.gate = Some(lab.gate.clone());
        self.lab = Some(lab);
        address
    }

    fn end(&mut self) {
        if let Some(closing) = self.closing.take() {
            closing.join();
        }
    }

    fn shut_down(&mut self) {
        let lab = self.lab.take().unwrap();
        // A case may be over before its calls are.
        let closing = threads::spawn("closing", move || drop(lab.host.server.shutdown(SOON)));
        self.closing = Some(closing.unwrap());
    }
}
