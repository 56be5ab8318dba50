//! A rolling restart as its operator makes it: processes, each of which is sent SIGTERM when its successor is there.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use binder::{BinderServer, Mode, Offer, Registration, RegistrationOptions, Resolver, Retirement};
use rpc_core::{Choice, Client, Server, Status};
use rpc_program::signals;

#[path = "waits/eventually.rs"]
mod eventually;

use eventually::{PATIENCE, eventually};

#[rpc_core::service]
trait Sum {
    /// Adds two numbers.
    fn add(&self, one: u64, other: u64) -> Result<u64, Status>;
}

/// Counts its calls.
#[derive(Default)]
struct Adder(AtomicU64);

impl Sum for Adder {
    /// A call takes a moment, so that some run whenever a signal comes.
    fn add(&self, one: u64, other: u64) -> Result<u64, Status> {
        self.0.fetch_add(1, Ordering::SeqCst);
        thread::park_timeout(Duration::from_micros(200));
        Ok(one + other)
    }
}

/// Run as the program that is restarted, which is this one with a binder's address in its environment, it serves until
/// SIGTERM. Run as a test, it is that program's operator.
#[test]
fn the_service_of_a_rolling_restart_serves_until_sigterm_and_says_how_often_it_was_called() {
    if let Ok(binder) = std::env::var(BINDER) {
        return serve(&binder);
    }
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let instance = Instance::start(&binder.address().to_string());
    let sums = SumClient::new(Client::resolving(Resolver::new(binder.address().to_string())));
    for number in 0..3 {
        assert_eq!(sums.with_deadline(PATIENCE).add(number, 1), Ok(number + 1));
    }
    assert_eq!(instance.end(), 3);
    binder.shutdown(PATIENCE).unwrap();
}

#[expect(clippy::print_stdout, reason = "its operator reads it")]
fn serve(binder: &str) {
    let stop = signals::stop().unwrap();
    let adder = Arc::<Adder>::default();
    let server = Server::builder().service(SumService::new(adder.clone())).bind("127.0.0.1:0").unwrap();
    let offer = Offer { mode: Mode::Shared, ..Offer::new("add", "127.0.0.1", server.address().port()) };
    let registration = Registration::start_with(binder, [offer], RegistrationOptions::default()).unwrap();
    registration.wait_registered(PATIENCE).unwrap();
    println!("\n{SERVES}");
    stop.signals().recv_timeout(PATIENCE * 3).unwrap();
    registration.retire(server, Retirement { drain: Duration::from_millis(200), grace: PATIENCE }).unwrap();
    println!("\n{SERVED}{}", adder.0.load(Ordering::SeqCst));
}

/// One process of it; killed if the test did not end it.
struct Instance {
    process: Child,
    said: BufReader<ChildStdout>,
}

/// Tells those who call, when it is dropped, that they have called enough.
struct Enough<'a>(&'a AtomicBool);

impl Instance {
    fn start(binder: &str) -> Instance {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env(BINDER, binder);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let serves = said.by_ref().lines().map_while(Result::ok).any(|line| line == SERVES);
        assert!(serves, "it has ended");
        Instance { process, said }
    }

    /// Sends it SIGTERM, and waits for its end; how often it was called.
    fn end(mut self) -> u64 {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let mut code = None;
        eventually("it ends", || {
            code = self.process.try_wait().unwrap();
            code.is_some()
        });
        assert!(code.unwrap().success(), "{code:?}");
        let mut lines = self.said.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| line.strip_prefix(SERVED)?.parse().ok()).unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn ten_thousand_calls_while_two_processes_are_restarted_by_sigterm_all_succeed() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let address = binder.address().to_string();
    let mut instances = vec![Instance::start(&address), Instance::start(&address)];
    let client = Client::resolving(Resolver::new(&address)).with_choice(Choice::RoundRobin);
    let sums = SumClient::new(client).with_deadline(PATIENCE);
    let (called, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let calling = Enough(&enough);
        for caller in 0..4 {
            let (sums, called, enough) = (sums.clone(), &called, &enough);
            scope.spawn(move || {
                while !enough.load(Ordering::SeqCst) {
                    let number = called.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(sums.add(number, caller), Ok(number + caller));
                }
            });
        }
        let called = || called.load(Ordering::SeqCst);
        let go_on = |what: &str| {
            let before = called();
            eventually(what, || called() > before + CALLS_BETWEEN);
        };
        let (mut restarts, mut meanwhile) = (0, 0);
        // Only calls while a process was being replaced count.
        while restarts < RESTARTS || meanwhile < CALLS {
            go_on("calls go on before a restart");
            let before = called();
            instances.push(Instance::start(&address));
            let served = instances.remove(0).end();
            let made = called() - before;
            assert!(made > 0, "nobody called during restart {restarts}");
            assert!(served > 0, "what is replaced was called");
            (restarts, meanwhile) = (restarts + 1, meanwhile + made);
            assert!(restarts <= MOST_RESTARTS, "{meanwhile} calls during {restarts} restarts");
        }
        go_on("calls go on after the last restart");
        drop(calling);
    });
    for instance in instances {
        assert!(instance.end() > 0, "who came last is called");
    }
    drop(sums);
    binder.shutdown(PATIENCE).unwrap();
}

/// Where the program that is restarted finds the binder; unset in a run of the tests.
const BINDER: &str = "ROLLING_RESTART_BINDER";
/// The test as which it is run.
const NAME: &str = "the_service_of_a_rolling_restart_serves_until_sigterm_and_says_how_often_it_was_called";
/// What it prints when it serves.
const SERVES: &str = "it serves";
/// What it prints at the end, before how often it was called.
const SERVED: &str = "calls served: ";
/// So many calls are made while processes are replaced.
const CALLS: u64 = 10_000;
/// And so many between two replacements.
const CALLS_BETWEEN: u64 = 500;
/// Each of the two is replaced twice at least.
const RESTARTS: u64 = 4;
/// A machine that makes no 10,000 calls during so many says nothing.
const MOST_RESTARTS: u64 = 60;
