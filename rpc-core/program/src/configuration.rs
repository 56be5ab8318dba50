//! A file of options: what may be said on a command line, written down as TOML.
//!
//! Owned by [`arguments`](crate::arguments), which reads it for each command line that has the group [`Configuration`]. The
//! command line goes before the environment, that before the file, that before the defaults. Options, values and rules are
//! clap's, so that the file cannot mean anything else than the same words on the command line.

mod file;
mod sample;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};

use self::file::File;

/// The options that name the file and show it, to be flattened into a command line that shall have one.
#[derive(Clone, Debug, Default, Args)]
pub struct Configuration {
    /// Take options from this file where neither the command line nor the environment has them: KEY = VALUE, by the names of
    /// the options
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print what would be used as such a file, with an explanation of every option, and end
    #[arg(long)]
    pub print_config: bool,
}

/// Reads these words as the command line of `program`, with the file that they name below them.
///
/// # Errors
/// What clap says of the words, or of the file; what was asked to be printed is such an "error" too.
pub(crate) fn matches(program: &Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let whole = |more: Vec<OsString>| program.clone().try_get_matches_from(words.iter().cloned().chain(more));
    // Only a look: what is wrong with the words, or asks for help, is said by the reading that counts.
    let Ok(seen) = program.clone().ignore_errors(true).try_get_matches_from(words) else {
        return whole(Vec::new());
    };
    let (command, seen) = chosen(program, &seen);
    let Some(path) = option::<PathBuf>(seen, "config") else {
        return finish(program, whole(Vec::new())?);
    };
    let file = File::read(path, command)?;
    let below = file.words(|option| {
        matches!(seen.value_source(option), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    });
    match whole(below) {
        Ok(matches) => finish(program, matches),
        Err(mut error) => {
            if whole(Vec::new()).is_ok() {
                let tip = format!("the options of {} count too", path.display());
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
            Err(error)
        }
    }
}

/// The subcommand that was chosen, or the program itself.
pub(crate) fn chosen<'a>(program: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    let below = matches.subcommand().and_then(|(name, below)| Some((program.find_subcommand(name)?, below)));
    below.map_or((program, matches), |(command, below)| chosen(command, below))
}

/// The value of an option that the command line may not know.
fn option<'a, T: Clone + Send + Sync + 'static>(matches: &'a ArgMatches, id: &str) -> Option<&'a T> {
    matches.try_get_one(id).ok().flatten()
}

/// The matches, unless it was asked what they are.
fn finish(program: &Command, matches: ArgMatches) -> Result<ArgMatches, clap::Error> {
    let (command, chosen) = chosen(program, &matches);
    if option(chosen, "print_config") != Some(&true) {
        return Ok(matches);
    }
    // A help text is what clap prints as it stands.
    let text = sample::of(command, chosen);
    command.clone().override_help(text).try_get_matches_from([command.get_name(), "--help"])
}

/// The options that a file may have: those with a name of their own that do not end the program.
fn settings(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    const OTHERS: [&str; 6] = ["help", "version", "config", "print_config", "completions", "man_pages"];
    let fit = |argument: &&Arg| !argument.is_hide_set() && !OTHERS.contains(&argument.get_id().as_str());
    command.get_arguments().filter(fit).filter_map(|argument| Some((argument.get_long()?, argument)))
}

#[cfg(test)]
mod tests;
