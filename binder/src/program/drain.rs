//! `binder drain`: sends no more callers to a server that is about to end, or takes that back.

use std::process::ExitCode;

use binder::{Binder, Entry};
use clap::Args;
use serde::Serialize;

use super::chosen::{self, Chosen, server};
use super::output::{self, Form};
use super::screen::harmless;
use super::{Ask, Failure};

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
--undo is said.

The JSON has one object a registration:
  event              drained, resumed, or gone: it had left before
  name, address, port, instance, epoch
                     as in `binder list --json`";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { chosen, undo, ask } = arguments;
    let entries = chosen.find(ask)?;
    let client = ask.client()?;
    let (done, gone) = if *undo {
        chosen::apply(ask, entries, |targets| client.resume(targets))?
    } else {
        chosen::apply(ask, entries, |targets| client.drain_targets(targets))?
    };
    let (event, verb) = if *undo { ("resumed", "serves again") } else { ("drained", "drains") };
    for entry in &done {
        tell(ask.form(), event, verb, entry)?;
    }
    for entry in &gone {
        tell(ask.form(), "gone", "had left before", entry)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what became of one registration.
pub(super) fn tell(form: Form, event: &'static str, verb: &str, entry: &Entry) -> Result<(), Failure> {
    let Entry { name, address, port, instance, epoch, .. } = entry;
    match form {
        Form::Json => output::json(&Done { event, name, address, port: *port, instance, epoch: *epoch })?,
        Form::Text => output::line(&format!("{} at {} {verb}", harmless(name), server(entry)))?,
    }
    Ok(())
}

#[derive(Serialize)]
struct Done<'a> {
    event: &'static str,
    name: &'a str,
    address: &'a str,
    port: u16,
    instance: &'a str,
    epoch: u64,
}
