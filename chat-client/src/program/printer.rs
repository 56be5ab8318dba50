//! The thread that shows events: as JSON, as lines, or above the line that is being typed.

mod thinning;

use std::convert::Infallible;
use std::env;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use chat_api::Language;
use chrono::Local;
use crossbeam_channel::{Receiver, Sender, select};
use rpc_core::threads::{self, Thread};
use rpc_program::outlet::{Hurry, Outlet, Written};
use rpc_program::signals::Signal;
use rustyline::ExternalPrinter;

use crate::complete::Known;
use crate::event::ChatEvent;
use crate::render::{Paint, Renderer, Screen, Width};

/// Where events are shown.
pub(super) enum Output {
    /// One JSON object a line.
    Json,
    /// Lines for people, without an editor.
    Lines(Screen),
    /// Lines for people, above the editor's.
    Editor(Box<dyn ExternalPrinter + Send>),
}

/// Owns the thread. It ends when every sender of events is gone.
pub(super) struct Printer {
    thread: Thread,
    broken: Receiver<io::Error>,
    /// Disconnected when everything is printed.
    done: Receiver<Infallible>,
    hurry: Hurry,
    known: Arc<Mutex<Known>>,
}

impl Printer {
    pub(super) fn start(
        events: Receiver<ChatEvent>,
        output: Output,
        language: Language,
    ) -> io::Result<Printer> {
        // One place: the first failure ends the program.
        let (sender, broken) = crossbeam_channel::bounded(1);
        let (printing, done) = crossbeam_channel::bounded(0);
        let (outlet, hurry) = Outlet::of_standard_output()?;
        let known = Arc::new(Mutex::new(Known::default()));
        let shown = Shown::on(output, outlet, language);
        let press = Press { shown, known: known.clone(), broken: Some(sender), _printing: printing };
        let thread = threads::spawn("chat-printer", move || press.print_all(&events))?;
        Ok(Printer { thread, broken, done, hurry, known })
    }

    /// Tells, once, why nothing can be printed any more.
    pub(super) fn broken(&self) -> &Receiver<io::Error> {
        &self.broken
    }

    /// The names that were shown.
    pub(super) fn known(&self) -> Arc<Mutex<Known>> {
        self.known.clone()
    }

    /// Drops what nobody reads within half a second.
    pub(super) fn hurry(&self) {
        self.hurry.hurry();
    }

    /// Waits until everything is printed; after a signal only for as long as somebody reads.
    ///
    /// # Errors
    /// Why something was not, unless that was told before.
    pub(super) fn join(self, stop: &Receiver<Signal>) -> io::Result<()> {
        select! {
            recv(self.done) -> _ => {}
            recv(stop) -> _ => self.hurry(),
        }
        self.thread.join();
        self.broken.try_recv().map_or(Ok(()), Err)
    }
}

/// Prints one event without a thread.
///
/// # Errors
/// Those of standard output.
pub(super) fn print_alone(event: &ChatEvent, output: Output, language: Language) -> io::Result<()> {
    let (outlet, _hurry) = Outlet::of_standard_output()?;
    let mut shown = Shown::on(output, outlet, language);
    let text = shown.text(std::slice::from_ref(event));
    shown.write(text).map(drop)
}

/// What the thread works with.
struct Press {
    shown: Shown,
    known: Arc<Mutex<Known>>,
    /// None after the first failure; events are still received, so that nobody waits for a place.
    broken: Option<Sender<io::Error>>,
    _printing: Sender<Infallible>,
}

impl Press {
    fn print_all(mut self, events: &Receiver<ChatEvent>) {
        for first in events {
            let batch: Vec<ChatEvent> =
                [first].into_iter().chain(events.try_iter().take(MOST_IN_A_BATCH)).collect();
            self.learn(&batch);
            if self.broken.is_none() {
                continue;
            }
            let text = self.shown.text(&batch);
            match self.shown.write(text) {
                Ok(Written::Whole) => {}
                Ok(Written::CutShort) => self.broken = None,
                Err(error) => self.fail(error),
            }
        }
    }

    fn fail(&mut self, error: io::Error) {
        if let Some(broken) = self.broken.take() {
            // The place is free: this is the only send.
            let _ = broken.try_send(error);
        }
    }

    fn learn(&self, batch: &[ChatEvent]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        batch.iter().for_each(|event| known.observe(event));
    }
}

struct Shown {
    output: Output,
    outlet: Outlet,
    language: Language,
    renderer: Renderer<Local>,
}

impl Shown {
    fn on(output: Output, outlet: Outlet, language: Language) -> Shown {
        let screen = match output {
            Output::Lines(screen) => screen,
            Output::Json | Output::Editor(_) => Screen::Conversation,
        };
        let [no_color, term] = ["NO_COLOR", "TERM"].map(|variable| env::var(variable).ok());
        let paint = match io::stdout().is_terminal() {
            true => Paint::for_terminal(no_color.as_deref(), term.as_deref()),
            false => Paint::Plain,
        };
        let renderer = Renderer::new(Local, paint, screen).in_language(language);
        Shown { output, outlet, language, renderer }
    }

    fn text(&mut self, batch: &[ChatEvent]) -> String {
        match self.output {
            Output::Json => batch.iter().flat_map(|event| [event.to_json(), "\n".to_owned()]).collect(),
            Output::Lines(_) => self.lines(batch),
            Output::Editor(_) => {
                let (kept, skipped) = thinning::thin(batch);
                let told = self.language.skipped(skipped);
                let note = if skipped > 0 { format!("… {told}\n") } else { String::new() };
                note + &self.lines(kept)
            }
        }
    }

    fn lines<'a>(&mut self, events: impl IntoIterator<Item = &'a ChatEvent>) -> String {
        let width = width();
        events.into_iter().map(|event| self.renderer.render(event, width)).collect()
    }

    fn write(&mut self, text: String) -> io::Result<Written> {
        if text.is_empty() {
            return Ok(Written::Whole);
        }
        let unprinted = match &mut self.output {
            Output::Editor(printer) => match printer.print(text.clone()) {
                Ok(()) => return Ok(Written::Whole),
                // The editor is gone, and the screen ours.
                Err(_) => text,
            },
            Output::Json | Output::Lines(_) => text,
        };
        self.outlet.write(&unprinted)
    }
}

/// Events that are printed with one write: as many as the channel holds, and then a pause for whoever watches.
const MOST_IN_A_BATCH: usize = 1_024;

/// The width of the terminal now, less the last column, where terminals differ.
fn width() -> Width {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 1 => Width::Columns(usize::from(size.ws_col.saturating_sub(1))),
        _ => Width::Unbounded,
    }
}
