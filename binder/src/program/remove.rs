//! `binder remove`: takes out registrations whose servers are gone, and others when it is told to.

use std::process::ExitCode;

use binder::{Binder, Entry, State};
use clap::Args;

use super::chosen::{self, Chosen, server};
use super::drain::tell;
use super::screen::harmless;
use super::{Ask, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,

    /// Take out servers that live, too
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder remove --instance 3f9a      all that one dead server has left
  binder remove resize --address 10.0.0.7:4000
  binder remove resize --all --force

Suspects go by themselves after a second lease; this is for those who cannot wait, and for when so many are suspect at once \
that the binder gives none of them up. A server that lives is told, and does not register again until it is restarted.

The JSON has one object a registration:
  event              removed, or gone: it had left before
  name, address, port, instance, epoch
                     as in `binder list --json`";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { chosen, force, ask } = arguments;
    let entries = chosen.find(ask)?;
    if !force {
        refuse_living(&entries)?;
    }
    let client = ask.client()?;
    let (removed, gone) = chosen::apply(ask, entries, |targets| client.remove(targets))?;
    for entry in &removed {
        tell(ask.form(), "removed", "is removed", entry)?;
    }
    for entry in &gone {
        tell(ask.form(), "gone", "had left before", entry)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_living(entries: &[Entry]) -> Result<(), Failure> {
    let mut living = entries.iter().filter(|entry| entry.state != State::Suspect);
    let Some(first) = living.next() else { return Ok(()) };
    let first = format!("{} at {} lives", harmless(&first.name), server(first));
    let what = match living.count() {
        0 => first,
        more => format!("{first}, and {more} more"),
    };
    Err(Failure::Lives { what })
}
