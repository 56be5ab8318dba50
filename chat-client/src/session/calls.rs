//! The calls of a session: with its token, tried again where that is safe, ended when the session ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_api::limits::EVENTS_UNDER_WAY;
use chat_api::{
    AFTER_KEY, Chat as _, ChatClient, ChatError, Joined, Language, Mark, MessageId, News, PASSWORD_KEY,
    REGISTRATION_KEY, RegistrationId, RoomDescription, RoomName, RoomPassword, RoomSummary, SESSION_KEY,
    Session, chat_ended,
};
use rpc_core::{Client, Code, Limits, Pending, Resolve, Status, Stream};
use serde::de::DeserializeOwned;

use super::options::SessionOptions;
use super::pauses::Pauses;
use super::state::{State, Who};

/// Makes calls: commands on one connection, and on another what the listener does.
#[derive(Debug)]
pub(super) struct Calls {
    commands: ChatClient,
    listening: ChatClient,
    pub(super) deadline: Duration,
    /// Ours: with it, registering again is answered as the first time.
    registration: RegistrationId,
    /// What errors are told in that no command caused.
    pub(super) language: Language,
    state: Arc<State>,
}

/// When a call whose connection was lost is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Running twice is as good as once.
    Always,
    /// Only if it certainly did not run.
    IfNotRun,
}

/// What a failure means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer.
    Final,
    /// The server cannot be reached now.
    Unreachable,
    /// The server does not know our session.
    Unknown,
}

impl Calls {
    pub(super) fn new(
        resolve: Arc<dyn Resolve>,
        options: &SessionOptions,
        state: Arc<State>,
    ) -> Result<Calls, ChatError> {
        let registration = RegistrationId::new(random()?);
        let secured = |client: Client| {
            ChatClient::new(options.tls.iter().fold(client, |client, tls| client.with_tls(tls.clone())))
        };
        let commands = secured(Client::resolving(resolve.clone()));
        let limits = Limits { stream_credit: EVENTS_UNDER_WAY, ..Limits::default() };
        let listening = secured(Client::resolving(resolve).with_limits(limits));
        let (deadline, language) = (options.deadline, options.language);
        Ok(Calls { commands, listening, deadline, registration, language, state })
    }

    /// Takes a name. Made again it is answered as the first time, so that a lost answer loses no name.
    pub(super) fn register(&self, time: Duration, username: &str) -> Result<Session, ChatError> {
        self.run_within(time, Repeat::Always, |chat| {
            self.as_registrant(chat).start().register_user(username.to_owned())
        })
    }

    fn as_registrant(&self, chat: &ChatClient) -> ChatClient {
        chat.with_metadata(REGISTRATION_KEY, *self.registration.as_bytes())
    }

    /// Makes a call, waiting for the server until the command's deadline.
    pub(super) fn run<T: DeserializeOwned>(
        &self,
        repeat: Repeat,
        call: impl Fn(&ChatClient) -> Pending<T, ChatError>,
    ) -> Result<T, ChatError> {
        self.run_within(self.deadline, repeat, call)
    }

    /// As [`run`](Calls::run), with a time of its own.
    pub(super) fn run_within<T: DeserializeOwned>(
        &self,
        time: Duration,
        repeat: Repeat,
        call: impl Fn(&ChatClient) -> Pending<T, ChatError>,
    ) -> Result<T, ChatError> {
        self.attempt_within(time, repeat, |chat, until| self.finish(call(chat), until))
    }

    /// Makes attempts, as long as their failures are worth another and the time is not over.
    fn attempt_within<T>(
        &self,
        time: Duration,
        repeat: Repeat,
        attempt: impl Fn(&ChatClient, Instant) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        let until = Instant::now().checked_add(time).ok_or_else(|| self.too_late())?;
        let mut pauses = Pauses::default();
        let mut doubted = false;
        loop {
            let who = self.ready(until)?;
            let left = until.saturating_duration_since(Instant::now());
            let client = authorised(&self.commands, who.as_deref()).with_deadline(left);
            let failure = match attempt(&client, until) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let again = match verdict(&failure, repeat) {
                Verdict::Unreachable => self.pause(&mut pauses, until),
                Verdict::Unknown => !std::mem::replace(&mut doubted, true) && self.doubt(who.as_deref()),
                Verdict::Final => false,
            };
            if !again {
                return Err(failure);
            }
        }
    }

