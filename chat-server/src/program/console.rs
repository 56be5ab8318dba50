//! The operators' console: a menu, a command, what it brings, and the menu again.
//!
//! What it says is the catalogue's, and what it does is [`Admin`], the same as from elsewhere. A command may be written in
//! either language, with capitals or without.

mod desk;
mod keyboard;

use std::sync::Arc;

use chat_api::sanitise;
use chat_api::{Admin, ChatError, Language, RoomChoice, RoomName};

pub(super) use desk::{Attended, Desk};
pub(super) use keyboard::Keyboard;

/// A conversation with an operator.
pub(super) struct Console<K> {
    admin: Arc<dyn Admin>,
    keyboard: K,
    language: Language,
}

/// How a conversation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The chat is to end, for good.
    Quit,
    /// Ctrl-C was pressed.
    Interrupted,
    /// A script is over; the program goes on.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Create,
    List,
    Users,
    Close,
    Quit,
    Logs,
    Kick,
    Broadcast,
}

impl<K: Keyboard> Console<K> {
    pub(super) fn new(admin: Arc<dyn Admin>, keyboard: K, language: Language) -> Console<K> {
        Console { admin, keyboard, language }
    }

    /// Takes commands until one of them ends it.
    pub(super) fn run(mut self) -> Ending {
        loop {
            if let Err(ending) = self.turn() {
                if ending == Ending::Quit {
                    self.say(&self.language.ending());
                }
                return ending;
            }
        }
    }

    fn turn(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.say(&language.console_menu());
        let typed = self.ask(&language.console_prompt())?;
        match Command::read(&typed) {
            Some(Command::Create) => self.create(),
            Some(Command::List) => self.list().and_then(|()| self.pause()),
            Some(Command::Users) => self.users(),
            Some(Command::Close) => self.close(),
            Some(Command::Quit) => Err(Ending::Quit),
            Some(Command::Logs) => self.logs(),
            Some(Command::Kick) => self.kick(),
            Some(Command::Broadcast) => self.broadcast(),
            None => {
                self.say(&language.wrong_command());
                Ok(())
            }
        }
    }

    fn create(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.say(&language.creating_room());
        loop {
            let name = self.ask(&language.ask_room_name())?;
            let limit = self.ask(&language.ask_room_limit())?;
            let Ok(limit) = limit.trim().parse() else {
                self.say(&language.wrong_entries());
                continue;
            };
            match self.admin.create_room(name.clone(), Some(limit), None) {
                Ok(()) => {
                    self.say(&language.room_made(name.trim()));
                    return Ok(());
                }
                Err(ChatError::Status(status)) => return self.refuse(&status.into()),
                Err(_) => self.say(&language.wrong_entries()),
            }
        }
    }

    fn list(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.say(&language.rooms_heading());
        match self.admin.list_rooms() {
            Ok(rooms) => rooms.iter().for_each(|room| self.say(&super::admin::room_line(language, room))),
            Err(error) => return self.refuse(&error),
        }
        Ok(())
    }

    fn users(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.list()?;
        loop {
            let typed = self.ask(&language.ask_room_of_users())?;
            if typed.trim().is_empty() {
                return Ok(());
            }
            let Ok(users) = self.admin.list_users(RoomChoice::Name(typed.clone())) else {
                self.say(&language.no_room_of_users());
                continue;
            };
            let shown = RoomName::parse(&typed).map_or(typed, String::from);
            self.say(&language.users_heading(shown));
            for (place, user) in (1..).zip(&users) {
                self.say(&language.user_of_list(place, user));
            }
            return self.pause();
        }
    }

    fn close(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.list()?;
        let number = self.ask(&language.ask_room_to_close())?;
        let closed =
            number.trim().parse().map(|number| self.admin.close_room(RoomChoice::Number(number), None));
        match closed {
            Ok(Ok(_)) => self.say(&language.room_closed()),
            Ok(Err(_)) | Err(_) => self.say(&language.no_room_to_close()),
        }
        Ok(())
    }

    fn logs(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.say(&language.log_heading());
        let mut after = 0;
        loop {
            let page = match self.admin.logs(after) {
                Ok(page) => page,
                Err(error) => return self.refuse(&error),
            };
            if page.missed > 0 {
                self.say(&language.log_missed(page.missed));
            }
            for logged in &page.entries {
                let entry = sanitise::one_line(&language.log_entry(&logged.entry));
                self.say(&language.log_line(entry));
                after = logged.number;
            }
            if !page.more {
                return self.pause();
            }
        }
    }

    fn kick(&mut self) -> Result<(), Ending> {
        let language = self.language;
        self.list()?;
        let room = self.ask(&language.ask_room_name())?;
        let user = self.ask(&language.ask_user_to_kick())?;
        let reason = Some(self.ask(&language.ask_reason())?).filter(|reason| !reason.trim().is_empty());
        match self.admin.kick(RoomChoice::Name(room), user.clone(), reason) {
            Ok(()) => self.say(&language.user_kicked(user.trim())),
            Err(error) => return self.refuse(&error),
        }
        Ok(())
    }

    fn broadcast(&mut self) -> Result<(), Ending> {
        let text = self.ask(&self.language.ask_broadcast())?;
        match self.admin.broadcast(None, text) {
            Ok(rooms) => self.say(&self.language.rooms_told(rooms)),
            Err(error) => return self.refuse(&error),
        }
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Ending> {
        self.ask(&self.language.press_enter()).map(drop)
    }

    fn refuse(&mut self, error: &ChatError) -> Result<(), Ending> {
        self.say(&sanitise::one_line(&self.language.refusal(error)));
        Ok(())
    }

    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        self.keyboard.ask(question)
    }

    fn say(&mut self, text: &str) {
        self.keyboard.say(text);
    }
}

impl Command {
    fn read(typed: &str) -> Option<Command> {
        let typed = typed.trim().to_lowercase();
        let word = typed.strip_prefix('/')?;
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, command)| *command)
    }
}

const WORDS: [(&str, Command); 15] = [
    ("criar", Command::Create),
    ("create", Command::Create),
    ("listar", Command::List),
    ("list", Command::List),
    ("participantes", Command::Users),
    ("users", Command::Users),
    ("encerrar", Command::Close),
    ("close", Command::Close),
    ("sair", Command::Quit),
    ("quit", Command::Quit),
    ("logs", Command::Logs),
    ("expulsar", Command::Kick),
    ("kick", Command::Kick),
    ("avisar", Command::Broadcast),
    ("broadcast", Command::Broadcast),
];

#[cfg(test)]
mod tests;
