//! What a typed line means.
//!
//! Pure: a line and the dialect it was typed in go in, a [`Command`] or the reason why it is none comes out.
//! A line that begins with a slash is never sent as text, whatever follows the slash.

mod words;

use std::time::Duration;

use chat_api::Language;
use words::Words;

/// One line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Text without a slash: a public message to the current room.
    Say(String),
    /// `/create ROOM [LIMIT]`
    Create {
        /// The new room's name, as typed.
        room: String,
        /// The most users that may be in it at once.
        limit: Option<u32>,
    },
    /// `/private ROOM [LIMIT]`: as `/create`, with a password.
    CreatePrivate {
        /// The new room's name, as typed.
        room: String,
        /// The most users that may be in it at once.
        limit: Option<u32>,
    },
    /// `/join ROOM`
    Join {
        /// The room's name, as typed.
        room: String,
    },
    /// `/leave`: the current room.
    Leave,
    /// `/rooms`
    Rooms,
    /// `/users [ROOM]`
    Users {
        /// The room asked about; the current one if none is named.
        room: Option<String>,
    },
    /// `/msg USER TEXT`: a private message to somebody in the current room.
    Private {
        /// The recipient's name, as typed.
        to: String,
        /// The text.
        text: String,
    },
    /// `/history`: the last messages of the current room.
    History,
    /// `/me`: who one is, and where.
    Me,
    /// `/help`
    Help,
    /// `/quit`
    Quit,
    /// `/sleep 1s`, in scripts only.
    Sleep(Duration),
}

impl Command {
    /// Whether it is the server that does it.
    #[must_use]
    pub fn needs_the_server(&self) -> bool {
        !matches!(self, Self::Me | Self::Help | Self::Quit | Self::Sleep(_))
    }
}

/// Where a line was typed; scripts know `/sleep`, terminals do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// By a person, into the line editor.
    Terminal,
    /// Read from a pipe or a file.
    Script,
}

/// Why a line is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The word after the slash is not known.
    #[error("{}", Language::English.no_command(word))]
    Unknown {
        /// The word, without its slash.
        word: String,
    },
    /// The word is known, what follows it does not fit.
    #[error("{}", usage.told_in(Language::English))]
    Usage {
        /// How the command is written.
        usage: Usage,
    },
    /// `/msg USER` without a text.
    #[error("{}", Language::English.message_is_empty())]
    EmptyMessage,
}

/// How a command is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage(Verb);

impl CommandError {
    /// The error code that the JSON output gives this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::Usage { .. } => "unknown_command",
            Self::EmptyMessage => "empty_message",
        }
    }

    /// The sentence for people.
    #[must_use]
    pub fn told_in(&self, language: Language) -> String {
        match self {
            Self::Unknown { word } => language.no_command(word),
            Self::Usage { usage } => usage.told_in(language),
            Self::EmptyMessage => language.message_is_empty(),
        }
    }
}

/// Understands one line; `None` is a line with nothing on it.
///
/// A name is one word, or stands between double quotes (`"sala de aula"`; `\"` and `\\` inside). Where a room is the only
/// argument (`/join`, `/users`) the quotes may be left out: the name is the rest of the line.
///
/// # Errors
/// [`CommandError`] when the line begins with a slash and is not a command as `/help` shows it.
pub fn parse(line: &str, dialect: Dialect) -> Result<Option<Command>, CommandError> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.trim().is_empty() {
        return Ok(None);
    }
    let Some(slashed) = line.trim_start().strip_prefix('/') else {
        return Ok(Some(Command::Say(line.to_owned())));
    };
    let (word, arguments) = slashed.split_once(char::is_whitespace).unwrap_or((slashed, ""));
    match verb(word, dialect) {
        Some(verb) => verb.read(Words::new(arguments)).map(Some),
        None => Err(CommandError::Unknown { word: word.to_owned() }),
    }
}

/// Every word that may follow a slash in `dialect`, the English ones first.
pub fn vocabulary(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let scripted = (dialect == Dialect::Script).then_some(SLEEP.0);
    VERBS.iter().map(|(word, _)| *word).chain(scripted)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Create,
    CreatePrivate,
    Join,
    Leave,
    Rooms,
    Users,
    Private,
    History,
    Me,
    Help,
    Quit,
    Sleep,
}

