//! Where lines come from: a script, a plain terminal, or the line editor.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use rpc_program::lines::{HangUp, Lines};
use rpc_program::signals;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::arguments::UserArguments;
use super::commands::Ending;
use super::printer::Output;
use super::terminal::Terminal;
use crate::command::Dialect;
use crate::complete::Known;
use crate::render::Screen;

/// One line of input, without its line end.
pub(super) enum Line {
    Text(String),
    /// The end of input, Ctrl-C, or the program's end.
    End,
}

impl From<Option<String>> for Line {
    fn from(line: Option<String>) -> Line {
        line.map_or(Line::End, Line::Text)
    }
}

/// The lines of one conversation.
pub(super) enum Input {
    Script(Lines),
    /// A person at a terminal that cannot move its cursor.
    Plain(Lines),
    Editor(Box<Terminal>),
}

/// Ends the wait for a line, from another thread.
pub(super) enum Interruption {
    /// Hung up, which the reader sees.
    Reader(HangUp),
    /// The editor ends its line at SIGINT, and leaves the terminal as it found it.
    Editor,
}

impl Input {
    pub(super) fn dialect_of(user: &UserArguments) -> Dialect {
        if user.json || !io::stdin().is_terminal() { Dialect::Script } else { Dialect::Terminal }
    }

    /// Where an output without an editor goes.
    pub(super) fn output_of(user: &UserArguments) -> Output {
        match Input::dialect_of(user) {
            _ if user.json => Output::Json,
            Dialect::Script => Output::Lines(Screen::Log),
            Dialect::Terminal => Output::Lines(Screen::Conversation),
        }
    }

    /// The input that fits standard input, and the output that goes with it.
    pub(super) fn open(user: &UserArguments) -> io::Result<(Input, Output, Interruption)> {
        if Input::dialect_of(user) == Dialect::Terminal
            && let Some((terminal, printer)) = Terminal::open(env::var_os("TERM").as_deref())
        {
            return Ok((Input::Editor(Box::new(terminal)), Output::Editor(printer), Interruption::Editor));
        }
        let (lines, hangup) = Lines::of_standard_input()?;
        let input = match Input::dialect_of(user) {
            Dialect::Script => Input::Script(lines),
            Dialect::Terminal => Input::Plain(lines),
        };
        Ok((input, Input::output_of(user), Interruption::Reader(hangup)))
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Input::Script(_) => Dialect::Script,
            Input::Plain(_) | Input::Editor(_) => Dialect::Terminal,
        }
    }

    /// Completes names from these.
    pub(super) fn complete_with(&mut self, known: Arc<Mutex<Known>>) {
        if let Input::Editor(terminal) = self {
            terminal.complete_with(known);
        }
    }

    /// The next line; only an editor shows the prompt.
    pub(super) fn next(&mut self, prompt: &str) -> Line {
        match self {
            Input::Script(lines) | Input::Plain(lines) => lines.next().into(),
            Input::Editor(terminal) => terminal.next(prompt),
        }
    }

    /// The answer to a question.
    pub(super) fn ask(&mut self, question: &str) -> Line {
        match self {
            Input::Script(lines) => lines.next().into(),
            Input::Plain(lines) => {
                let mut stdout = io::stdout().lock();
                // A screen that cannot be written to ends the program at its first event.
                let _ = stdout.write_all(question.as_bytes()).and_then(|()| stdout.flush());
                drop(stdout);
                lines.next().into()
            }
            Input::Editor(terminal) => terminal.ask(question),
        }
    }

    /// As [`ask`](Input::ask), without showing what is typed.
    pub(super) fn ask_secret(&mut self, question: &str) -> Line {
        if let Input::Editor(terminal) = self {
            return terminal.ask_secret(question);
        }
        let _blind = Blind::new();
        self.ask(question)
    }
}

/// A terminal that shows what is typed, and does not as long as this lives.
struct Blind(Option<Termios>);

impl Blind {
    fn new() -> Blind {
        // What is no terminal shows nothing anyway.
        let Ok(before) = tcgetattr(io::stdin()) else { return Blind(None) };
        let mut blind = before.clone();
        blind.local_modes.remove(LocalModes::ECHO);
        Blind(tcsetattr(io::stdin(), OptionalActions::Flush, &blind).ok().map(|()| before))
    }
}

impl Drop for Blind {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that is gone shows nothing either.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

impl Interruption {
    /// Interrupts until `ended` says that it helped: the editor may have been between two lines.
    pub(super) fn interrupt_until(self, ended: &Receiver<Ending>) {
        match self {
            Interruption::Reader(hangup) => drop(hangup),
            Interruption::Editor => signals::interrupt_editor(ended),
        }
    }
}
