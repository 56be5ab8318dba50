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

struct Adder;

impl Sum for Adder {
    /// A call takes a moment, so that some run whenever a signal comes.
    fn add(&self, one: u64, other: u64) -> Result<u64, Status> {
        thread::park_timeout(Duration::from_micros(200));
        Ok(one + other)
    }
}

/// The program that is restarted: this one, run for the test below, which says where the binder is.
#[test]
fn the_service_of_a_rolling_restart() {
    let Ok(binder) = std::env::var(BINDER) else { return };
    let stop = signals::stop().unwrap();
    let server = Server::builder().service(SumService::new(Arc::new(Adder))).bind("127.0.0.1:0").unwrap();
    let offer = Offer { mode: Mode::Shared, ..Offer::new("add", "127.0.0.1", server.address().port()) };
    let registration = Registration::start_with(binder, [offer], RegistrationOptions::default()).unwrap();
    registration.wait_registered(PATIENCE).unwrap();
    println!("\n{SERVES}");
    stop.signals().recv_timeout(PATIENCE * 3).unwrap();
    registration.retire(server, Retirement { drain: Duration::from_millis(200), grace: PATIENCE }).unwrap();
}

/// One process of it; killed if the test did not end it.
struct Instance {
    process: Child,
    /// What it says is not read, and must not be in its way.
    _said: BufReader<ChildStdout>,
}

/// Tells those who call, when it is dropped, that they have called enough.
struct Enough<'a>(&'a AtomicBool);

impl Instance {
    fn start(binder: &str) -> Instance {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_service_of_a_rolling_restart", "--nocapture"]).env(BINDER, binder);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let serves = said.by_ref().lines().map_while(Result::ok).any(|line| line == SERVES);
        assert!(serves, "it has ended");
        Instance { process, _said: said }
    }

    fn end(mut self) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let mut code = None;
        eventually("it ends", || {
            code = self.process.try_wait().unwrap();
            code.is_some()
        });
        assert!(code.unwrap().success(), "{code:?}");
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
        for _ in 0..RESTARTS {
            let before = called.load(Ordering::SeqCst);
            eventually("calls go on", || called.load(Ordering::SeqCst) > before + CALLS / RESTARTS / 2);
            instances.push(Instance::start(&address));
            instances.remove(0).end();
        }
        eventually("they have called enough", || called.load(Ordering::SeqCst) >= CALLS);
        drop(calling);
    });
    drop(instances);
    drop(sums);
    binder.shutdown(PATIENCE).unwrap();
}

/// Where the program that is restarted finds the binder; unset in a run of the tests.
const BINDER: &str = "ROLLING_RESTART_BINDER";
/// What it prints when it serves.
const SERVES: &str = "it serves";
const CALLS: u64 = 10_000;
/// Each of the two is replaced twice.
const RESTARTS: u64 = 4;
