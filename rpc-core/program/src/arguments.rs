//! The command line, and the environment behind it.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, Parser};

use crate::configuration;

/// Reads the process' command line as `C`; where it is wrong, or asks for help, clap prints and ends the process.
///
/// A variable of the environment that is set to nothing counts as not set, and so does one for an argument of the program
/// itself that has no place beside the subcommand that was given. A command line with a
/// [`Configuration`](crate::configuration::Configuration) takes what it does not say from the file that it names.
pub fn parse<C: Parser>() -> C {
    let words: Vec<OsString> = env::args_os().collect();
    let command = command(C::command(), &words);
    let matches = configuration::matches(&command, &words).unwrap_or_else(|error| error.exit());
    C::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command as it reads these words, of which the program's name is the first: with the variables that count.
pub(crate) fn command(command: Command, words: &[OsString]) -> Command {
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    chosen(without(command, is_empty), words)
}

/// The command, with no argument that is told by a variable of these.
fn without(command: Command, unset: impl Fn(&OsStr) -> bool + Copy) -> Command {
    let ignore = |argument: Arg| ignoring(argument, unset);
    command.mut_args(ignore).mut_subcommands(|command| without(command, unset))
}

/// The command, whose own arguments no variable tells where these words give a subcommand beside which they have no place:
/// what is wrong with them is nothing to that one.
fn chosen(command: Command, words: &[OsString]) -> Command {
    let is_given = words.get(1).is_some_and(|word| command.find_subcommand(word).is_some());
    if !is_given || !command.is_args_conflicts_with_subcommands_set() {
        return command;
    }
    command.mut_args(|argument| ignoring(argument, |_| true))
}

fn ignoring(argument: Arg, unset: impl Fn(&OsStr) -> bool) -> Arg {
    match argument.get_env() {
        // No variable has the empty name.
        Some(name) if unset(name) => argument.env("").hide_env(true),
        _ => argument,
    }
}

#[cfg(test)]
mod tests {
    use clap::builder::BoolishValueParser;
    use clap::{CommandFactory, FromArgMatches};

    use super::*;

    /// `PATH` stands for a variable that is set: to words that are neither yes nor no.
    #[derive(Debug, Parser)]
    struct Line {
        #[arg(long, env = "PATH", value_parser = BoolishValueParser::new())]
        json: bool,
    }

    #[derive(Debug, Parser)]
    #[command(args_conflicts_with_subcommands = true)]
    struct Program {
        #[command(flatten)]
        line: Line,
        #[command(subcommand)]
        command: Option<Sub>,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Sub {
        List,
        Show(Line),
    }

    /// Story: a variable that only a server reads kept its operator's commands from running.
    #[test]
    fn a_variable_of_the_program_itself_is_nothing_to_its_subcommands() {
        let read = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            chosen(Program::command(), &words).try_get_matches_from(words)
        };
        assert!(Program::command().try_get_matches_from(["x", "list"]).is_err());
        assert!(read(&["x", "list"]).is_ok());
        assert!(read(&["x"]).is_err(), "the program reads its own");
        assert!(read(&["x", "show"]).is_err(), "a subcommand reads its own");
    }

    #[test]
    fn a_variable_that_counts_as_not_set_tells_no_argument() {
        assert!(Line::command().try_get_matches_from(["x"]).is_err());
        let matches = without(Line::command(), |name| name == "PATH").try_get_matches_from(["x"]).unwrap();
        assert!(!Line::from_arg_matches(&matches).unwrap().json);
        assert!(without(Line::command(), |_| false).try_get_matches_from(["x"]).is_err());
    }
}
