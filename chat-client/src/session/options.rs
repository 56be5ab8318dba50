//! What a session is told before it begins.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use binder::{Resolver, ResolverOptions, Token};
use chat_api::{ChatClient, ChatError, Language};
use rpc_core::ClientTls;

use super::pauses::Pauses;

/// Where the binders are, and how long to wait for what.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    pub(super) binder: String,
    pub(super) token: Option<Token>,
    pub(super) tls: Option<ClientTls>,
    pub(super) deadline: Duration,
    pub(super) patience: Duration,
    pub(super) language: Language,
}

impl SessionOptions {
    /// A session through the binder at `HOST:PORT`, or any of several with commas between them: 30 s for a command, 10 s
    /// for finding the chat.
    #[must_use]
    pub fn new(binder: impl Into<String>) -> SessionOptions {
        SessionOptions {
            binder: binder.into(),
            token: None,
            tls: None,
            deadline: COMMAND_TIME,
            patience: FINDING_TIME,
            language: Language::English,
        }
    }

    /// What opens the binders, if they want a token for lookups.
    #[must_use]
    pub fn with_token(self, token: Option<Token>) -> SessionOptions {
        SessionOptions { token, ..self }
    }

    /// What to connect to the binders and to the chat server with, if they are reached over TLS.
    #[must_use]
    pub fn with_tls(self, tls: Option<ClientTls>) -> SessionOptions {
        SessionOptions { tls, ..self }
    }

    /// How long a command may take, waiting for a lost connection included.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> SessionOptions {
        SessionOptions { deadline, ..self }
    }

    /// How long [`connect`](super::ChatSession::connect) waits for a binder and a chat server that are not there yet.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> SessionOptions {
        SessionOptions { patience, ..self }
    }

    /// What the errors among the events are told in; English unless this is said.
    #[must_use]
    pub fn in_language(self, language: Language) -> SessionOptions {
        SessionOptions { language, ..self }
    }

    /// A resolver that knows every procedure, so that the binder may die afterwards.
    pub(super) fn find(&self) -> Result<Arc<Resolver>, ChatError> {
        let (token, tls) = (self.token.clone(), self.tls.clone());
        let options = ResolverOptions { token, tls, ..ResolverOptions::default() };
        let resolver = Resolver::with_options(&self.binder, &options);
        let procedures = ChatClient::PROCEDURES.iter().map(|procedure| procedure.name);
        let (newer, procedures): (Vec<_>, Vec<_>) = procedures.partition(|name| NEWER.contains(name));
        let until = Instant::now().checked_add(self.patience);
        let mut pauses = Pauses::default();
        while let Err(status) = resolver.prefetch(&procedures) {
            let pause = pauses.next();
            let in_time = Instant::now().checked_add(pause) < until;
            if !in_time {
                return Err(status.into());
            }
            thread::sleep(pause);
        }
        // What is not found yet is asked for again when it is called.
        newer.into_iter().for_each(|name| drop(resolver.prefetch(&[name])));
        Ok(resolver)
    }
}

/// What a server of before, which knows no private rooms, does not have.
const NEWER: [&str; 2] = ["create_private_room", "describe_rooms"];

/// As long as any call of the framework: a server that restarts is back within it.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// Programs started together find each other within this.
const FINDING_TIME: Duration = Duration::from_secs(10);
