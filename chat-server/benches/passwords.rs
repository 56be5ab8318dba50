//! What a password of a private room costs, and what somebody who guesses costs the others:
//! `cargo bench -p chat-server --bench passwords`.
//!
//! The server is the program, in a process of its own; everything is measured through its procedures. Each guesser shows
//! the right password of a room of his own again and again: that is not counted among his tries, and hashed like any.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chat_api::{Chat, ChatClient, PASSWORD_KEY, SESSION_KEY};
use rpc_core::Client;
use rpc_core::threads::{self, Thread};

/// How long each row is measured.
const ROW: Duration = Duration::from_secs(5);
const SAMPLES: usize = 101;

fn main() {
    let server = Server::start();
    let ana = server.user("ana");
    let open = median(SAMPLES, |number| ana.chat.create_room(format!("open {number}")).unwrap());
    let cpu = server.cpu();
    let private = median(SAMPLES, |number| {
        ana.chat.create_private_room(format!("private {number}"), "sésamo".into(), None).unwrap();
    });
    let cpu = (server.cpu() - cpu) / u32::try_from(SAMPLES).unwrap();
    println!("a room, p50 ms: {:.2}", millis(open));
    println!(
        "a private room (one hash), p50 ms: {:.1}, of processor time {:.1}",
        millis(private),
        millis(cpu)
    );
    ana.chat.create_room("hall".into()).unwrap();
    ana.chat.join_room(ana.name.clone(), "hall".into()).unwrap();
    println!(
        "{:>9} {:>10} {:>22} {:>22}",
        "guessers", "hashes/s", "others' call, p50 ms", "others' call, p99 ms"
    );
    for guessers in [0, 1, 2, 8, 32] {
        let (wanted, hashes) = (AtomicBool::new(true), AtomicU64::new(0));
        let guessers: Vec<User> = (0..guessers).map(|number| server.guesser(guessers, number)).collect();
        std::thread::scope(|scope| {
            for guesser in &guessers {
                scope.spawn(|| guesser.guess(&wanted, &hashes));
            }
            let (begun, before) = (Instant::now(), hashes.load(Ordering::SeqCst));
            let mut taken = Vec::new();
            while begun.elapsed() < ROW {
                taken.push(ana.say());
                std::thread::sleep(Duration::from_millis(1));
            }
            taken.sort();
            let [half, most] = [50, 99]
                .map(|percent| millis(taken.get(taken.len() * percent / 100).copied().unwrap_or_default()));
            let rate =
                f64::from(u32::try_from(hashes.load(Ordering::SeqCst) - before).unwrap()) / ROW.as_secs_f64();
            wanted.store(false, Ordering::SeqCst);
            println!("{:>9} {rate:>10.0} {half:>22.2} {most:>22.2}", guessers.len());
        });
    }
}

fn median(samples: usize, run: impl Fn(usize)) -> Duration {
    let timed = |number| {
        let begun = Instant::now();
        run(number);
        begun.elapsed()
    };
    let mut taken: Vec<Duration> = (0..samples).map(timed).collect();
    taken.sort();
    taken.get(samples / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The program, and where it listens.
struct Server {
    child: Child,
    address: SocketAddr,
    _log: Thread,
}

impl Server {
    fn start() -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chat-server"))
            .args(["--binder", "127.0.0.1:1", "--user-idle-after", "1h"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = log.find_map(|line| line.unwrap().split("listening on ").nth(1).map(str::to_owned));
        let log = threads::spawn("log", move || log.for_each(drop)).unwrap();
        Server { child, address: said.unwrap().parse().unwrap(), _log: log }
    }

    /// Processor time so far, of its user and its system's side.
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    fn user(&self, name: &str) -> User {
        let stranger = ChatClient::new(Client::connect(self.address.to_string()));
        let session = stranger.register_user(name.to_owned()).unwrap();
        User { name: name.to_owned(), chat: stranger.with_metadata(SESSION_KEY, *session.token.as_bytes()) }
    }

    fn guesser(&self, of: usize, number: usize) -> User {
        let user = self.user(&format!("guesser {of} {number}"));
        user.chat.create_private_room(user.name.clone(), "sésamo".into(), None).unwrap();
        user
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

struct User {
    name: String,
    chat: ChatClient,
}

impl User {
    fn say(&self) -> Duration {
        let begun = Instant::now();
        self.chat.send_message(self.name.clone(), "hall".into(), "oi".into(), None).unwrap();
        begun.elapsed()
    }

    /// Has hashed as fast as he is answered.
    fn guess(&self, wanted: &AtomicBool, hashes: &AtomicU64) {
        let chat = self.chat.with_metadata(PASSWORD_KEY, "sésamo");
        while wanted.load(Ordering::SeqCst) {
            if chat.join_room(self.name.clone(), self.name.clone()).is_ok() {
                hashes.fetch_add(1, Ordering::SeqCst);
                chat.leave_room(self.name.clone(), self.name.clone()).unwrap();
            }
        }
    }
}
