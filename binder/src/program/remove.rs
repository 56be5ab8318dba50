//! `binder remove`: takes out registrations whose servers are gone, and others when it is told to.

use std::process::ExitCode;

use binder::{Binder, Entry, State, Target};
use clap::Args;

use super::chosen::{self, Chosen, server, target};
use super::drain::tell;
use super::screen::harmless;
use super::{Ask, Asked, Failure};

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
that the binder gives none of them up.

What is removed is refused to the same start of its server for ten minutes. A server that keeps its registration hears of it in \
that time, and leaves the procedure alone until it is started again. A program that sends no identity has it again with its \
next call: end it instead. A binder without --state forgets removals when it is restarted.

The JSON has one object a registration:
  event              removed, or gone: it had left before
  binder             which one was told: with several, each is
  name, address, port, instance, epoch
                     as in `binder list --json`";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { chosen, force, ask } = arguments;
    ask.each(|asked| {
        let entries = chosen.find(asked)?;
        let (removed, others) = if *force {
            chosen::apply(asked, entries, |targets| asked.client.remove(targets))?
        } else {
            refuse_living(&entries)?;
            chosen::apply(asked, entries, |targets| asked.client.remove_suspects(targets))?
        };
        for entry in &removed {
            tell(ask.form(), asked, "removed", "is removed", entry)?;
        }
        // Some may have come back since they were looked at, and are there.
        let there: Vec<_> = if others.is_empty() { Vec::new() } else { still_there(chosen, asked)? };
        let (back, gone): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|entry| there.contains(&target(entry)));
        for entry in &gone {
            tell(ask.form(), asked, "gone", "had left before", entry)?;
        }
        refuse_living(
            &back.into_iter().map(|entry| Entry { state: State::Live, ..entry }).collect::<Vec<_>>(),
        )?;
        Ok(ExitCode::SUCCESS)
    })
}

fn still_there(chosen: &Chosen, asked: &Asked) -> Result<Vec<Target>, Failure> {
    match chosen.find(asked) {
        Ok(entries) => Ok(entries.iter().map(target).collect()),
        Err(Failure::NothingChosen(_)) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
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
