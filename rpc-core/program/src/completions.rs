//! Completion for shells: scripts, written from a program's own command line, and the names that only a running server knows.
//!
//! A script asks the program itself for such names: it hands the words up to the cursor over, with `--typed` before each, so
//! that clap reads them, from every shell, as it will read the line. What it cannot be told it does without: a shell is not to
//! print errors into a line that is being typed.

mod place;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use clap::CommandFactory;
pub(crate) use clap_complete::Shell;

pub use self::place::Place;

/// Whether a program knows more names than its command line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    OfTheCommandLine,
    /// It is asked for them.
    OfServers,
}

/// Prints what of `names` may stand where the cursor is, one a line, if this process was started by a script that asks for it;
/// `None` if it was not, and its words are a command line. `names` must be quick, and silent where it cannot know.
///
/// What means something else than itself to a shell is left out: who names a procedure shall not have somebody run what it says.
pub fn answer<C: CommandFactory>(names: impl FnOnce(&Place) -> Vec<String>) -> Option<ExitCode> {
    let lines = lines::<C>(&env::args_os().collect::<Vec<_>>(), names)?;
    // A shell that takes no more has seen enough.
    let _ = io::stdout().lock().write_all(lines.as_bytes());
    Some(ExitCode::SUCCESS)
}

fn lines<C: CommandFactory>(words: &[OsString], names: impl FnOnce(&Place) -> Vec<String>) -> Option<String> {
    let words = words.get(1..).filter(|words| !words.is_empty())?;
    let typed = |word: &OsString| Some(OsStr::from_bytes(word.as_bytes().strip_prefix(TYPED)?).to_owned());
    let words: Vec<OsString> = words.iter().map(typed).collect::<Option<_>>()?;
    let Some(place) = Place::of::<C>(&words) else { return Some(String::new()) };
    let fitting = |name: &String| name.starts_with(place.begun()) && is_plain(name);
    Some(names(&place).iter().filter(|name| fitting(name)).map(|name| format!("{name}\n")).collect())
}

fn is_plain(name: &str) -> bool {
    !name.starts_with('-') && name.chars().all(|letter| letter.is_alphanumeric() || "_-./".contains(letter))
}

/// Writes the completion script of the command line `C` for this shell to standard output.
///
/// # Errors
/// When standard output cannot be written; a pipe that its reader has closed is such an error too.
pub(crate) fn write<C: CommandFactory>(shell: Shell, names: Names) -> io::Result<()> {
    io::stdout().lock().write_all(script::<C>(shell, names).as_bytes())
}

fn script<C: CommandFactory>(shell: Shell, names: Names) -> String {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    // The generator panics when its output fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match names {
        Names::OfTheCommandLine => script,
        Names::OfServers => asking_first(shell, &name, &script),
    }
}

/// The script, which asks the program first. Shells that are not here complete what the command line has.
fn asking_first(shell: Shell, program: &str, script: &str) -> String {
    let asking = match shell {
        Shell::Bash => include_str!("completions/names.bash"),
        Shell::Zsh => include_str!("completions/names.zsh"),
        Shell::Fish => include_str!("completions/names.fish"),
        _ => return script.to_owned(),
    };
    let function = format!("_{program}() {{\n");
    let asked = format!("{function}    _{program}_names && return 0\n");
    // What zsh is to know of a file stands on its first line, and the file ends with its own call.
    let head = if script.starts_with('#') { script.find('\n').map_or(0, |end| end + 1) } else { 0 };
    let (head, body) = script.split_at(head);
    format!("{head}{}\n{}", asking.replace("PROGRAM", program), body.replacen(&function, &asked, 1))
}

/// What a script writes before each word of the line that is being typed.
const TYPED: &[u8] = b"--typed=";

#[cfg(test)]
mod tests;