    /// Has the listener make us known again; false if we never were.
    fn doubt(&self, who: Option<&Who>) -> bool {
        who.inspect(|who| self.state.doubt(who.registration)).is_some()
    }

    /// Who we are, once the server knows it too.
    fn ready(&self, until: Instant) -> Result<Option<Arc<Who>>, Status> {
        if self.state.is_stopping() {
            return Err(closed());
        }
        if !self.state.wait_until_known(until) {
            return Err(self.too_late());
        }
        if self.state.has_ended() {
            return Err(chat_ended().not_run());
        }
        Ok(self.state.who())
    }

    fn pause(&self, pauses: &mut Pauses, until: Instant) -> bool {
        let pause = pauses.next();
        Instant::now().checked_add(pause).is_some_and(|then| then < until) && self.state.pause(pause)
    }

    /// Waits for an answer as long as the session lasts.
    fn finish<T: DeserializeOwned>(
        &self,
        mut pending: Pending<T, ChatError>,
        until: Instant,
    ) -> Result<T, ChatError> {
        loop {
            if let Some(answer) = pending.wait_timeout(LOOK_EVERY) {
                return answer;
            }
            if self.state.is_stopping() {
                return Err(closed().into());
            }
            if Instant::now() >= until.checked_add(LOOK_EVERY).unwrap_or(until) {
                return Err(self.too_late().into());
            }
        }
    }

    fn too_late(&self) -> Status {
        Status::deadline_exceeded(self.language.too_late()).not_run()
    }

    /// All rooms, in order of creation, and which of them are private. A server of before does not say that.
    pub(super) fn rooms(&self) -> Result<Vec<(RoomSummary, Option<bool>)>, ChatError> {
        self.attempt_within(self.deadline, Repeat::Always, |chat, until| {
            let described = match self.finish(chat.start().describe_rooms(), until) {
                Err(ChatError::Status(lacking))
                    if matches!(lacking.code(), Code::NotFound | Code::Unimplemented) =>
                {
                    let rooms = self.finish(chat.start().list_rooms(), until)?;
                    return Ok(rooms.into_iter().map(|room| (room, None)).collect());
                }
                described => described?,
            };
            let told = |RoomDescription { name, users, limit, private }| {
                (RoomSummary { name, users, limit }, Some(private))
            };
            Ok(described.into_iter().map(told).collect())
        })
    }

    /// What happens in a room of ours from `after` on, without an end.
    pub(super) fn events(&self, who: &Who, room: &RoomName, after: Mark) -> Result<Stream<News>, ChatError> {
        let client = authorised(&self.listening, Some(who));
        client.events(who.username.to_string(), room.to_string(), Some(after))
    }

    /// Says on the listener's connection that we are there; answers at once.
    pub(super) fn heartbeat(&self, who: &Who) -> Result<(), ChatError> {
        self.ask(Some(who), |chat| chat.start().heartbeat(who.username.to_string()))
    }

    /// Registers our name as the one who has it, or else anew.
    pub(super) fn register_again(&self, who: &Who) -> Result<Session, ChatError> {
        self.ask(Some(who), |chat| self.as_registrant(chat).start().register_user(who.username.to_string()))
    }

    /// Enters a room that we were in. One that is gone is made again: a server without memory has forgotten them all.
    pub(super) fn enter_again(
        &self,
        who: &Who,
        room: &RoomName,
        (limit, password): (Option<u32>, Option<&RoomPassword>),
    ) -> Result<Joined, ChatError> {
        let enter = || {
            self.ask(Some(who), |chat| {
                showing(chat, password).start().join_room(who.username.to_string(), room.to_string())
            })
        };
        match enter() {
            Err(ChatError::NoSuchRoom { .. }) => {}
            answer => return answer,
        }
        let made = self.ask(Some(who), |chat| match (password, limit) {
            (Some(password), _) => {
                chat.start().create_private_room(room.to_string(), password.secret().to_owned(), limit)
            }
            (None, None) => chat.start().create_room(room.to_string()),
            (None, Some(limit)) => chat.start().create_room_with_limit(room.to_string(), limit),
        });
        match made {
            Ok(()) | Err(ChatError::RoomExists { .. }) => enter(),
            Err(error) => Err(error),
        }
    }

