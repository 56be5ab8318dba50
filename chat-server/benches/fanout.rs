//! One room and its members, each on a connection of his own: `cargo bench -p chat-server --bench fanout`.
//!
//! The server is the program, in a process of its own, so that its processor time is its alone: that carries over from
//! machine to machine better than the rate, which the members' threads here share with it. What is said in an open room is
//! in the operators' log, what is said in a private one is not: the two beside each other show what the log costs. They
//! take turns, so that both meet the same weather.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chat_api::{Chat, ChatClient, Mark, News, PASSWORD_KEY, SESSION_KEY};
use rpc_core::Client;
use rpc_core::threads::{self, Thread};

/// Deliveries of one round.
const DELIVERIES: u64 = 2_000_000;
const ROUNDS: usize = 5;
const SENDERS: usize = 4;
/// Opens the private room.
const PASSWORD: &str = "sésamo";
/// Messages that one sender has under way.
const WINDOW: usize = 16;

fn main() {
    println!(
        "{:>8} {:>8} {:>16} {:>24} {:>20} {:>26}",
        "members",
        "log",
        "deliveries/s",
        "server CPU s/million",
        "threads a member",
        "last one has it, p50 ms"
    );
    for members in [100, 1000] {
        let rooms =
            [(Door::Open, "on"), (Door::Private, "off")].map(|(door, log)| (Room::open(members, door), log));
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for ((room, _), rounds) in rooms.iter().zip(&mut rounds) {
                rounds.push(room.flat_out());
            }
        }
        for ((room, log), rounds) in rooms.iter().zip(rounds) {
            let threads = (room.server.threads() as f64 - room.threads_alone) / members as f64;
            let slowest = median((0..100).map(|_| room.one_message().as_secs_f64() * 1e3).collect());
            let rate = median(rounds.iter().map(|(rate, _)| *rate).collect());
            let cpu = median(rounds.iter().map(|(_, cpu)| *cpu).collect());
            println!("{members:>8} {log:>8} {rate:>16.0} {cpu:>24.2} {threads:>20.2} {slowest:>26.1}");
        }
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or_default()
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
        // What it has to say of a binder that is not there is read away.
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

    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// How a room is entered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Private,
}

/// A room, its members who listen, and others in it who speak.
struct Room {
    senders: Vec<(String, ChatClient)>,
    heard: Arc<AtomicU64>,
    members: u64,
    threads_alone: f64,
    server: Server,
    _listening: Vec<Thread>,
}

impl Room {
    fn open(members: usize, door: Door) -> Room {
        let server = Server::start();
        let user = |name: String| {
            let stranger = ChatClient::new(Client::connect(server.address.to_string()));
            let session = stranger.register_user(name.clone()).unwrap();
            let chat = stranger.with_metadata(SESSION_KEY, *session.token.as_bytes());
            (name, chat.with_metadata(PASSWORD_KEY, PASSWORD))
        };
        let senders: Vec<_> = (0..SENDERS).map(|number| user(format!("sender{number}"))).collect();
        let (_, maker) = senders.first().unwrap();
        match door {
            Door::Open => maker.create_room("hall".into()).unwrap(),
            Door::Private => maker.create_private_room("hall".into(), PASSWORD.into(), None).unwrap(),
        }
        for (name, chat) in &senders {
            chat.join_room(name.clone(), "hall".into()).unwrap();
        }
        let threads_alone = server.threads() as f64;
        let joined: Vec<_> = (0..members).map(|number| user(format!("member{number}"))).collect();
        for (name, chat) in &joined {
            chat.join_room(name.clone(), "hall".into()).unwrap();
        }
        let heard = Arc::<AtomicU64>::default();
        let listen = |(name, chat): (String, ChatClient)| {
            let heard = heard.clone();
            threads::spawn("member", move || listen(&name, &chat, &heard)).unwrap()
        };
        let listening: Vec<Thread> = joined.into_iter().map(listen).collect();
        let members = u64::try_from(members).unwrap();
        let room = Room { senders, heard, members, threads_alone, server, _listening: listening };
        // Everybody listens once everybody has heard this.
        room.one_message();
        room
    }

    /// How long one message takes until the last member has it.
    fn one_message(&self) -> Duration {
        let (name, chat) = self.senders.first().unwrap();
        let all = self.heard.load(Ordering::SeqCst) / self.members * self.members + self.members;
        let begun = Instant::now();
        chat.send_message(name.clone(), "hall".into(), "x".repeat(100), None).unwrap();
        self.wait_for(all);
        let taken = begun.elapsed();
        std::thread::sleep(Duration::from_millis(5));
        taken
    }

    /// Deliveries a second, and the server's processor time for a million of them, when everybody sends what he can.
    fn flat_out(&self) -> (f64, f64) {
        let messages = DELIVERIES / self.members;
        let all = self.heard.load(Ordering::SeqCst) + messages * self.members;
        let (begun, cpu) = (Instant::now(), self.server.cpu());
        std::thread::scope(|scope| {
            for (name, chat) in &self.senders {
                let share = messages / u64::try_from(SENDERS).unwrap();
                scope.spawn(move || speak(name, chat, share));
            }
        });
        self.wait_for(all);
        let (taken, cpu) = (begun.elapsed().as_secs_f64(), (self.server.cpu() - cpu).as_secs_f64());
        (DELIVERIES as f64 / taken, cpu * 1e6 / DELIVERIES as f64)
    }

    fn wait_for(&self, all: u64) {
        let patience = Instant::now() + Duration::from_secs(120);
        while self.heard.load(Ordering::SeqCst) < all {
            assert!(Instant::now() < patience, "something was lost");
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

fn speak(name: &str, chat: &ChatClient, messages: u64) {
    let mut under_way = VecDeque::new();
    for _ in 0..messages {
        if under_way.len() >= WINDOW {
            let oldest: Option<rpc_core::Pending<chat_api::Sent, chat_api::ChatError>> =
                under_way.pop_front();
            oldest.unwrap().wait().unwrap();
        }
        under_way.push_back(chat.start().send_message(name.into(), "hall".into(), "x".repeat(100), None));
    }
    for sent in under_way {
        sent.wait().unwrap();
    }
}

/// Counts the messages of a member, until the server is gone.
fn listen(name: &str, chat: &ChatClient, heard: &AtomicU64) {
    let mut mark = None;
    loop {
        let Ok(stream) = chat.events(name.to_owned(), "hall".into(), mark) else { return };
        for item in stream {
            match item {
                Ok(News::Begins { mark: begins, missed }) => {
                    assert_eq!(missed, 0, "the room forgot what a member had not heard");
                    mark = Some(begins);
                }
                Ok(News::Event(event)) => {
                    mark = mark.map(|mark| Mark { seq: event.seq, ..mark });
                    heard.fetch_add(u64::from(event.is_message()), Ordering::SeqCst);
                }
                Err(_) => break,
            }
        }
    }
}
