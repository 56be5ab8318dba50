//! Where the console stands in the program: its keyboard, its thread, and the log that must not write into what is typed.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use chat_api::{Admin, Language};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use rpc_core::threads::{self, Thread};
use rpc_program::lines::{HangUp, Lines};
use rpc_program::outlet::{Hurry, Outlet};
use rpc_program::{log, signals};
use rustyline::{Config, DefaultEditor, ExternalPrinter};

use super::keyboard::{Script, Terminal, print};
use super::{Console, Ending, Keyboard};

/// A keyboard that was opened, and nobody sits at yet.
pub(crate) struct Desk {
    keyboard: Box<dyn Keyboard + Send>,
    interruption: Interruption,
    screen: Arc<Outlet>,
    hurry: Hurry,
}

/// A console that takes commands. Dropping it ends the wait for one.
pub(crate) struct Attended {
    ended: Receiver<Ending>,
    interruption: Option<Interruption>,
    screen: Arc<Outlet>,
    hurry: Hurry,
    _thread: Thread,
}

/// How the wait for a line is ended from another thread.
enum Interruption {
    Reader(HangUp),
    Editor,
}

impl Desk {
    /// Opens the keyboard that fits standard input, and sends the log to where it does not disturb: above the line that is
    /// typed, or to standard error.
    pub(crate) fn open() -> io::Result<Desk> {
        let (screen, hurry) = Outlet::of_standard_output()?;
        let screen = Arc::new(screen);
        let is_person = io::stdin().is_terminal();
        let moves = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        if is_person
            && moves
            && let Ok(mut editor) = DefaultEditor::with_config(lines_as_typed())
        {
            match editor.create_external_printer() {
                Ok(printer) if io::stderr().is_terminal() => {
                    log::init_to(log::LevelFilter::INFO, Above(Box::new(printer)));
                }
                _ => log::init(log::LevelFilter::INFO),
            }
            let keyboard = Box::new(Terminal { editor, screen: screen.clone() });
            return Ok(Desk { keyboard, interruption: Interruption::Editor, screen, hurry });
        }
        log::init(log::LevelFilter::INFO);
        let (lines, hangup) = Lines::of_standard_input()?;
        let end = if is_person { Ending::Quit } else { Ending::Closed };
        let keyboard = Box::new(Script { lines, screen: screen.clone(), end });
        Ok(Desk { keyboard, interruption: Interruption::Reader(hangup), screen, hurry })
    }

    /// Takes commands on a thread of its own.
    pub(crate) fn attend(self, admin: Arc<dyn Admin>, language: Language) -> io::Result<Attended> {
        tracing::info!("{}", language.console_more());
        let (sender, ended) = bounded(1);
        let console = Console::new(admin, self.keyboard, language);
        let thread = threads::spawn("chat-console", move || {
            // The place is free: this is the only send.
            let _ = sender.try_send(console.run());
        })?;
        let (interruption, screen, hurry) = (Some(self.interruption), self.screen, self.hurry);
        Ok(Attended { ended, interruption, screen, hurry, _thread: thread })
    }
}

impl Attended {
    /// Where its end arrives, once.
    pub(crate) fn ended(&self) -> &Receiver<Ending> {
        &self.ended
    }

    /// Has the last word: nobody waits for a reader any longer than for a moment.
    pub(crate) fn say_last(&self, text: &str) {
        self.hurry.hurry();
        print(&self.screen, text, "\n");
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.hurry.hurry();
        match self.interruption.take() {
            Some(Interruption::Reader(hangup)) => drop(hangup),
            // One that has ended by itself needs no signal.
            Some(Interruption::Editor)
                if self.ended.recv_timeout(MOMENT) == Err(RecvTimeoutError::Timeout) =>
            {
                signals::interrupt_editor(&self.ended);
            }
            Some(Interruption::Editor) | None => {}
        }
    }
}

impl Keyboard for Box<dyn Keyboard + Send> {
    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        (**self).ask(question)
    }

    fn say(&mut self, text: &str) {
        (**self).say(text);
    }
}

/// Commands that are pasted are carried out one after the other, as from a pipe.
fn lines_as_typed() -> Config {
    Config::builder().bracketed_paste(false).build()
}

/// A thread that has said its last word is gone within this.
const MOMENT: Duration = Duration::from_millis(50);

/// Writes lines above the one that is typed.
struct Above(Box<dyn ExternalPrinter + Send>);

impl Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(text).into_owned();
        self.0.print(line).map_err(io::Error::other)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
