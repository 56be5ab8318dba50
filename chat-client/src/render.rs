//! Events as lines for people.
//!
//! Pure but for what it remembers: our name, our rooms, the day last shown. Every text of others goes through
//! [`crate::sanitise`], and every line begins with something of ours (a time, `*`, or the gutter of a continued line), at any
//! width: nobody can write a line that looks like somebody else's.

mod layout;
mod paint;

use chat_api::Language;
use chrono::{NaiveDate, TimeZone};

pub use layout::Width;
pub use paint::Paint;

use crate::event::{ChatEvent, ConnectionState, Message, MessageKind, Notice, NoticeKind, RoomLine, SentAt};
use crate::sanitise;
use layout::Layout;

/// Turns events into lines, each with its line end.
#[derive(Debug)]
pub struct Renderer<Z: TimeZone> {
    zone: Z,
    paint: Paint,
    screen: Screen,
    language: Language,
    us: Option<String>,
    /// The rooms that we are in; the last one is current and needs no mention.
    rooms: Vec<String>,
    day: Option<NaiveDate>,
}

/// What the lines are read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A terminal with an input line: what is typed stands there already and is not shown again, and days are marked.
    Conversation,
    /// A log: every event is a line.
    Log,
}

impl<Z: TimeZone> Renderer<Z> {
    /// A renderer that has seen nothing yet and tells times in `zone`.
    pub fn new(zone: Z, paint: Paint, screen: Screen) -> Self {
        let language = Language::English;
        Self { zone, paint, screen, language, us: None, rooms: Vec::new(), day: None }
    }

    /// The same, telling in another language than English.
    #[must_use]
    pub fn in_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// The lines that tell `event` on a screen so wide; empty if there is nothing to tell.
    pub fn render(&mut self, event: &ChatEvent, width: Width) -> String {
        let mut lines = String::new();
        self.follow(event);
        match event {
            ChatEvent::Registered { username } => {
                let told = match self.screen {
                    Screen::Conversation => self.language.you_are_with_hint(name_shown(username)),
                    Screen::Log => self.language.you_are(name_shown(username)),
                };
                self.starred(&mut lines, width, &told);
            }
            ChatEvent::Joined { room, users, history } => {
                self.joined(&mut lines, width, room, users, history);
            }
            ChatEvent::Message(message) if self.is_typed_here(message) => {}
            ChatEvent::Message(message) => self.message(&mut lines, width, message),
            ChatEvent::Notice(notice) => self.notice(&mut lines, width, notice),
            ChatEvent::Sent { .. } if self.screen == Screen::Conversation => {}
            ChatEvent::History { room, messages } => self.history(&mut lines, width, room, messages),
            ChatEvent::Help { text } => {
                let layout = Layout { first: "", gutter: "  ", width };
                text.lines().for_each(|line| layout.push(&mut lines, &[line.to_owned()], str::to_owned));
            }
            ChatEvent::Error { message, .. } => {
                let layout = Layout { first: "! ", gutter: "  ", width };
                layout.push(&mut lines, &[sanitise::one_line(message)], |line| self.paint.alarm(line));
            }
            told => self.starred(&mut lines, width, &sentence(self.language, told)),
        }
        lines
    }

