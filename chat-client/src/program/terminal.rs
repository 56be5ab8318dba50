//! A person at a terminal: line editing, completion, and the lines typed before.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, ExternalPrinter, Helper};

use unicode_width::UnicodeWidthStr;

use super::input::Line;
use crate::complete::{Candidates, Known};

/// The line editor. Dropping it keeps the lines that were typed.
pub(super) struct Terminal {
    editor: Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl Terminal {
    /// An editor, and what prints above its line; `None` where the terminal cannot move its cursor.
    pub(super) fn open(term: Option<&OsStr>) -> Option<(Terminal, Box<dyn ExternalPrinter + Send>)> {
        term.filter(|term| !term.is_empty())?;
        // Colours are ours to give or not. The editor asks how to draw what is typed only where it thinks it may colour it,
        // and a password must be hidden with NO_COLOR too.
        let config = Config::builder().completion_type(CompletionType::List).color_mode(ColorMode::Forced);
        let config = config.max_history_size(LINES_KEPT).ok()?;
        let mut editor = Editor::with_config(config.build()).ok()?;
        let printer = editor.create_external_printer().ok()?;
        editor.set_helper(Some(Assistant::default()));
        let history = history_file();
        if let Some(file) = &history {
            // The first time there is no such file.
            let _ = editor.load_history(file);
        }
        Some((Terminal { editor, history }, Box::new(printer)))
    }

    pub(super) fn complete_with(&mut self, known: Arc<Mutex<Known>>) {
        self.editor.set_helper(Some(Assistant { known, secrecy: Secrecy::Shown }));
    }

    /// A line that is not remembered, and not shown while it is typed.
    pub(super) fn ask_secret(&mut self, prompt: &str) -> Line {
        self.set_secrecy(Secrecy::Hidden);
        let line = self.ask(prompt);
        self.set_secrecy(Secrecy::Shown);
        line
    }

    fn set_secrecy(&mut self, secrecy: Secrecy) {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.secrecy = secrecy;
        }
    }

    pub(super) fn next(&mut self, prompt: &str) -> Line {
        let line = self.ask(prompt);
        if let Line::Text(line) = &line
            && !line.trim().is_empty()
        {
            // A line that is not remembered can still be sent.
            let _ = self.editor.add_history_entry(line);
        }
        line
    }

    /// A line that is not remembered.
    pub(super) fn ask(&mut self, prompt: &str) -> Line {
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => return Line::Text(line),
                Err(ReadlineError::Signal(rustyline::error::Signal::Resize)) => {}
                Err(_) => return Line::End,
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(file) = &self.history {
            // Without a place to keep them the lines are forgotten.
            let _ = self.editor.append_history(file);
        }
    }
}

/// `$XDG_STATE_HOME/chat-client/history`, in a folder for its owner alone.
fn history_file() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).and_then(absolute);
    let home = || Some(absolute(PathBuf::from(env::var_os("HOME")?))?.join(".local/state"));
    let folder = state.or_else(home)?.join("chat-client");
    make_private(&folder).ok()?;
    Some(folder.join("history"))
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What the editor asks while a line is typed.
#[derive(Default)]
struct Assistant {
    known: Arc<Mutex<Known>>,
    secrecy: Secrecy,
}

/// Whether what is typed is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Secrecy {
    #[default]
    Shown,
    Hidden,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        if self.secrecy == Secrecy::Hidden {
            return Ok((cursor, Vec::new()));
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Candidates { start, words } = known.candidates(line, cursor);
        Ok((start, words))
    }
}

impl Highlighter for Assistant {
    /// A secret is drawn as blanks: the editor still knows where its cursor is.
    fn highlight<'l>(&self, line: &'l str, _cursor: usize) -> Cow<'l, str> {
        match self.secrecy {
            Secrecy::Shown => Cow::Borrowed(line),
            Secrecy::Hidden => Cow::Owned(" ".repeat(line.width())),
        }
    }

    /// Each key is drawn by us, and not as it was typed.
    fn highlight_char(&self, _line: &str, _cursor: usize, _kind: CmdKind) -> bool {
        self.secrecy == Secrecy::Hidden
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _completion: CompletionType) -> Cow<'c, str> {
        Cow::Borrowed(candidate)
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {}

impl Helper for Assistant {}

/// As many as anybody looks for.
const LINES_KEPT: usize = 1_000;
