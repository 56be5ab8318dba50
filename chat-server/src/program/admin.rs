//! `chat-server admin`: what the console does, from elsewhere and by script.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use binder::{Binders, DEFAULT_ADDRESS, Resolver, ResolverOptions, Token, TokenFileError};
use chat_api::sanitise;
use chat_api::{
    ADMIN_TOKEN_KEY, Admin, AdminClient, ChatError, Language, LogEntry, LogPage, Logged, RoomChoice,
    RoomReport,
};
use clap::{Args, Subcommand};
use rpc_core::{Client, Code};
use rpc_program::secret::{self, SecretFileError};
use rpc_program::tls::{ClientFiles, TlsFailure};
use serde_json::{Value, json};
use thiserror::Error;

use super::Own;

/// Runs a chat that serves, found through its binder
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AdminLine {
    /// Where the binder is, which knows where the chat server is; or several with commas between them
    #[arg(long, value_name = "ADDR:PORT", env = "CHAT_BINDER", default_value = DEFAULT_ADDRESS, global = true)]
    binder: Binders,

    /// A file whose first token opens the binders, where they want one for lookups
    #[arg(long, value_name = "FILE", env = "CHAT_BINDER_TOKEN_FILE", global = true)]
    binder_token_file: Option<PathBuf>,

    /// A file whose first token the chat server knows its operators by
    #[arg(long, value_name = "FILE", env = "CHAT_ADMIN_TOKEN_FILE", global = true)]
    token_file: Option<PathBuf>,

    /// Print one JSON object a line, the same in every language
    #[arg(long, global = true)]
    json: bool,

    /// en or pt-BR; otherwise what LC_ALL, LC_MESSAGES or LANG says
    #[arg(long, env = "CHAT_LANG", global = true)]
    lang: Option<Language>,

    #[command(flatten)]
    tls: ClientFiles<Own>,

    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Make a room that stays until it is closed
    Create {
        /// Its name
        name: String,
        /// How many users may be in at the same time
        #[arg(long, value_name = "USERS", allow_negative_numbers = true)]
        limit: Option<u32>,
        /// A file with the password that the room is entered with, on its first line
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List the rooms
    List,
    /// List who is in a room
    Users {
        /// The room: its name, or # and its number
        room: Choice,
    },
    /// Close a room; everybody in it is told
    Close {
        /// The room: its name, or # and its number
        room: Choice,
        /// Why, for those who are in
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Show what happened
    Logs {
        /// Only what came after the entry of this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0, allow_negative_numbers = true)]
        after: u64,
    },
    /// Put somebody out of a room; he may come back
    Kick {
        /// The room: its name, or # and its number
        room: Choice,
        /// Who
        user: String,
        /// Why, for him alone
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Tell something to everybody in a room
    Broadcast {
        /// What
        text: String,
        /// The room: its name, or # and its number; all rooms without it
        #[arg(long)]
        room: Option<Choice>,
    },
}

/// Why an order was not carried out.
#[derive(Debug, Error)]
pub(crate) enum AdminError {
    #[error(transparent)]
    Token(#[from] TokenFileError),
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    #[error(transparent)]
    Password(#[from] SecretFileError),
    #[error("no chat server there takes orders: start it with --admin-token-file, or on loopback")]
    NotServed(#[source] ChatError),
    #[error("{0}")]
    Refused(String),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// A room on a command line.
#[derive(Clone, Debug)]
struct Choice(RoomChoice);

impl FromStr for Choice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Choice, Self::Err> {
        let number = text.strip_prefix('#').and_then(|number| number.parse().ok());
        Ok(Choice(number.map_or_else(|| RoomChoice::Name(text.to_owned()), RoomChoice::Number)))
    }
}

/// Carries one order out.
pub(crate) fn run(line: AdminLine) -> Result<ExitCode, AdminError> {
    let AdminLine { binder, binder_token_file, token_file, json, lang, tls, order } = line;
    let language = Language::chosen(lang, |name| std::env::var(name).ok());
    let token = binder_token_file.as_deref().map(Token::read).transpose()?;
    let tls = tls.client()?;
    let options = ResolverOptions { token, tls: tls.clone(), ..ResolverOptions::default() };
    let resolver = Resolver::with_options(binder.to_string(), &options);
    let told = Told { language, json };
    let names: Vec<&str> = AdminClient::PROCEDURES.iter().map(|procedure| procedure.name).collect();
    // At once, where a call would wait for a server to come.
    resolver.prefetch(&names).map_err(|status| told.failure(status.into()))?;
    let client = Client::resolving(resolver).with_deadline(PATIENCE);
    let client = tls.into_iter().fold(client, |client, tls| client.with_tls(tls));
    let client = match token_file.as_deref().map(Token::read).transpose()? {
        Some(token) => token.beside_as(ADMIN_TOKEN_KEY, &client),
        None => client,
    };
    let carried_out = told.carry_out(&AdminClient::new(client), order)?;
    carried_out.map_err(|error| told.failure(error))?;
    Ok(ExitCode::SUCCESS)
}

/// In which form an operator is told.
struct Told {
    language: Language,
    json: bool,
}

impl Told {
    /// What the server says is inside, what this program could not do outside.
    fn carry_out(&self, admin: &AdminClient, order: Order) -> Result<Result<(), ChatError>, AdminError> {
        let language = self.language;
        let done = match order {
            Order::Create { name, limit, password_file } => {
                let password = password_file.as_deref().map(secret::read).transpose()?;
                let made = admin.create_room(name.clone(), limit, password);
                made.map(|()| self.line(|| language.room_made(&name), || json!({"created": name})))
            }
            Order::List => admin.list_rooms().map(|rooms| self.rooms(&rooms)),
            Order::Users { room } => admin.list_users(room.0).map(|users| {
                let person = |(place, user)| {
                    self.line(|| language.user_of_list(place, user), || json!({"user": user}))
                };
                (1..).zip(&users).try_for_each(person)
            }),
            Order::Close { room, reason } => admin
                .close_room(room.0, reason)
                .map(|room| self.line(|| language.room_closed(), || json!({"closed": room}))),
            Order::Logs { after } => return self.logs(admin, after),
            Order::Kick { room, user, reason } => admin
                .kick(room.0, user.clone(), reason)
                .map(|()| self.line(|| language.user_kicked(&user), || json!({"kicked": user}))),
            Order::Broadcast { text, room } => admin
                .broadcast(room.map(|room| room.0), text)
                .map(|rooms| self.line(|| language.rooms_told(rooms), || json!({"rooms_told": rooms}))),
        };
        Ok(match done {
            Ok(printed) => Ok(printed?),
            Err(error) => Err(error),
        })
    }

    fn rooms(&self, rooms: &[RoomReport]) -> io::Result<()> {
        rooms.iter().try_for_each(|room| {
            let RoomReport { number, name, users, limit, private } = room;
            let object =
                || json!({"number": number, "name": name, "users": users, "limit": limit, "private": private});
            self.line(|| room_line(self.language, room), object)
        })
    }

    fn logs(&self, admin: &AdminClient, mut after: u64) -> Result<Result<(), ChatError>, AdminError> {
        loop {
            let LogPage { entries, missed, more } = match admin.logs(after) {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            if missed > 0 {
                self.line(|| self.language.log_missed(missed), || json!({"missed": missed}))?;
            }
            for logged in &entries {
                self.line(
                    || self.language.log_line(self.language.log_entry(&logged.entry)),
                    || object(logged),
                )?;
            }
            match entries.last() {
                Some(last) if more => after = last.number,
                _ => return Ok(Ok(())),
            }
        }
    }

    fn line(&self, text: impl FnOnce() -> String, object: impl FnOnce() -> Value) -> io::Result<()> {
        let line = if self.json { object().to_string() } else { text() };
        writeln!(io::stdout().lock(), "{}", sanitise::one_line(&line))
    }

    fn failure(&self, error: ChatError) -> AdminError {
        match error {
            ChatError::Status(ref status)
                if matches!(status.code(), Code::NotFound | Code::Unimplemented) =>
            {
                AdminError::NotServed(error)
            }
            _ => AdminError::Refused(sanitise::one_line(&self.language.refusal(&error))),
        }
    }
}

/// One line of the list of rooms.
pub(crate) fn room_line(language: Language, room: &RoomReport) -> String {
    let limit = room.limit.map_or_else(|| "∞".to_owned(), |limit| limit.to_string());
    if room.private {
        language.private_room_of_list(room.number, &room.name, room.users, limit)
    } else {
        language.room_of_list(room.number, &room.name, room.users, limit)
    }
}

/// An entry of the log for programs: when and what, and the fields of what happened.
fn object(logged: &Logged) -> Value {
    let (event, fields) = match &logged.entry {
        LogEntry::Listening { address } => ("listening", json!({"address": address})),
        LogEntry::RoomMade { room, rooms } => ("room_made", json!({"room": room, "rooms": rooms})),
        LogEntry::Entered { user, room } => ("entered", json!({"user": user, "room": room})),
        LogEntry::NoSuchRoom { user } => ("no_such_room", json!({"user": user})),
        LogEntry::RoomFull { user, room } => ("room_full", json!({"user": user, "room": room})),
        LogEntry::WrongPassword { user, room } => ("wrong_password", json!({"user": user, "room": room})),
        LogEntry::Said { user, room, text } => ("said", json!({"user": user, "room": room, "text": text})),
        LogEntry::Gone { user } => ("gone", json!({"user": user})),
        LogEntry::Kicked { user, room } => ("kicked", json!({"user": user, "room": room})),
        LogEntry::Announced { room, text } => ("announced", json!({"room": room, "text": text})),
        LogEntry::RoomClosed { room } => ("room_closed", json!({"room": room})),
        LogEntry::RoomDeserted { room } => ("room_deserted", json!({"room": room})),
        LogEntry::Undelivered { why } => ("undelivered", json!({"why": why})),
        _ => ("unknown", json!({})),
    };
    json!({"number": logged.number, "at_unix_millis": logged.at, "event": event, "what": fields})
}

const EXAMPLES: &str = "\
Examples:
  chat-server admin create \"Turma A\" --limit 30
  chat-server admin close \"#3\" --reason 'see you on Monday'
  chat-server admin --token-file operators --binder 192.0.2.1:5000 logs --json";

/// A server that is there answers within this.
const PATIENCE: Duration = Duration::from_secs(10);
