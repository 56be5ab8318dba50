//! The command line, and the environment behind it.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, Parser};

use crate::configuration;

/// Reads the process' command line as `C`; where it is wrong, or asks for help, clap prints and ends the process.
///
/// A variable of the environment that is set to nothing counts as not set. A command line with a
/// [`Configuration`](crate::configuration::Configuration) takes what it does not say from the file that it names.
pub fn parse<C: Parser>() -> C {
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    let command = without(C::command(), is_empty);
    let words: Vec<OsString> = env::args_os().collect();
    let matches = configuration::matches(&command, &words).unwrap_or_else(|error| error.exit());
    C::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command, with no argument that is told by a variable of these.
fn without(command: Command, unset: impl Fn(&OsStr) -> bool + Copy) -> Command {
    let ignore = |argument: Arg| match argument.get_env() {
        // No variable has the empty name.
        Some(name) if unset(name) => argument.env("").hide_env(true),
        _ => argument,
    };
    command.mut_args(ignore).mut_subcommands(|command| without(command, unset))
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

    #[test]
    fn a_variable_that_counts_as_not_set_tells_no_argument() {
        assert!(Line::command().try_get_matches_from(["x"]).is_err());
        let matches = without(Line::command(), |name| name == "PATH").try_get_matches_from(["x"]).unwrap();
        assert!(!Line::from_arg_matches(&matches).unwrap().json);
        assert!(without(Line::command(), |_| false).try_get_matches_from(["x"]).is_err());
    }
}
