//! Lines in, commands run one after the other, outcomes into the session's events.

mod doors;

use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_api::{ChatError, Language, Username};
use crossbeam_channel::Sender;

use super::arguments::UserArguments;
use super::input::{Input, Line};
use super::login;
use super::meeting::Said;
use super::printer;
use crate::command::{self, Command, Dialect};
use crate::complete::Known;
use crate::event::ChatEvent;
use crate::sanitise;
use crate::session::ChatSession;

/// How the commands came to their end.
#[derive(Debug)]
pub(super) enum Ending {
    /// Everything went well, or a person saw what did not.
    Done,
    /// A command of a script failed.
    Failed,
    /// The program was asked to end.
    Stopped,
    /// The chat has ended.
    Deserted,
    /// Nothing can be printed any more.
    Unprintable(io::Error),
}

/// Runs the lines of one conversation.
pub(super) struct Commands {
    session: Arc<ChatSession>,
    user: UserArguments,
    known: Arc<Mutex<Known>>,
    feed: Sender<ChatEvent>,
    language: Language,
    failures: u64,
}

type Outcome = Result<Option<ChatEvent>, ChatError>;

enum Next {
    Line,
    Quit,
}

/// A script whose `--username` is no name ends before it connects.
pub(super) fn refuse_name(user: &UserArguments) -> io::Result<Option<ExitCode>> {
    let refused = user.username.as_deref().and_then(|name| Username::parse(name).err());
    match refused {
        Some(error) if Input::dialect_of(user) == Dialect::Script => {
            let language = user.language();
            printer::print_alone(&failure(language, &error.into()), Input::output_of(user), language)?;
            Ok(Some(ExitCode::FAILURE))
        }
        _ => Ok(None),
    }
}

impl Commands {
    pub(super) fn new(session: Arc<ChatSession>, user: UserArguments, known: Arc<Mutex<Known>>) -> Commands {
        let (feed, language) = (session.feed(), user.language());
        Commands { session, user, known, feed, language, failures: 0 }
    }

    /// Runs everything, from the name to the farewell.
    pub(super) fn run(mut self, mut input: Input) -> Ending {
        input.complete_with(self.known.clone());
        if self.register(&mut input) {
            if let Some(room) = self.user.room.clone() {
                self.execute(Command::Join { room }, &mut input);
            }
            self.converse(&mut input);
        }
        let dialect = input.dialect();
        drop(input);
        self.finish(dialect)
    }

    /// Takes a name; a person is asked again until one is free.
    fn register(&mut self, input: &mut Input) -> bool {
        let mut given = self.user.username.clone();
        loop {
            let name = match (given.take(), input.dialect()) {
                (Some(name), _) => name,
                (None, Dialect::Script) => login::login_name().unwrap_or_default(),
                (None, Dialect::Terminal) => match input.ask(&self.language.ask_username()) {
                    Line::Text(name) if name.trim().is_empty() => continue,
                    Line::Text(name) => name,
                    Line::End => return false,
                },
            };
            match self.register_as(&name) {
                Ok(username) => {
                    self.tell(ChatEvent::Registered { username });
                    return true;
                }
                Err(error) => self.fail(&error),
            }
            if input.dialect() == Dialect::Script || self.session.is_over() {
                return false;
            }
        }
    }

    fn register_as(&self, name: &str) -> Result<String, ChatError> {
        Username::parse(name)?;
        let mut said = Said::Nothing;
        loop {
            match self.session.register_within(REGISTRATION_TIME, name) {
                Err(error) if error.code() == "unavailable" && !self.session.is_over() => {
                    said = said.once(self.language, &error);
                }
                answer => return answer,
            }
        }
    }

    fn converse(&mut self, input: &mut Input) {
        while !self.session.is_over() {
            let prompt = match self.current() {
                Some(room) => format!("{}> ", sanitise::one_line(&room)),
                None => "> ".to_owned(),
            };
            let Line::Text(line) = input.next(&prompt) else { return };
            match command::parse(&line, input.dialect()) {
                Ok(None) => {}
                Ok(Some(command)) => {
                    if let Next::Quit = self.execute(command, input) {
                        return;
                    }
                }
                Err(error) => self.refuse(error.code(), error.told_in(self.language)),
            }
        }
    }

    fn execute(&mut self, command: Command, input: &mut Input) -> Next {
        if command == Command::Quit {
            return Next::Quit;
        }
        if command.needs_the_server() && input.dialect() == Dialect::Terminal && self.session.is_away() {
            self.refuse("unavailable", self.language.not_while_lost());
            return Next::Line;
        }
        match self.outcome(command, input) {
            Ok(Some(event)) => self.tell(event),
            Ok(None) => {}
            Err(error) => self.fail(&error),
        }
        Next::Line
    }

