//! `binder drain`: sends no more callers to a server that is about to end, or takes that back.

use std::process::ExitCode;

use binder::{Binder, Entry};
use clap::Args;
use serde::Serialize;

use super::chosen::{self, Chosen, server};
use super::output::{self, Form};
use super::screen::harmless;
use super::{Ask, Asked, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,

    /// Take it back: send callers there again
    #[arg(long)]
    undo: bool,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder drain --instance 3f9a       all procedures of one server
  binder drain resize --address 10.0.0.7:4000
  binder drain resize --all --undo

A draining server is told only to callers who have no other choice; calls that run go on. It drains until it unregisters, or \
--undo is said. It does not drain any more when it is started again, nor when it registers again because the binder had given \
it up or forgotten it.

The JSON has one object a registration:
  event              drained, resumed, or gone: it had left before
  binder             which one was told: with several, each is
  name, address, port, instance, epoch
                     as in `binder list --json`";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { chosen, undo, ask } = arguments;
    let (event, verb) = if *undo { ("resumed", "serves again") } else { ("drained", "drains") };
    ask.each(|asked| {
        let entries = chosen.find(asked)?;
        let (done, gone) = if *undo {
            chosen::apply(asked, entries, |targets| asked.client.resume(targets))?
        } else {
            chosen::apply(asked, entries, |targets| asked.client.drain_targets(targets))?
        };
        for entry in &done {
            tell(ask.form(), asked, event, verb, entry)?;
        }
        for entry in &gone {
            tell(ask.form(), asked, "gone", "had left before", entry)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Says what became of one registration.
pub(super) fn tell(
    form: Form,
    asked: &Asked,
    event: &'static str,
    verb: &str,
    entry: &Entry,
) -> Result<(), Failure> {
    let Entry { name, address, port, instance, epoch, .. } = entry;
    let binder = asked.binder.to_string();
    match form {
        Form::Json => {
            output::json(&Done { event, binder, name, address, port: *port, instance, epoch: *epoch })?;
        }
        Form::Text => {
            let place = asked.place();
            output::line(&format!("{} at {} {verb}{place}", harmless(name), server(entry)))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Done<'a> {
    event: &'static str,
    binder: String,
    name: &'a str,
    address: &'a str,
    port: u16,
    instance: &'a str,
    epoch: u64,
}
