//! Where the cursor is in a line that is being typed.

use std::ffi::OsString;
use std::iter;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::{arguments, configuration};

/// The argument that is being typed, and what stands before it.
#[derive(Clone, Debug)]
pub struct Place {
    argument: String,
    begun: String,
    before: ArgMatches,
}

impl Place {
    /// The place of the last of these words, which follow the program's name; `None` if it begins an option, or has no place.
    pub(super) fn of<C: CommandFactory>(words: &[OsString]) -> Option<Place> {
        let (begun, before) = words.split_last()?;
        let begun = begun.to_str().filter(|begun| !begun.starts_with('-'))?;
        let program = C::command();
        let name = OsString::from(program.get_name());
        // Whose value the word would be shows where another one turns up that nobody types.
        let words: Vec<OsString> =
            iter::once(&name).chain(before).cloned().chain(iter::once(OsString::from(NEVER_TYPED))).collect();
        let program = arguments::command(program, &words).ignore_errors(true);
        let matches = program.clone().try_get_matches_from(&words).ok()?;
        let (command, before) = configuration::chosen(&program, &matches);
        let is_here = |id: &str| {
            let mut raw = before.try_get_raw(id).ok().flatten().into_iter().flatten();
            raw.any(|word| word == NEVER_TYPED)
        };
        let argument =
            command.get_arguments().map(|argument| argument.get_id().as_str()).find(|id| is_here(id))?;
        Some(Place { argument: argument.to_owned(), begun: begun.to_owned(), before: before.clone() })
    }

    /// The argument's id: the name of its field.
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// What there is of it up to the cursor.
    pub fn begun(&self) -> &str {
        &self.begun
    }

    /// A group of options of the same subcommand, as they have been typed so far; `None` where they do not read.
    pub fn options<A: FromArgMatches>(&self) -> Option<A> {
        A::from_arg_matches(&self.before).ok()
    }
}

const NEVER_TYPED: &str = "\u{1}";