    /// What a command has to tell; nothing if that was told already, or there is nothing.
    fn outcome(&mut self, command: Command, input: &mut Input) -> Outcome {
        let session = self.session.clone();
        match command {
            Command::Say(text) => self.send(&text, None),
            Command::Private { to, text } => self.send(&text, Some(&to)),
            Command::Create { room, limit } => {
                session.create(&room, limit).map(|room| Some(ChatEvent::RoomCreated { room }))
            }
            Command::CreatePrivate { room, limit } => self.create_private(&room, limit, input),
            Command::Join { room } => self.join(&room, input),
            Command::Leave => self.here(|room| session.leave(&room).map(|room| ChatEvent::Left { room })),
            Command::Rooms => session.rooms().map(|rooms| Some(ChatEvent::Rooms { rooms })),
            Command::Users { room: Some(room) } => users(&session, &room).map(Some),
            Command::Users { room: None } => self.here(|room| users(&session, &room)),
            Command::History => {
                self.here(|room| session.history(&room).map(|messages| ChatEvent::History { room, messages }))
            }
            Command::Me => Ok(Some(self.me())),
            Command::Help => {
                let text = command::help(Input::dialect_of(&self.user), self.language);
                Ok(Some(ChatEvent::Help { text }))
            }
            Command::Sleep(time) => {
                session.pause(time);
                Ok(None)
            }
            Command::Quit => Ok(None),
        }
    }

    /// Does something in the current room, if there is one.
    fn here(&mut self, act: impl FnOnce(String) -> Result<ChatEvent, ChatError>) -> Outcome {
        match self.current() {
            Some(room) => act(room).map(Some),
            None => self.nowhere(),
        }
    }

    /// Says something in the current room. Its number is told before it comes back as a message.
    fn send(&mut self, text: &str, to: Option<&str>) -> Outcome {
        let session = self.session.clone();
        let Some(room) = self.current() else { return self.nowhere() };
        session.send_announced(&room, text, to, |receipt| self.tell(sent(receipt))).map(|()| None)
    }

    fn nowhere(&mut self) -> Outcome {
        self.refuse("not_in_room", self.language.no_room_yet());
        Ok(None)
    }

    fn me(&self) -> ChatEvent {
        ChatEvent::Me {
            username: self.session.username().unwrap_or_default(),
            room: self.current(),
            rooms: self.session.joined(),
        }
    }

    fn current(&self) -> Option<String> {
        self.session.joined().pop()
    }

    /// The farewell: what is still to be received, then out of every room, then the name is free.
    fn finish(self, dialect: Dialect) -> Ending {
        if self.session.is_over() {
            // The server notices by itself if it cannot be told.
            let _ = self.session.close();
            return Ending::Stopped;
        }
        if dialect == Dialect::Script && !self.session.settle(SETTLE_TIME) {
            tracing::warn!("the server did not say what is still to be received");
        }
        let rooms = self.session.joined();
        match self.session.close() {
            Ok(()) => rooms.into_iter().for_each(|room| self.tell(ChatEvent::Left { room })),
            Err(error) => tracing::warn!("the server could not be told of our leaving: {error}"),
        }
        if self.failures > 0 && dialect == Dialect::Script { Ending::Failed } else { Ending::Done }
    }

    fn fail(&mut self, error: &ChatError) {
        if !self.session.is_over() {
            self.failures = self.failures.saturating_add(1);
            self.tell(failure(self.language, error));
        }
    }

    fn refuse(&mut self, code: &'static str, message: String) {
        self.failures = self.failures.saturating_add(1);
        self.tell(ChatEvent::Error { code, message });
    }

    fn tell(&self, event: ChatEvent) {
        // The printer receives until the last sender is gone, also when it can no longer print.
        let _ = self.feed.send(event);
    }
}

fn failure(language: Language, error: &ChatError) -> ChatEvent {
    ChatEvent::Error { code: error.code(), message: language.refusal(error) }
}

fn users(session: &ChatSession, room: &str) -> Result<ChatEvent, ChatError> {
    Ok(ChatEvent::Users { users: session.users(room)?, room: session.shown(room)? })
}

fn sent(receipt: crate::session::Receipt) -> ChatEvent {
    ChatEvent::Sent { room: receipt.room, seq: receipt.seq }
}

fn joined(entry: &crate::session::Entry) -> ChatEvent {
    let crate::session::Entry { room, users, history } = entry.clone();
    ChatEvent::Joined { room, users, history }
}

/// A server that is not there is asked again after this, and the wait is told once.
const REGISTRATION_TIME: Duration = Duration::from_secs(3);
/// How long the end of a script waits for what the server has for it.
const SETTLE_TIME: Duration = Duration::from_secs(5);
