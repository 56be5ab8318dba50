//! `binder lookup`: where one procedure is served.

use std::process::ExitCode;

use binder::{Binder, Entry, Question, State};
use clap::Args;

use super::arguments::{metadata, pair};
use super::list::place;
use super::output::{self, Form};
use super::screen::harmless;
use super::{Ask, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The procedure's name
    name: String,

    /// Only servers whose version meets this, written as in Cargo: 1.2, or '>=1.2, <2'
    #[arg(long, value_name = "REQUIREMENT")]
    version: Option<String>,

    /// Only servers that say this of themselves; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,

    /// Print all of its servers, one a line
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder lookup send_message
  binder lookup resize --version '>=1.4, <2' --metadata zone=a --all

Of several servers it prints one, by chance and weight, as a client would choose. Those that drain or are suspect are told \
only where no others are left, and a remark on standard error says so.

The JSON has one object a server, with the same keys as `binder list --json`.";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { name, version, metadata: pairs, all, ask } = arguments;
    let question = Question { name: name.clone(), version: version.clone(), metadata: metadata(pairs) };
    let found =
        ask.first(|asked| asked.client.lookup(question.clone()).map_err(|error| asked.failure(error)))?;
    let chosen = if *all { found.entries } else { choose(found.entries).into_iter().collect() };
    match ask.form() {
        Form::Json => output::json_lines(&chosen)?,
        Form::Text => {
            for entry in &chosen {
                output::line(&harmless(&place(entry)))?;
            }
            // All that are told are in the same state.
            if let Some(doubt) = chosen.first().and_then(|entry| doubt(entry.state)) {
                output::remark(&format!("{} {doubt}", harmless(name)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a person should know who goes there all the same.
fn doubt(state: State) -> Option<&'static str> {
    match state {
        State::Live => None,
        State::Draining => Some("is served by nobody else, and this server is about to end"),
        State::Suspect => Some(
            "may be served by nobody: the binder has not heard of this server for a whole lease, and knows no other \
             (`binder doctor` says more)",
        ),
    }
}

/// One of them, each as likely as its weight.
fn choose(entries: Vec<Entry>) -> Option<Entry> {
    let total: u64 = entries.iter().map(|entry| u64::from(entry.weight)).sum();
    let mut chance = fastrand::u64(..total.max(1));
    entries.into_iter().find(|entry| match chance.checked_sub(u64::from(entry.weight)) {
        Some(rest) => {
            chance = rest;
            false
        }
        None => true,
    })
}
