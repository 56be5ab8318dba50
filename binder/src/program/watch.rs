//! `binder watch`: what is registered, and then each change as it happens, also across restarts of the binder.

use std::process::ExitCode;
use std::time::Duration;

use binder::{Binder, BinderClient, BinderError, Change, Departure, Entry, Notice, Revision, Scope};
use chrono::Local;
use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rpc_core::{Status, Stream};
use rpc_program::signals::{self, Signal};
use serde::Serialize;

use super::list::{self, place};
use super::output::{self, Form};
use super::screen::{Paint, Screen, Tone, harmless};
use super::{Ask, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the names begin with; all without it
    prefix: Option<String>,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder watch
  binder watch chat. --json | jq -r 'select(.event == \"removed\") | .name'

It goes on until Ctrl-C. When the binder is gone it says so, tries again, and misses nothing: it gets what happened \
meanwhile, or everything again from a binder that was restarted.

The JSON has one object a line:
  event    reset: forget all you know, all there is follows; with
           binder_age_ms: for how long the binder has run, and lease_ms: a
           younger one than that may not know every living server yet
           added, changed: with the keys of `binder list --json`
           removed: with name, instance, epoch and why
           current: you know everything now, as of this revision
           lost: the binder is gone, with why; it is tried again
  why      removed: unregistered, expired, superseded, restarted or removed";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop().map_err(Failure::Signals)?;
    let ask = &arguments.ask;
    let scope = Scope::Prefix(arguments.prefix.clone().unwrap_or_default());
    let teller = Teller { form: ask.form(), paint: Screen::stdout().paint, binder: ask.binder.to_string() };
    let mut watch = Watch { client: ask.client()?, scope, seen: None, teller };
    // Only the first time is a binder that does not answer more likely to be a slip of the pen.
    let mut stream = watch.open().map_err(|error| ask.failure(error))?;
    loop {
        let lost = match watch.follow(stream, stop.signals())? {
            Ended::Stopped => return Ok(ExitCode::SUCCESS),
            Ended::Lost(why) => why,
        };
        watch.teller.tell(&Event::Lost { why: &lost.to_string() })?;
        match watch.reopen(stop.signals()).map_err(|error| ask.failure(error))? {
            Some(again) => stream = again,
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

struct Watch {
    client: BinderClient,
    scope: Scope,
    /// Up to where everything has been told.
    seen: Option<Revision>,
    teller: Teller,
}

/// Why a stream is followed no longer.
enum Ended {
    Stopped,
    Lost(Status),
}

impl Watch {
    fn open(&self) -> Result<Stream<Notice>, BinderError> {
        // The client's time would be the stream's too.
        self.client.with_deadline(Duration::MAX).watch(self.scope.clone(), self.seen)
    }

    /// Tells everything until the stream or the user ends it.
    fn follow(&mut self, mut stream: Stream<Notice>, stop: &Receiver<Signal>) -> Result<Ended, Failure> {
        while stop.is_empty() {
            if !stream.wait_timeout(LOOK) {
                continue;
            }
            match stream.next() {
                Some(Ok(notice)) => self.tell(&notice)?,
                Some(Err(status)) => return Ok(Ended::Lost(status)),
                None => return Ok(Ended::Lost(Status::unavailable("the binder ended the watch"))),
            }
        }
        Ok(Ended::Stopped)
    }

    /// Tries until it works; `None` when the user stopped it, an error when the binder is there and refuses.
    fn reopen(&self, stop: &Receiver<Signal>) -> Result<Option<Stream<Notice>>, BinderError> {
        let mut pause = FIRST_PAUSE;
        while stop.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            match self.open() {
                Ok(stream) => return Ok(Some(stream)),
                Err(BinderError::Status(_)) => pause = LONGEST_PAUSE.min(pause * 2),
                Err(refused) => return Err(refused),
            }
        }
        Ok(None)
    }

    fn tell(&mut self, notice: &Notice) -> Result<(), Failure> {
        for change in &notice.changes {
            match change {
                Change::Reset { binder_age_ms, lease_ms } => {
                    self.teller.tell(&Event::Reset { binder_age_ms: *binder_age_ms, lease_ms: *lease_ms })?;
                }
                Change::Added(entry) => self.teller.tell(&Event::Added(entry))?,
                Change::Changed(entry) => self.teller.tell(&Event::Changed(entry))?,
                Change::Removed(gone) => {
                    let (name, instance) = (&gone.name, &gone.instance);
                    let event = Event::Removed { name, instance, epoch: gone.epoch, why: gone.why };
                    self.teller.tell(&event)?;
                }
                _ => {}
            }
        }
        if let Some(revision) = notice.revision {
            self.seen = Some(revision);
            self.teller.tell(&Event::Current { revision })?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Reset { binder_age_ms: u64, lease_ms: u64 },
    Added(&'a Entry),
    Changed(&'a Entry),
    Removed { name: &'a str, instance: &'a str, epoch: u64, why: Departure },
    Current { revision: Revision },
    Lost { why: &'a str },
}

struct Teller {
    form: Form,
    paint: Paint,
    binder: String,
}

impl Teller {
    fn tell(&self, event: &Event<'_>) -> Result<(), Failure> {
        if self.form == Form::Json {
            return Ok(output::json(event)?);
        }
        let at = Local::now().format("%H:%M:%S");
        match event {
            Event::Lost { why } => {
                output::remark(&format!("{at} the binder at {} is gone, trying again: {why}", self.binder))?;
            }
            Event::Reset { .. } => output::line(&format!("{at} everything that is registered:"))?,
            Event::Current { .. } => {}
            Event::Added(_) | Event::Changed(_) | Event::Removed { .. } => {
                output::line(&format!("{at} {}", self.line(event)))?;
            }
        }
        Ok(())
    }

    fn line(&self, event: &Event<'_>) -> String {
        match event {
            Event::Added(entry) => self.entry(Tone::Good, "added", entry),
            Event::Changed(entry) => self.entry(Tone::Doubtful, "changed", entry),
            Event::Removed { name, instance, why, .. } => {
                let verb = self.paint.tint(Tone::Bad, "removed");
                format!("{verb}  {} ({}): {}", harmless(name), harmless(instance), reason(*why))
            }
            Event::Reset { .. } | Event::Current { .. } | Event::Lost { .. } => String::new(),
        }
    }

    fn entry(&self, tone: Tone, verb: &str, entry: &Entry) -> String {
        let verb = self.paint.tint(tone, &format!("{verb:7}"));
        let state = entry.state;
        let state = self.paint.tint(list::tone(state), &state.to_string());
        let (name, place, instance) = (&entry.name, place(entry), &entry.instance);
        format!("{verb}  {} at {} ({}): {state}", harmless(name), harmless(&place), harmless(instance))
    }
}

fn reason(why: Departure) -> &'static str {
    match why {
        Departure::Unregistered => "its server took it out",
        Departure::Expired => "its server was not heard of for two leases",
        Departure::Superseded => "another server has it now",
        Departure::Restarted => "its server was restarted and does not serve it any more",
        Departure::Removed => "somebody removed it",
        _ => "for a reason that this version does not know",
    }
}

/// How soon the end is seen.
const LOOK: Duration = Duration::from_millis(100);
/// The pauses between attempts to reach a binder that is gone.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
