//! Reading a file of options: each is checked by itself, so that what is wrong has a line, a key, and what is allowed.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use toml::de::{DeTable, DeValue};

use super::settings;

/// The largest file: 256 KiB. A thousand options with a paragraph each fit.
const LARGEST: u64 = 256 << 10;

/// A file whose every line is good.
#[derive(Debug)]
pub(super) struct File {
    entries: Vec<Entry>,
}

/// What one key says, as words of a command line.
#[derive(Debug)]
struct Entry {
    id: String,
    words: Vec<OsString>,
}

impl File {
    /// # Errors
    /// When the file cannot be read, is no TOML, or a key or a value is not one of the command's.
    pub(super) fn read(path: &Path, command: &Command) -> Result<File, clap::Error> {
        let text = read(path).map_err(|error| {
            clap::Error::raw(
                ErrorKind::Io,
                format!("the configuration {} cannot be read: {error}\n", path.display()),
            )
        })?;
        File::parse(&text, command).map_err(|Wrong { at, why }| {
            let line = text.get(..at).unwrap_or(&text).matches('\n').count().saturating_add(1);
            let place = format!("{}, line {line}: {why}\n", path.display());
            clap::Error::raw(ErrorKind::ValueValidation, place)
        })
    }

    fn parse(text: &str, command: &Command) -> Result<File, Wrong> {
        let table = DeTable::parse(text).map_err(|error| Wrong {
            at: error.span().map_or(0, |span| span.start),
            why: format!(
                "{} (a line is KEY = \"VALUE\", true or false, or a # and a remark)",
                error.message()
            ),
        })?;
        let mut lines: Vec<(Range<usize>, &str, &DeValue<'_>)> = table
            .get_ref()
            .iter()
            .map(|(key, value)| (key.span(), &**key.get_ref(), value.get_ref()))
            .collect();
        lines.sort_by_key(|(span, ..)| span.start);
        let entry = |(span, key, value): (Range<usize>, &str, &DeValue<'_>)| {
            entry(command, key, value).map_err(|why| Wrong { at: span.start, why })
        };
        Ok(File { entries: lines.into_iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// Words that say what the file says, but for the options that are told elsewhere.
    pub(super) fn words(self, is_told: impl Fn(&str) -> bool) -> Vec<OsString> {
        self.entries.into_iter().filter(|entry| !is_told(&entry.id)).flat_map(|entry| entry.words).collect()
    }
}

/// What is wrong, and at which byte.
#[derive(Debug)]
struct Wrong {
    at: usize,
    why: String,
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it has more than {} KiB", LARGEST >> 10)));
    }
    Ok(text)
}

fn entry(command: &Command, key: &str, value: &DeValue<'_>) -> Result<Entry, String> {
    let found = settings(command).find(|(name, _)| *name == key);
    let (name, option) = found.ok_or_else(|| unknown(command, key, value))?;
    let words = match (option.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(said)) => {
            if *said {
                vec![OsString::from(format!("--{name}"))]
            } else {
                Vec::new()
            }
        }
        (ArgAction::SetTrue, _) => return Err(format!("{name} is true or false, without quotes")),
        (ArgAction::Append, DeValue::Array(values)) => {
            values.iter().map(|value| word(name, option, value.get_ref())).collect::<Result<_, _>>()?
        }
        _ => vec![word(name, option, value)?],
    };
    Ok(Entry { id: option.get_id().to_string(), words })
}

fn unknown(command: &Command, key: &str, value: &DeValue<'_>) -> String {
    if matches!(value, DeValue::Table(_)) {
        return format!(
            "{key} is a table, and this file has none: a line is KEY = VALUE, and a key has no dot"
        );
    }
    let names: Vec<&str> = settings(command).map(|(name, _)| name).collect();
    let tried = command.clone().try_get_matches_from([command.get_name(), &format!("--{key}")]);
    let near = tried.err().and_then(|error| match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(option)) => Some(option.trim_start_matches('-').to_owned()),
        _ => None,
    });
    let near = near.filter(|near| names.contains(&near.as_str()));
    let near = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
    format!("there is no option {key}{near} (there are {})", names.join(", "))
}

/// `--name=value`, if the option takes that value.
fn word(name: &str, option: &Arg, value: &DeValue<'_>) -> Result<OsString, String> {
    let shape = option.get_value_names().map_or_else(|| name.to_uppercase(), |names| names.join(" "));
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(said) => said.to_string(),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            return Err(format!("{name} is one value: {name} = \"{shape}\""));
        }
    };
    if text.is_empty() {
        return Err(format!("{name} is empty: leave the line out, or say {name} = \"{shape}\""));
    }
    check(option.get_value_parser(), &text)
        .map_err(|why| format!("{name}: {text:?} is no {shape}: {why}"))?;
    Ok(OsString::from(format!("--{name}={text}")))
}

/// Why the option does not take this value.
fn check(parser: &ValueParser, text: &str) -> Result<(), String> {
    let value = Arg::new("value").long("value").value_parser(parser.clone());
    let probe = Command::new("probe").no_binary_name(true).arg(value);
    let Err(error) = probe.try_get_matches_from([format!("--value={text}")]) else { return Ok(()) };
    let near = match error.get(ContextKind::SuggestedValue) {
        Some(ContextValue::String(near)) => format!("did you mean {near}? "),
        _ => String::new(),
    };
    Err(match (error.get(ContextKind::ValidValue), std::error::Error::source(&error)) {
        (Some(ContextValue::Strings(values)), _) => format!("{near}it is one of {}", values.join(", ")),
        (_, Some(why)) => why.to_string(),
        _ => "it is not understood".to_owned(),
    })
}