impl Verb {
    fn read(self, words: Words<'_>) -> Result<Command, CommandError> {
        self.read_arguments(words)?.ok_or(CommandError::Usage { usage: Usage(self) })
    }

    fn read_arguments(self, mut words: Words<'_>) -> Result<Option<Command>, CommandError> {
        Ok(match self {
            Self::Create => read_create(words).map(|(room, limit)| Command::Create { room, limit }),
            Self::CreatePrivate => {
                read_create(words).map(|(room, limit)| Command::CreatePrivate { room, limit })
            }
            Self::Join => words.rest_as_name().map(|room| Command::Join { room }),
            Self::Users if words.is_empty() => Some(Command::Users { room: None }),
            Self::Users => words.rest_as_name().map(|room| Command::Users { room: Some(room) }),
            Self::Private => match words.name() {
                Some(_) if words.is_empty() => return Err(CommandError::EmptyMessage),
                Some(to) => Some(Command::Private { to, text: words.rest().to_owned() }),
                None => None,
            },
            Self::Sleep => humantime::parse_duration(words.rest()).ok().map(Command::Sleep),
            alone => words.is_empty().then_some(alone.alone()).flatten(),
        })
    }

    fn alone(self) -> Option<Command> {
        match self {
            Self::Leave => Some(Command::Leave),
            Self::Rooms => Some(Command::Rooms),
            Self::History => Some(Command::History),
            Self::Me => Some(Command::Me),
            Self::Help => Some(Command::Help),
            Self::Quit => Some(Command::Quit),
            Self::Create | Self::CreatePrivate | Self::Join | Self::Users | Self::Private | Self::Sleep => {
                None
            }
        }
    }
}

impl Usage {
    fn told_in(self, language: Language) -> String {
        language.usage(match self.0 {
            Verb::Create => language.usage_of_create(),
            Verb::CreatePrivate => language.usage_of_private(),
            Verb::Join => language.usage_of_join(),
            Verb::Leave => language.usage_of_leave(),
            Verb::Rooms => language.usage_of_rooms(),
            Verb::Users => language.usage_of_users(),
            Verb::Private => language.usage_of_msg(),
            Verb::History => language.usage_of_history(),
            Verb::Me => language.usage_of_me(),
            Verb::Help => language.usage_of_help(),
            Verb::Quit => language.usage_of_quit(),
            Verb::Sleep => language.usage_of_sleep(),
        })
    }
}

fn read_create(mut words: Words<'_>) -> Option<(String, Option<u32>)> {
    let room = words.name()?;
    if words.is_empty() {
        return Some((room, None));
    }
    let limit = words.rest().parse().ok()?;
    Some((room, Some(limit)))
}

fn verb(word: &str, dialect: Dialect) -> Option<Verb> {
    let word = word.to_lowercase();
    let scripted = (dialect == Dialect::Script).then_some(&SLEEP);
    VERBS.iter().chain(scripted).find(|(known, _)| *known == word).map(|(_, verb)| *verb)
}

const VERBS: [(&str, Verb); 18] = [
    ("create", Verb::Create),
    ("private", Verb::CreatePrivate),
    ("join", Verb::Join),
    ("leave", Verb::Leave),
    ("rooms", Verb::Rooms),
    ("users", Verb::Users),
    ("msg", Verb::Private),
    ("history", Verb::History),
    ("me", Verb::Me),
    ("help", Verb::Help),
    ("quit", Verb::Quit),
    ("criar", Verb::Create),
    ("privada", Verb::CreatePrivate),
    ("entrar", Verb::Join),
    ("sair", Verb::Leave),
    ("ajuda", Verb::Help),
    ("listar", Verb::Rooms),
    ("participantes", Verb::Users),
];

const SLEEP: (&str, Verb) = ("sleep", Verb::Sleep);

/// What `/help` says, with the commands that this dialect has.
#[must_use]
pub fn help(dialect: Dialect, language: Language) -> String {
    let only_scripts = match dialect {
        Dialect::Script => language.help_of_sleep(),
        Dialect::Terminal => String::new(),
    };
    format!("{}{only_scripts}\n{}", language.help_of_commands(), language.help_of_names())
}

#[cfg(test)]
mod tests;
