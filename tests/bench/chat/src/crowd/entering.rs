//! How people come in: a few at a time, step by step, each waiting for his answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use bench_harness::process::is_interrupted;

use super::{Crowd, Somebody, words};
use crate::dialect::{Answer, Person, Role};
use crate::failure::Failure;

/// People who come in at the same time: fewer than any server's queue of connections.
const ABREAST: usize = 8;

/// The longest time of one step.
const STEP: Duration = Duration::from_secs(10);

impl Crowd<'_> {
    /// So many come into a room: members as far as there are steps before they follow.
    pub(super) fn enter(
        &mut self,
        server: SocketAddr,
        room: usize,
        role: Role,
        count: usize,
    ) -> Result<(), Failure> {
        let steps = if role == Role::Member { self.dialect.following() } else { usize::MAX };
        for group in (0..count).collect::<Vec<_>>().chunks(ABREAST) {
            let begin = self.people.len();
            for number in group {
                let letter = if role == Role::Speaker { 's' } else { 'm' };
                let name = format!("{letter}{room}x{number}");
                let person =
                    Person { name, room: format!("hall{room}"), role, secret: Vec::new(), place: Vec::new() };
                let socket = TcpStream::connect(server).map_err(Failure::io("cannot connect"))?;
                self.people.push(Somebody::new(person, room, socket)?);
            }
            for step in 0..steps {
                if !self.step(begin..self.people.len(), role, step)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Everybody is in: members take the step that is left.
    pub(super) fn follow(&mut self) -> Result<(), Failure> {
        let all = self.people.len();
        let mut last = (usize::MAX, Vec::new());
        for somebody in self.people.iter_mut().rev() {
            if somebody.room != last.0 {
                last = (somebody.room, somebody.person.place.clone());
            }
            somebody.person.place.clone_from(&last.1);
        }
        for begin in (0..all).step_by(ABREAST) {
            self.step(begin..all.min(begin + ABREAST), Role::Member, self.dialect.following())?;
        }
        Ok(())
    }

    /// One step of some in this role, who say what they have to say before the first waits for an answer; whether
    /// anybody had.
    fn step(&mut self, some: Range<usize>, role: Role, step: usize) -> Result<bool, Failure> {
        if is_interrupted() {
            return Err(Failure::Interrupted);
        }
        let dialect = self.dialect;
        let some = self.people.get_mut(some).unwrap_or_default();
        let mut speaking = Vec::new();
        for somebody in some.iter_mut().filter(|somebody| role == somebody.person.role) {
            if let Some(said) = dialect.step(&somebody.person, step) {
                somebody.socket.write_all(&said).map_err(Failure::io("cannot write"))?;
                speaking.push(somebody);
            }
        }
        let anybody = !speaking.is_empty();
        for somebody in speaking {
            let mut heard = Vec::new();
            loop {
                match dialect.answer(&mut somebody.person, step, &heard) {
                    Answer::Whole => break,
                    Answer::Begun => somebody.listen(&mut heard, step)?,
                    Answer::Refused(why) => {
                        return Err(Failure::Refused { who: somebody.person.name.clone(), why });
                    }
                }
            }
        }
        Ok(anybody)
    }
}

impl Somebody {
    fn new(person: Person, room: usize, socket: TcpStream) -> Result<Somebody, Failure> {
        let options = || {
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(STEP))?;
            socket.set_write_timeout(Some(STEP))
        };
        options().map_err(Failure::io("cannot set a socket's options"))?;
        let (begun, unsent) = (Vec::new(), Vec::new());
        Ok(Somebody { person, room, socket, heard: 0, begun, taken: 1, unsent })
    }

    /// Adds what comes next to what was heard.
    fn listen(&mut self, heard: &mut Vec<u8>, step: usize) -> Result<(), Failure> {
        let mut piece = [0; 16 << 10];
        match self.socket.read(&mut piece) {
            Ok(0) => Err(self.cut(heard)),
            Ok(count) => {
                heard.extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let heard = words(heard);
                let who = self.person.name.clone();
                Err(Failure::Unanswered { who, step, seconds: STEP.as_secs(), heard })
            }
            Err(error) => Err(Failure::io(format!("{} cannot read", self.person.name))(error)),
        }
    }
}