    /// One attempt of the listener's.
    fn ask<T: DeserializeOwned>(
        &self,
        who: Option<&Who>,
        call: impl Fn(&ChatClient) -> Pending<T, ChatError>,
    ) -> Result<T, ChatError> {
        let client = authorised(&self.listening, who).with_deadline(TRAVEL_TIME);
        self.finish(call(&client), Instant::now() + TRAVEL_TIME)
    }

    /// The place behind the last event of a room that the server has for us.
    pub(super) fn newest(&self, room: &RoomName, known: Mark, time: Duration) -> Result<Mark, ChatError> {
        let mut newest = known;
        loop {
            let received = self.run_within(time, Repeat::Always, |chat| {
                let username = self.state.who().map(|who| who.username.to_string()).unwrap_or_default();
                let chat = chat.with_metadata(AFTER_KEY, newest.encode());
                chat.start().receive_messages(username, room.to_string())
            })?;
            newest.incarnation = received.mark.incarnation;
            newest.seq = received.events.last().map_or(newest.seq, |event| event.seq);
            if !received.more {
                return Ok(newest);
            }
        }
    }

    /// Frees our name. One attempt: the server frees it by itself later.
    pub(super) fn farewell(&self) -> Result<(), ChatError> {
        let Some(who) = self.state.who().filter(|_| !self.state.has_ended()) else { return Ok(()) };
        let client = authorised(&self.commands, Some(&who)).with_deadline(FAREWELL_TIME);
        client.unregister_user(who.username.to_string())
    }
}

fn authorised(client: &ChatClient, who: Option<&Who>) -> ChatClient {
    match who {
        Some(who) => client.with_metadata(SESSION_KEY, *who.token.as_bytes()),
        None => client.clone(),
    }
}

/// A client that shows a password, an empty one if it has none: so a server knows that it could.
pub(super) fn showing(client: &ChatClient, password: Option<&RoomPassword>) -> ChatClient {
    client.with_metadata(PASSWORD_KEY, password.map_or("", RoomPassword::secret))
}

/// What to do about a failure.
pub(super) fn verdict(failure: &ChatError, repeat: Repeat) -> Verdict {
    let status = match failure {
        ChatError::NotRegistered { .. } => return Verdict::Unknown,
        ChatError::Status(status) => status,
        _ => return Verdict::Final,
    };
    let safe = repeat == Repeat::Always || !status.may_have_run();
    match status.code() {
        Code::Unauthenticated => Verdict::Unknown,
        Code::Unavailable if safe => Verdict::Unreachable,
        Code::NotFound | Code::ResourceExhausted | Code::Unimplemented if !status.may_have_run() => {
            Verdict::Unreachable
        }
        _ => Verdict::Final,
    }
}

/// A fresh id for one message.
pub(super) fn message_id() -> Result<MessageId, ChatError> {
    Ok(MessageId::new(random()?))
}

fn random() -> Result<[u8; 16], Status> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)
        .map_err(|error| Status::unavailable(format!("no random numbers: {error}")).not_run())?;
    Ok(bits)
}

fn closed() -> Status {
    Status::cancelled("the session was closed").not_run()
}

/// How often a command that waits looks whether the session goes on.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// An answer that needs no waiting is here within this, or the connection is dead.
const TRAVEL_TIME: Duration = Duration::from_secs(5);
/// Programs end within 5 s.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_is_repeated() {
        let lost = ChatError::from(Status::unavailable("lost"));
        let refused = ChatError::from(Status::unavailable("refused").not_run());
        let nobody = ChatError::from(Status::not_found("nobody serves it").not_run());
        assert_eq!(verdict(&lost, Repeat::Always), Verdict::Unreachable);
        assert_eq!(verdict(&lost, Repeat::IfNotRun), Verdict::Final);
        assert_eq!(verdict(&refused, Repeat::IfNotRun), Verdict::Unreachable);
        assert_eq!(verdict(&nobody, Repeat::IfNotRun), Verdict::Unreachable);
        assert_eq!(verdict(&ChatError::EmptyMessage, Repeat::Always), Verdict::Final);
        let unknown = ChatError::from(Status::unauthenticated("who are you"));
        assert_eq!(verdict(&unknown, Repeat::IfNotRun), Verdict::Unknown);
    }
}
