//! A client's side of the chat, once it is connected: a thread shows what is heard while this one says what is typed.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, select};
use rpc_core::threads::{self, Thread};
use rpc_core::{Context, Lagged, Sink, Status, Stream};
use thiserror::Error;

use crate::contract::{Chat, LONGEST, Message};
use crate::typed::Typed;

/// Why a conversation failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TalkError {
    /// The server cannot be reached, is gone, or does not go on.
    #[error(transparent)]
    Server(#[from] Status),
    /// The server has let this client go.
    #[error("this client was behind by {} messages, and was let go", .0.missed)]
    TooSlow(Lagged),
    /// The screen cannot be written to.
    #[error("cannot print")]
    Output(#[source] io::Error),
    /// The machine has no thread left.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// How long the server may be behind before a message is given up: 10 s.
const SENDING: Duration = Duration::from_secs(10);

/// How long the server may take to end the stream when this client has said everything: 5 s.
const LEAVING: Duration = Duration::from_secs(5);

/// Where a client prints; clones write to the same place, each text whole.
pub trait Screen: Clone + Send + 'static {
    /// Shows a text at once.
    ///
    /// # Errors
    /// Those of the output.
    fn show(&self, text: &str) -> io::Result<()>;
}

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub struct StandardOutput;

impl Screen for StandardOutput {
    fn show(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

/// What ends a conversation before its input does.
enum Turn {
    Said,
    /// The message would have had so many bytes.
    TooLong(usize),
    Left,
    /// Something else than `/sair` has ended it, in the middle of a line.
    Interrupted,
}

/// Talks as `user` until `/sair`, the end of `typed`, word from `stop`, or the end of what is heard.
///
/// # Errors
/// [`TalkError`].
pub fn talk<S: Screen, T>(
    chat: &impl Chat,
    user: &str,
    typed: &Receiver<String>,
    stop: &Receiver<T>,
    screen: &S,
) -> Result<(), TalkError> {
    let (sink, said) = rpc_core::stream();
    let heard = chat.Chat(said)?;
    show(screen, "Digite mensagens para enviar ao chat. Digite /sair para encerrar.\n")?;
    let listener = Listener::start(heard, screen)?;
    let interrupted = loop {
        show(screen, "Mensagem: ")?;
        match turn(user, typed, stop, &listener, &sink)? {
            Turn::Said => {}
            Turn::TooLong(bytes) => show(screen, &too_long(bytes))?,
            Turn::Left => break false,
            Turn::Interrupted => break true,
        }
    };
    // The end of what is said; the server answers with the end of what is heard, behind all of it.
    drop(sink);
    let outcome = listener.finish();
    show(screen, if interrupted { "\nEncerrando conexão...\n" } else { "Encerrando conexão...\n" })?;
    outcome
}

/// Waits for a line, or for what ends the conversation.
fn turn<T>(
    user: &str,
    typed: &Receiver<String>,
    stop: &Receiver<T>,
    listener: &Listener,
    sink: &Sink<Message>,
) -> Result<Turn, TalkError> {
    let line = select! {
        recv(typed) -> line => line,
        recv(stop) -> _ => return Ok(Turn::Interrupted),
        recv(listener.listening) -> _ => return Ok(Turn::Interrupted),
    };
    match line.as_deref().map_or(Typed::Leave, Typed::parse) {
        Typed::Nothing => Ok(Turn::Said),
        Typed::Leave => Ok(Turn::Left),
        Typed::Words(words) if user.len() + words.len() > LONGEST => {
            Ok(Turn::TooLong(user.len() + words.len()))
        }
        Typed::Words(words) => {
            let message = Message { user: user.to_owned(), message: words.to_owned() };
            let patience = Context::background().with_deadline(Instant::now() + SENDING);
            patience.scope(|| sink.send(message))?;
            Ok(Turn::Said)
        }
    }
}

fn too_long(bytes: usize) -> String {
    format!("Mensagem longa demais, não enviada: {bytes} bytes com o nome; o limite é {LONGEST}.\n")
}

fn show(screen: &impl Screen, text: &str) -> Result<(), TalkError> {
    screen.show(text).map_err(TalkError::Output)
}

/// The thread that shows what is heard.
struct Listener {
    thread: Thread,
    /// Disconnected when nothing more is heard.
    listening: Receiver<Infallible>,
    outcome: Receiver<Result<(), TalkError>>,
}

impl Listener {
    fn start<S: Screen>(heard: Stream<Message>, screen: &S) -> Result<Listener, TalkError> {
        let (until, listening) = bounded::<Infallible>(0);
        let (ending, outcome) = bounded(1);
        let screen = screen.clone();
        let thread = threads::spawn("listening", move || {
            let shown = show_all(heard, &screen);
            // There is a place for it.
            ending.try_send(shown).ok();
            drop(until);
        });
        Ok(Listener { thread: thread.map_err(TalkError::Thread)?, listening, outcome })
    }

    /// Waits for the end of what is heard.
    fn finish(self) -> Result<(), TalkError> {
        self.outcome.recv_timeout(LEAVING).unwrap_or_else(|_| {
            // Nothing ends its wait but the server, and the program does not wait for that.
            std::mem::forget(self.thread);
            Err(Status::deadline_exceeded("the server did not end the conversation in time").into())
        })
    }
}

fn show_all(heard: Stream<Message>, screen: &impl Screen) -> Result<(), TalkError> {
    for message in heard {
        let message = message.map_err(|status| match Lagged::from_status(&status) {
            Some(lagged) => TalkError::TooSlow(lagged),
            None => TalkError::Server(status),
        })?;
        show(screen, &format!("\n{message}\n"))?;
    }
    Ok(())
}
