//! Everybody who is connected: one thread, one `epoll`, plain sockets, the same for every server.
//!
//! A reader takes what lies in a socket, at most 64 KiB at a time, finds the numbers of the messages in it, and checks that
//! each member hears each message once and in everybody's order. It decodes nothing else: what clients do with messages is not
//! measured, and what they cost must not hide what the server does.

mod entering;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bench_harness::process::is_interrupted;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::dialect::{Dialect, Person, Role};
use crate::failure::Failure;
use crate::score::{Score, Times};
use crate::text;

pub(crate) struct Crowd<'a> {
    dialect: &'a dyn Dialect,
    people: Vec<Somebody>,
    /// By room: its speaker's place among the people, and its messages.
    rooms: Vec<(usize, Score)>,
    epoll: OwnedFd,
    buffer: Vec<u8>,
    pub(crate) times: Times,
    pub(crate) deliveries: u64,
}

/// Somebody and his socket.
struct Somebody {
    person: Person,
    room: usize,
    socket: TcpStream,
    /// Messages that he has heard.
    heard: usize,
    /// The end of what he heard, which may be the beginning of a number; of a speaker, what he heard last.
    begun: Vec<u8>,
    /// Messages taken since he last gave thanks.
    taken: u32,
    /// What is still to be written.
    unsent: Vec<u8>,
}

/// Bytes of one read.
const AT_ONCE: usize = 64 << 10;

/// The longest time between a message's sending and its last delivery.
const PATIENCE: Duration = Duration::from_secs(30);

