//! `binder lookup`: where one procedure is served.

use std::process::ExitCode;

use binder::{Binder, Entry, Question};
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
only where no others are left.

The JSON has one object a server, with the same keys as `binder list --json`.";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { name, version, metadata: pairs, all, ask } = arguments;
    let question = Question { name: name.clone(), version: version.clone(), metadata: metadata(pairs) };
    let found = ask.client()?.lookup(question).map_err(|error| ask.failure(error))?;
    let chosen = if *all { found.entries } else { choose(found.entries).into_iter().collect() };
    match ask.form() {
        Form::Json => output::json_lines(&chosen)?,
        Form::Text => {
            for entry in &chosen {
                output::line(&harmless(&place(entry)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
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
