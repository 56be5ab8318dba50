//! What the Tab key offers.
//!
//! Pure: the line, the cursor and what is known of rooms and people go in, candidates come out.

use std::collections::VecDeque;

use crate::command::{self, Dialect};
use crate::event::ChatEvent;
use crate::sanitise;

/// The rooms and people seen so far, the latest first.
#[derive(Clone, Debug, Default)]
pub struct Known {
    rooms: VecDeque<String>,
    people: VecDeque<String>,
}

/// What may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The byte at which the word to be replaced begins.
    pub start: usize,
    /// The words, whole, each as it would be typed.
    pub words: Vec<String>,
}

impl Known {
    /// Learns the names that an event tells.
    pub fn observe(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::RoomCreated { room } => remember(&mut self.rooms, room),
            ChatEvent::Rooms { rooms } => rooms.iter().for_each(|room| remember(&mut self.rooms, &room.name)),
            ChatEvent::Joined { room, users, .. } | ChatEvent::Users { room, users } => {
                remember(&mut self.rooms, room);
                users.iter().for_each(|user| remember(&mut self.people, user));
            }
            ChatEvent::Message(message) => remember(&mut self.people, &message.from),
            ChatEvent::Notice(notice) => {
                notice.username.iter().for_each(|user| remember(&mut self.people, user));
            }
            _ => {}
        }
    }

    /// What may stand at `cursor`, a byte position in `line`.
    #[must_use]
    pub fn candidates(&self, line: &str, cursor: usize) -> Candidates {
        let typed = line.get(..cursor).unwrap_or(line);
        let Some(slashed) = typed.strip_prefix('/') else { return self.in_text(typed) };
        let Some((word, arguments)) = slashed.split_once(' ') else {
            return Candidates { start: 0, words: commands(slashed) };
        };
        let words = match word.to_lowercase().as_str() {
            "join" | "entrar" | "users" | "participantes" => {
                matching(&self.rooms, arguments).cloned().collect()
            }
            "msg" => matching(&self.people, arguments).map(|name| format!("{} ", quoted(name))).collect(),
            _ => Vec::new(),
        };
        Candidates { start: typed.len().saturating_sub(arguments.len()), words }
    }

    /// In text, a word that has begun may be somebody's name.
    fn in_text(&self, typed: &str) -> Candidates {
        let partial = typed.rsplit(' ').next().unwrap_or_default();
        let offered = if partial.is_empty() { None } else { Some(matching(&self.people, partial)) };
        Candidates {
            start: typed.len().saturating_sub(partial.len()),
            words: offered.into_iter().flatten().map(|name| format!("{name} ")).collect(),
        }
    }
}

fn commands(partial: &str) -> Vec<String> {
    let partial = partial.to_lowercase();
    command::vocabulary(Dialect::Terminal)
        .filter(|word| word.starts_with(&partial))
        .map(|word| format!("/{word} "))
        .collect()
}

fn matching<'a>(names: &'a VecDeque<String>, partial: &str) -> impl Iterator<Item = &'a String> {
    let partial = partial.strip_prefix('"').unwrap_or(partial).to_lowercase();
    names.iter().filter(move |name| name.to_lowercase().starts_with(&partial))
}

/// A name as `/msg` reads it.
fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) || name.starts_with('"') {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    name.to_owned()
}

/// Moves a name to the front. A name that cannot be shown as it is cannot be offered either.
fn remember(names: &mut VecDeque<String>, name: &str) {
    if sanitise::one_line(name) != name {
        return;
    }
    names.retain(|known| known != name);
    names.push_front(name.to_owned());
    names.truncate(MOST_NAMES);
}

/// More than anybody looks through; the oldest are forgotten.
const MOST_NAMES: usize = 500;

#[cfg(test)]
mod tests;