    /// Keeps what later lines depend on: who we are, and where.
    fn follow(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Registered { username } => self.us = Some(username.clone()),
            ChatEvent::Joined { room, .. } => {
                self.rooms.retain(|ours| ours != room);
                self.rooms.push(room.clone());
            }
            ChatEvent::Left { room } | ChatEvent::Notice(Notice { room, kind: NoticeKind::Closed, .. }) => {
                self.rooms.retain(|ours| ours != room);
            }
            _ => {}
        }
    }

    /// A sentence of the client's own, as a dimmed line.
    fn starred(&self, lines: &mut String, width: Width, sentence: &str) {
        let layout = Layout { first: "* ", gutter: "  ", width };
        layout.push(lines, &[sentence.to_owned()], |line| self.paint.dim(line));
    }

    fn joined(
        &mut self,
        lines: &mut String,
        width: Width,
        room: &str,
        users: &[String],
        history: &[Message],
    ) {
        let told = self.language.in_room(name_shown(room), names(users));
        self.starred(lines, width, &told);
        if self.screen == Screen::Conversation {
            self.starred(lines, width, &self.language.how_to_leave());
        }
        history.iter().for_each(|message| self.message(lines, width, message));
    }

    fn history(&mut self, lines: &mut String, width: Width, room: &str, messages: &[Message]) {
        let told = match messages.len() {
            0 => self.language.nothing_said(name_shown(room)),
            1 => self.language.last_message(name_shown(room)),
            count => self.language.last_messages(count, name_shown(room)),
        };
        self.starred(lines, width, &told);
        messages.iter().for_each(|message| self.message(lines, width, message));
    }

    /// Our own public message, in a conversation, is the line that was typed.
    fn is_typed_here(&self, message: &Message) -> bool {
        self.screen == Screen::Conversation
            && message.kind == MessageKind::Broadcast
            && self.us.as_ref() == Some(&message.from)
    }

    fn message(&mut self, lines: &mut String, width: Width, message: &Message) {
        self.mark_day(lines, message.sent_at);
        let time = self.time(message.sent_at);
        let from = self.name(&message.from);
        let speaker = match message.kind {
            MessageKind::Broadcast => from,
            MessageKind::Unicast => {
                let to = self.name(message.to.as_deref().unwrap_or_default());
                let mark = self.paint.private(&self.language.private_mark());
                format!("{mark} {}", self.language.from_to(from, to))
            }
        };
        let first = format!("{time} {}{speaker}: ", self.elsewhere(&message.room));
        let gutter = self.paint.dim(GUTTER);
        let layout = Layout { first: &first, gutter: &gutter, width };
        layout.push(lines, &sanitise::lines(&message.body), str::to_owned);
    }

    fn notice(&mut self, lines: &mut String, width: Width, notice: &Notice) {
        self.mark_day(lines, notice.sent_at);
        let who = notice.username.as_deref().map_or_else(|| self.language.somebody(), name_shown);
        let room = name_shown(&notice.room);
        let told = match notice.kind {
            NoticeKind::Joined => self.language.somebody_came(who, room),
            NoticeKind::Left => self.language.somebody_went(who, room),
            NoticeKind::Closed => self.language.room_is_closed(room),
        };
        let first = format!("{} * ", self.time(notice.sent_at));
        let layout = Layout { first: &first, gutter: GUTTER, width };
        layout.push(lines, &[told], |line| self.paint.dim(line));
    }

    /// The room's name, unless it is the current one.
    fn elsewhere(&self, room: &str) -> String {
        if self.rooms.last().is_some_and(|current| current == room) {
            return String::new();
        }
        format!("{} ", self.paint.dim(&format!("[{}]", name_shown(room))))
    }

    fn name(&self, name: &str) -> String {
        let shown = name_shown(name);
        if self.us.as_deref() == Some(name) { self.paint.ours(&shown) } else { self.paint.name(&shown) }
    }

    fn time(&self, sent_at: SentAt) -> String {
        let local = sent_at.on(&self.zone).naive_local();
        self.paint.dim(&local.format("%H:%M").to_string())
    }

    fn mark_day(&mut self, lines: &mut String, sent_at: SentAt) {
        let day = sent_at.on(&self.zone).naive_local().date();
        if self.screen == Screen::Conversation && self.day != Some(day) {
            self.day = Some(day);
            layout::push_line(lines, &self.paint.dim(&format!("--- {} ---", day.format("%Y-%m-%d"))));
        }
    }
}

/// The events that are one sentence.
fn sentence(language: Language, event: &ChatEvent) -> String {
    match event {
        ChatEvent::RoomCreated { room } => language.room_was_created(name_shown(room)),
        ChatEvent::Sent { room, seq } => language.number_of_sent(name_shown(room), seq),
        ChatEvent::Rooms { rooms } if rooms.is_empty() => language.no_rooms(),
        ChatEvent::Rooms { rooms } => {
            let rooms: Vec<String> = rooms.iter().map(|room| room_line(language, room)).collect();
            language.all_rooms(rooms.join(", "))
        }
        ChatEvent::Users { room, users } => language.in_room(name_shown(room), names(users)),
        ChatEvent::Left { room } => language.you_left(name_shown(room)),
        ChatEvent::Gap { room } => language.may_be_missing(name_shown(room)),
        ChatEvent::Connection { state: ConnectionState::Lost } => language.connection_lost(),
        ChatEvent::Connection { state: ConnectionState::Restored } => language.connection_restored(),
        ChatEvent::Connection { state: ConnectionState::Ended } => language.chat_was_ended(),
        ChatEvent::Me { username, rooms, .. } if rooms.is_empty() => {
            language.you_are_nowhere(name_shown(username))
        }
        ChatEvent::Me { username, rooms, .. } => language.you_are_in(name_shown(username), names(rooms)),
        ChatEvent::Registered { .. }
        | ChatEvent::Joined { .. }
        | ChatEvent::Message(_)
        | ChatEvent::Notice(_)
        | ChatEvent::History { .. }
        | ChatEvent::Error { .. }
        | ChatEvent::Help { .. } => String::new(),
    }
}

fn room_line(language: Language, room: &RoomLine) -> String {
    let name = name_shown(&room.name);
    let limit = room.limit.map(|limit| format!("/{limit}")).unwrap_or_default();
    let private = room.private.unwrap_or_default().then(|| format!(", {}", language.private_room()));
    format!("{name} ({}{limit}{})", room.users, private.unwrap_or_default())
}

/// A name among our own words: in quotes if it holds what those words are held together with.
fn name_shown(name: &str) -> String {
    let safe = sanitise::one_line(name);
    if safe.contains(PUNCTUATION) { format!("\"{safe}\"") } else { safe }
}

fn names(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| name_shown(name)).collect();
    names.join(", ")
}

const PUNCTUATION: [char; 12] = [':', ',', '"', '*', '!', '┆', '(', ')', '[', ']', '<', '>'];

/// Begins every line of a message but its first; a first line begins with a digit of its time.
const GUTTER: &str = "      ┆ ";

#[cfg(test)]
mod tests;
