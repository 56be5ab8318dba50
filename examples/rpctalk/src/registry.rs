//! Who is registered: the room without sockets, threads or locks. A display is known here by a `D`, whatever that is.

use thiserror::Error;

use crate::contract::{EVERYONE, Kind, Program};

/// The programs of one room, in the order in which they registered. An id may be taken once by each kind.
#[derive(Debug)]
pub struct Registry<D> {
    entries: Vec<Entry<D>>,
    closed: bool,
}

#[derive(Debug)]
enum Entry<D> {
    Sender(String),
    Display(String, D),
}

/// Programs of one room: 1,000. Each display may cost the room a connection, and each id 64 KiB.
pub const PROGRAMS: usize = 1000;

/// Why a program is not registered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// A program of the same kind has the id.
    #[error("the id is taken")]
    Taken,
    /// There are [`PROGRAMS`].
    #[error("the room has {PROGRAMS} programs, and no place for another")]
    Full,
    /// The displays are being ended; one more would never be.
    #[error("the room is ending")]
    Closed,
}

impl<D> Default for Registry<D> {
    fn default() -> Registry<D> {
        Registry { entries: Vec::new(), closed: false }
    }
}

impl<D: Clone> Registry<D> {
    /// Registers a sender: how many senders there are now.
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn add_sender(&mut self, id: &str) -> Result<usize, Refused> {
        self.add(Kind::Sender, Entry::Sender(id.to_owned()))
    }

    /// Registers a display: how many displays there are now.
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn add_display(&mut self, id: &str, display: D) -> Result<usize, Refused> {
        self.add(Kind::Display, Entry::Display(id.to_owned(), display))
    }

    fn add(&mut self, kind: Kind, entry: Entry<D>) -> Result<usize, Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        if self.position(kind, entry.id()).is_some() {
            return Err(Refused::Taken);
        }
        if self.entries.len() >= PROGRAMS {
            return Err(Refused::Full);
        }
        self.entries.push(entry);
        Ok(self.entries.iter().filter(|entry| entry.kind() == kind).count())
    }

    /// All programs.
    pub fn list(&self) -> Vec<Program> {
        let program = |entry: &Entry<D>| Program { kind: entry.kind(), id: entry.id().to_owned() };
        self.entries.iter().map(program).collect()
    }

    /// The displays that a message for `destination` goes to.
    pub fn displays(&self, destination: &str) -> Vec<D> {
        let wanted = |id: &str| destination == EVERYONE || destination == id;
        let displays = self.entries.iter().filter_map(Entry::display);
        displays.filter(|(id, _)| wanted(id)).map(|(_, display)| display.clone()).collect()
    }

    /// Forgets a sender and the display of the same id, if there is one. An id that is no sender's changes nothing.
    pub fn finish(&mut self, id: &str) -> Option<D> {
        let sender = self.position(Kind::Sender, id)?;
        self.entries.remove(sender);
        let display = self.position(Kind::Display, id)?;
        match self.entries.remove(display) {
            Entry::Display(_, display) => Some(display),
            Entry::Sender(_) => None,
        }
    }

    /// Registers nobody from now on: the displays that there are.
    pub fn close(&mut self) -> Vec<D> {
        self.closed = true;
        self.displays(EVERYONE)
    }

    fn position(&self, kind: Kind, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.kind() == kind && entry.id() == id)
    }
}

impl<D> Entry<D> {
    fn kind(&self) -> Kind {
        match self {
            Entry::Sender(_) => Kind::Sender,
            Entry::Display(..) => Kind::Display,
        }
    }

    fn id(&self) -> &str {
        match self {
            Entry::Sender(id) | Entry::Display(id, _) => id,
        }
    }

    fn display(&self) -> Option<(&str, &D)> {
        match self {
            Entry::Sender(_) => None,
            Entry::Display(id, display) => Some((id, display)),
        }
    }
}

#[cfg(test)]
mod tests;