impl<'a> Crowd<'a> {
    /// Nobody yet.
    pub(crate) fn new(dialect: &'a dyn Dialect) -> Result<Crowd<'a>, Failure> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC);
        Ok(Crowd {
            dialect,
            people: Vec::new(),
            rooms: Vec::new(),
            epoll: epoll.map_err(io::Error::from).map_err(Failure::io("cannot make an epoll"))?,
            buffer: vec![0; AT_ONCE],
            times: Times::new(),
            deliveries: 0,
        })
    }

    /// Fills `rooms` rooms with `members` members, spread over them, and one speaker each.
    pub(crate) fn fill(&mut self, server: SocketAddr, members: usize, rooms: usize) -> Result<(), Failure> {
        for room in 0..rooms {
            let here = (members + rooms - 1 - room) / rooms;
            self.rooms.push((self.people.len(), Score::new(here)));
            self.enter(server, room, Role::Speaker, 1)?;
            self.enter(server, room, Role::Member, here)?;
        }
        self.follow()?;
        for (place, somebody) in (0..).zip(&self.people) {
            let ready = || {
                somebody.socket.set_nonblocking(true)?;
                epoll::add(&self.epoll, &somebody.socket, EventData::new_u64(place), EventFlags::IN)?;
                Ok(())
            };
            ready().map_err(Failure::io("cannot watch a socket"))?;
        }
        Ok(())
    }

    /// As many as are connected.
    pub(crate) fn connections(&self) -> usize {
        self.people.len()
    }

    /// Sends in every room, `window` messages ahead of its slowest member, for this long; then waits until all is heard.
    pub(crate) fn flat_out(&mut self, window: usize, time: Duration) -> Result<(), Failure> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            for room in 0..self.rooms.len() {
                let under_way = self.rooms.get(room).map_or(0, |(_, score)| score.under_way());
                self.speak(room, window.saturating_sub(under_way))?;
            }
            self.hear(Duration::from_millis(1))?;
        }
        self.hear_all()
    }

    /// Sends one message in each room every `interval`, `messages` times, each once the one before is heard by all.
    pub(crate) fn at_a_rate(&mut self, messages: usize, interval: Duration) -> Result<(), Failure> {
        for _ in 0..messages {
            let next = Instant::now() + interval;
            for room in 0..self.rooms.len() {
                self.speak(room, 1)?;
            }
            self.hear_all()?;
            self.hear_until(next)?;
        }
        Ok(())
    }

    /// Hears for this long: what is under way arrives.
    pub(crate) fn rest(&mut self, time: Duration) -> Result<(), Failure> {
        self.hear_until(Instant::now() + time)
    }

    fn hear_until(&mut self, until: Instant) -> Result<(), Failure> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.hear(left)?;
        }
    }

    fn hear_all(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        while self.rooms.iter().any(|(_, score)| score.under_way() > 0) {
            if Instant::now() > until {
                let late = self.rooms.iter().find(|(_, score)| score.under_way() > 0);
                let speaker = late.and_then(|(speaker, _)| self.people.get(*speaker));
                let heard = speaker.map_or_else(String::new, |speaker| words(&speaker.begun));
                return Err(Failure::Stalled { seconds: PATIENCE.as_secs(), heard });
            }
            self.hear(Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// The speaker of a room says so many messages in one go.
    fn speak(&mut self, room: usize, messages: usize) -> Result<(), Failure> {
        let Some((speaker, score)) = self.rooms.get_mut(room) else { return Ok(()) };
        let Some(speaker) = self.people.get_mut(*speaker) else { return Ok(()) };
        for _ in 0..messages {
            let number = score.next();
            self.dialect.speak(&speaker.person, number, &text::numbered(number), &mut speaker.unsent);
            score.sent(Instant::now());
        }
        speaker.write()
    }

    /// Waits until something comes, or for this long, and takes in what has come.
    fn hear(&mut self, time: Duration) -> Result<(), Failure> {
        if is_interrupted() {
            return Err(Failure::Interrupted);
        }
        let mut events = Vec::with_capacity(256);
        let time = Timespec::try_from(time).ok();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), time.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            ready => ready.map_err(io::Error::from).map_err(Failure::io("cannot wait for sockets"))?,
        };
        for event in events {
            self.take(usize::try_from(event.data.u64()).unwrap_or(usize::MAX))?;
        }
        Ok(())
    }

    /// Takes in what has come for one.
    fn take(&mut self, place: usize) -> Result<(), Failure> {
        let Some(somebody) = self.people.get_mut(place) else { return Ok(()) };
        somebody.write()?;
        let kept = if somebody.person.role == Role::Speaker { 0 } else { somebody.begun.len() };
        if let Some(room) = self.buffer.get_mut(..kept) {
            room.copy_from_slice(somebody.begun.get(..kept).unwrap_or_default());
        }
        let count = match somebody.socket.read(self.buffer.get_mut(kept..).unwrap_or_default()) {
            Ok(0) => return Err(somebody.cut(&somebody.begun)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(Failure::io(format!("{} cannot read", somebody.person.name))(error)),
        };
        let heard = self.buffer.get(..kept + count).unwrap_or_default();
        if somebody.person.role == Role::Speaker {
            // What he was answered matters only if nobody hears him.
            somebody.begun = heard.iter().copied().take(WORDS).collect();
            return Ok(());
        }
        let Some((_, score)) = self.rooms.get_mut(somebody.room) else { return Ok(()) };
        let (now, before, mut wrong) = (Instant::now(), somebody.heard, None);
        let begun = text::numbers(heard, |number| {
            if !score.heard(number, somebody.heard, now, &mut self.times) {
                wrong.get_or_insert((number, somebody.heard));
            }
            somebody.heard += 1;
        });
        if let Some((number, behind)) = wrong {
            let who = somebody.person.name.clone();
            return Err(Failure::Disorder { who, number, behind });
        }
        somebody.begun.clear();
        somebody.begun.extend_from_slice(heard.get(heard.len() - begun..).unwrap_or_default());
        let taken = u32::try_from(somebody.heard - before).unwrap_or(u32::MAX);
        self.deliveries += u64::from(taken);
        somebody.give_thanks(taken, self.dialect)
    }
}

impl Somebody {
    fn give_thanks(&mut self, taken: u32, dialect: &dyn Dialect) -> Result<(), Failure> {
        let Some((due, thanks)) = dialect.thanks() else { return Ok(()) };
        self.taken += taken;
        while self.taken >= due {
            self.taken -= due;
            self.unsent.extend_from_slice(&thanks);
        }
        self.write()
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> Result<(), Failure> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        match self.socket.write(&self.unsent) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(Failure::io(format!("{} cannot write", self.person.name))(error)),
        }
        Ok(())
    }

    fn cut(&self, heard: &[u8]) -> Failure {
        Failure::Cut { who: self.person.name.clone(), heard: words(heard) }
    }
}

/// Bytes of what was heard that a failure shows.
const WORDS: usize = 200;

fn words(heard: &[u8]) -> String {
    String::from_utf8_lossy(heard.get(..WORDS).unwrap_or(heard)).escape_debug().collect()
}
