//! Where the operator types: a terminal with a line editor, or a script.

use std::sync::Arc;

use rpc_program::lines::Lines;
use rpc_program::outlet::Outlet;
use rustyline::DefaultEditor;
use rustyline::error::{ReadlineError, Signal};

use super::Ending;

/// Asks and says.
pub(crate) trait Keyboard {
    /// The answer to a question, without its line end.
    ///
    /// # Errors
    /// How the conversation ends, if there is no answer.
    fn ask(&mut self, question: &str) -> Result<String, Ending>;

    /// Prints a text and a line end.
    fn say(&mut self, text: &str);
}

/// A line editor at a terminal.
pub(super) struct Terminal {
    pub(super) editor: DefaultEditor,
    pub(super) screen: Arc<Outlet>,
}

impl Keyboard for Terminal {
    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        // An editor draws its prompt anew; what stands on lines above it is said once.
        let (above, prompt) =
            question.rsplit_once('\n').map_or((None, question), |(above, last)| (Some(above), last));
        above.into_iter().for_each(|above| self.say(above));
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => return Ok(line),
                Err(ReadlineError::Signal(Signal::Resize)) => {}
                Err(ReadlineError::Interrupted) => return Err(Ending::Interrupted),
                Err(_) => return Err(Ending::Quit),
            }
        }
    }

    fn say(&mut self, text: &str) {
        print(&self.screen, text, "\n");
    }
}

/// A pipe, a file, or a terminal that cannot move its cursor.
pub(super) struct Script {
    pub(super) lines: Lines,
    pub(super) screen: Arc<Outlet>,
    /// What its end means.
    pub(super) end: Ending,
}

impl Keyboard for Script {
    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        print(&self.screen, question, "");
        self.lines.next().ok_or(if self.lines.were_hung_up() { Ending::Closed } else { self.end })
    }

    fn say(&mut self, text: &str) {
        print(&self.screen, text, "\n");
    }
}

/// Prints a text. Where nobody reads, commands are carried out all the same.
pub(super) fn print(screen: &Outlet, text: &str, end: &str) {
    let _ = screen.write(&format!("{text}{end}"));
}
