//! Where the operator types: a terminal with a line editor, or a script.

use std::io::{self, Write};

use rpc_program::lines::Lines;
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
pub(super) struct Terminal(pub(super) DefaultEditor);

impl Keyboard for Terminal {
    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        // An editor draws its prompt anew; what stands on lines above it is said once.
        let (above, prompt) =
            question.rsplit_once('\n').map_or((None, question), |(above, last)| (Some(above), last));
        above.into_iter().for_each(|above| self.say(above));
        loop {
            match self.0.readline(prompt) {
                Ok(line) => return Ok(line),
                Err(ReadlineError::Signal(Signal::Resize)) => {}
                Err(ReadlineError::Interrupted) => return Err(Ending::Interrupted),
                Err(_) => return Err(Ending::Quit),
            }
        }
    }

    fn say(&mut self, text: &str) {
        print(text, "\n");
    }
}

/// A pipe, a file, or a terminal that cannot move its cursor.
pub(super) struct Script {
    pub(super) lines: Lines,
    /// What its end means.
    pub(super) end: Ending,
}

impl Keyboard for Script {
    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        print(question, "");
        self.lines.next().ok_or(self.end)
    }

    fn say(&mut self, text: &str) {
        print(text, "\n");
    }
}

/// Prints in one write. Where nobody reads, commands are carried out all the same.
pub(crate) fn print(text: &str, end: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(format!("{text}{end}").as_bytes()).and_then(|()| stdout.flush());
}
