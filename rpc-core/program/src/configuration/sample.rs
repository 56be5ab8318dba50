//! A file of options that explains itself, written from the command line's own definition.

use std::fmt::Write as _;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::settings;

/// How wide an explanation may be, its mark included.
const WIDTH: usize = 100;

/// Every option with its explanation: what was told stands as it was told, and what was not is commented out, with its
/// default or with the shape of its value.
pub(super) fn of(command: &Command, matches: &ArgMatches) -> String {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let mut text = String::new();
    remark(
        &mut text,
        &format!(
            "The configuration of {name}. A line that is commented out shows the default, or the shape of a value. The \
         command line and the environment go before this file."
        ),
    );
    for (name, option) in settings(command) {
        text.push('\n');
        explain(&mut text, option);
        let told = matches.value_source(option.get_id().as_str());
        let told = matches!(told, Some(ValueSource::CommandLine | ValueSource::EnvVariable));
        let mark = if told { "" } else { "#" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark}{name} = {}", value(option, matches));
    }
    text
}

fn explain(text: &mut String, option: &Arg) {
    let help =
        option.get_long_help().or_else(|| option.get_help()).map(ToString::to_string).unwrap_or_default();
    remark(text, &help);
    // A switch is true or false here, whatever else its variable takes.
    if !matches!(option.get_action(), ArgAction::SetTrue) {
        for value in option.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
            let meaning = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
            remark(text, &format!("- {}{meaning}", value.get_name()));
        }
    }
    if let Some(variable) = option.get_env() {
        remark(text, &format!("Environment: {}", variable.to_string_lossy()));
    }
}

/// Comment lines with these words.
fn remark(text: &mut String, words: &str) {
    let mut width = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count().saturating_add(1);
        if width == 0 || width + length > WIDTH {
            text.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        text.push(' ');
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}

/// The option's value as TOML: as it was told, its default, or the shape of what it takes.
fn value(option: &Arg, matches: &ArgMatches) -> String {
    let id = option.get_id().as_str();
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return matches.try_get_one(id).ok().flatten().unwrap_or(&false).to_string();
    }
    let told: Vec<String> = matches
        .try_get_raw(id)
        .ok()
        .flatten()
        .map(|values| values.map(|value| quoted(&value.to_string_lossy())).collect())
        .unwrap_or_default();
    let shape =
        || quoted(&option.get_value_names().map_or_else(|| "VALUE".to_owned(), |names| names.join(" ")));
    if matches!(option.get_action(), ArgAction::Append) {
        let values = if told.is_empty() { vec![shape()] } else { told };
        return format!("[{}]", values.join(", "));
    }
    told.into_iter().next().unwrap_or_else(shape)
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
