//! The command line.

use std::path::PathBuf;

use binder::{Binders, Token, TokenFileError};
use chat_api::Language;
use clap::Parser;
use clap::builder::BoolishValueParser;
use rpc_program::papers::Papers;
use rpc_program::tls::{ClientFiles, TlsFailure};
use thiserror::Error;

use crate::session::SessionOptions;

/// Chat in a terminal, or let a script do it
#[derive(Clone, Debug, Parser)]
#[command(name = "chat-client", version, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub struct CommandLine {
    /// Where the binder is, which knows where the chat server is; or several with commas between them
    #[arg(long, value_name = "ADDR:PORT", env = "CHAT_BINDER", default_value = binder::DEFAULT_ADDRESS)]
    pub binder: Binders,

    /// A file whose first token opens the binders, where they want one for lookups
    #[arg(long, value_name = "FILE", env = "CHAT_BINDER_TOKEN_FILE")]
    pub binder_token_file: Option<PathBuf>,

    /// Whom to trust over TLS
    #[command(flatten)]
    pub tls: ClientFiles<Own>,

    /// Who chats, where, and in which form
    #[command(flatten)]
    pub user: UserArguments,

    /// Completion scripts and manual pages
    #[command(flatten)]
    pub papers: Papers,
}

/// Whose variables of the environment count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own;

rpc_program::tls_variables!(Own, "CHAT");

/// The session cannot be begun as it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionFailure {
    /// The token file cannot be used.
    #[error(transparent)]
    Token(#[from] TokenFileError),
    /// TLS is not to be had as it was asked for.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
}

impl CommandLine {
    /// How the session is to find the chat.
    ///
    /// # Errors
    /// When the token file or a file of TLS cannot be used.
    pub fn session(&self) -> Result<SessionOptions, SessionFailure> {
        let token = self.binder_token_file.as_deref().map(Token::read).transpose()?;
        let (language, tls) = (self.user.language(), self.tls.client()?);
        let options = SessionOptions::new(self.binder.to_string());
        Ok(options.with_token(token).with_tls(tls).in_language(language))
    }
}

/// Who chats, where, and in which form: for every program that embeds the client.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct UserArguments {
    /// Your name; without it a terminal asks, and a script takes your login name
    #[arg(long, value_name = "NAME", env = "CHAT_USERNAME")]
    pub username: Option<String>,

    /// A room to join first; it must exist
    #[arg(long, value_name = "ROOM", env = "CHAT_ROOM")]
    pub room: Option<String>,

    /// A file with the password of private rooms, on its first line; without it a terminal asks, and a script is refused
    #[arg(long, value_name = "FILE", env = "CHAT_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,

    /// en or pt-BR; otherwise what LC_ALL, LC_MESSAGES or LANG says. JSON is the same in every language
    #[arg(long, env = "CHAT_LANG")]
    pub lang: Option<Language>,

    /// Be a script, and print every event as a JSON object on a line of its own
    #[arg(long, env = "CHAT_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

impl UserArguments {
    /// What people are told in; programs are told in English.
    pub(super) fn language(&self) -> Language {
        if self.json {
            return Language::English;
        }
        Language::chosen(self.lang, |name| std::env::var(name).ok())
    }
}

const AFTER_HELP: &str = "\
Example: chat-client --username ana --room rust
Example: printf '/create rust\\n/join rust\\nhello\\n' | chat-client --username ana --json";

const AFTER_LONG_HELP: &str = "\
Examples:
  chat-client --username ana --room rust
  printf '/create rust\\n/join rust\\nhello\\n' | chat-client --username ana --json

Commands: text without a slash is a public message to the current room; /help lists the others.

Scripts: with --json, or when standard input is not a terminal, lines are run in order, each finished before the next is \
read; `/sleep 1s` waits. At the end of input the client prints what is still to be received and leaves. The exit code is 1 \
when a command failed, and 2 when this command line was wrong.

JSON events: registered, room_created, joined, message, notice, sent, rooms, users, left, history, connection, error; and \
gap (messages of a room may be missing here), me (the answer to /me), help (the answer to /help).

Files: lines typed in a terminal are kept in $XDG_STATE_HOME/chat-client/history (without that variable in \
~/.local/state/chat-client/history), for you alone.

The log goes to standard error; RUST_LOG=debug shows more of it. NO_COLOR turns colours off.";
