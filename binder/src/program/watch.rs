//! `binder watch`: what is registered, and then each change as it happens, also across restarts of the binder.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use binder::{Binder, Change, Departure, Entry, Notice, Revision, Scope};
use chrono::Local;
use clap::Args;
use crossbeam_channel::{bounded, select};
use rpc_core::{Context, Endpoint, Status, Stream, threads};
use rpc_program::signals;
use serde::Serialize;

use super::list::{self, place};
use super::output::{self, Form};
use super::screen::{Paint, Screen, Tone, harmless};
use super::{Ask, Asked, Failure};

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

It goes on until Ctrl-C. When the binder tells nothing more it says so, tries again, and the others if there are several. It \
misses nothing: it gets what happened meanwhile, or everything again from another binder or one that was restarted.

The JSON has one object a line:
  event    reset: forget all you know, all there is follows; with binder: its
           address, binder_age_ms: for how long it has run, and lease_ms: a
           younger one than that may not know every living server yet
           added, changed: with the keys of `binder list --json`
           removed: with name, instance, epoch and why
           current: you know everything now, as of this revision
           lost: the binder tells nothing more, with why; it is tried again
  why      removed: unregistered, expired, superseded, restarted or removed";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop().map_err(Failure::Signals)?;
    let ask = &arguments.ask;
    let (life, canceller) = Context::cancellable();
    let (watching, over) = bounded::<Infallible>(0);
    let signals = stop.signals().clone();
    let ending = threads::spawn("watch-stop", move || {
        select! {
            recv(signals) -> _ => {}
            recv(over) -> _ => {}
        }
        drop(canceller);
    })
    .map_err(Failure::Threads)?;
    let outcome = life.scope(|| Watch::begin(ask, arguments.prefix.clone().unwrap_or_default())?.run());
    let was_stopped = life.is_cancelled();
    drop(watching);
    drop(ending);
    if was_stopped { Ok(ExitCode::SUCCESS) } else { outcome }
}

/// Everything that it waits for ends when the current context is cancelled: the user has stopped it.
struct Watch {
    binder: Asked,
    /// Those to turn to, the next one first.
    others: VecDeque<Asked>,
    stream: Stream<Notice>,
    scope: Scope,
    /// Up to where everything has been told.
    seen: Option<Revision>,
    teller: Teller,
}

impl Watch {
    /// With the first binder that lets us. Only now is one that does not answer more likely to be a slip of the pen.
    fn begin(ask: &Ask, prefix: String) -> Result<Watch, Failure> {
        let scope = Scope::Prefix(prefix);
        let (first, stream) =
            ask.first(|asked| open(asked, &scope, None).map(|stream| (asked.binder.clone(), stream)))?;
        let mut binders: VecDeque<_> = ask.binders()?.into();
        let place = binders.iter().position(|asked| asked.binder == first).unwrap_or_default();
        binders.rotate_left(place);
        let binder = binders.pop_front().ok_or(Failure::NoBinder)?;
        let teller = Teller { form: ask.form(), paint: Screen::stdout().paint };
        Ok(Watch { binder, others: binders, stream, scope, seen: None, teller })
    }

    fn run(mut self) -> Result<ExitCode, Failure> {
        loop {
            let lost = self.follow()?;
            if Context::current().is_cancelled() {
                return Ok(ExitCode::SUCCESS);
            }
            let binder = self.binder.binder.to_string();
            self.teller.tell(&Event::Lost { binder: &binder, why: &lost.to_string() })?;
            self.reopen()?;
            self.teller.tell_return(&self.binder.binder)?;
        }
    }

    fn turn(&mut self) {
        if let Some(next) = self.others.pop_front() {
            self.others.push_back(std::mem::replace(&mut self.binder, next));
        }
    }

    /// Tells everything until the stream ends.
    fn follow(&mut self) -> Result<Status, Failure> {
        loop {
            match self.stream.next() {
                Some(Ok(notice)) => self.tell(&notice)?,
                Some(Err(status)) => return Ok(status),
                None => return Ok(Status::unavailable("the binder ended the watch")),
            }
        }
    }

    /// Tries all binders in turn until one lets us.
    ///
    /// # Errors
    /// When the only one refuses, or the user has stopped it.
    fn reopen(&mut self) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            // It ends by disconnection when the user stops it; then there is nothing to open.
            let _ = Context::current().cancelled().recv_timeout(pause);
            for _ in 0..=self.others.len() {
                match open(&self.binder, &self.scope, self.seen) {
                    Ok(stream) => {
                        self.stream = stream;
                        return Ok(());
                    }
                    Err(why) if Context::current().is_cancelled() => return Err(why),
                    Err(Failure::Unreachable(..)) => {}
                    Err(refused) if self.others.is_empty() => return Err(refused),
                    Err(refused) => output::fail(&refused)?,
                }
                self.turn();
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    fn tell(&mut self, notice: &Notice) -> Result<(), Failure> {
        for change in &notice.changes {
            match change {
                Change::Reset { binder_age_ms, lease_ms } => {
                    let (binder_age_ms, lease_ms) = (*binder_age_ms, *lease_ms);
                    // What was told before holds no more, also as a place to go on from.
                    self.seen = None;
                    let binder = self.binder.binder.to_string();
                    self.teller.tell(&Event::Reset { binder: &binder, binder_age_ms, lease_ms })?;
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
    Reset { binder: &'a str, binder_age_ms: u64, lease_ms: u64 },
    Added(&'a Entry),
    Changed(&'a Entry),
    Removed { name: &'a str, instance: &'a str, epoch: u64, why: Departure },
    Current { revision: Revision },
    Lost { binder: &'a str, why: &'a str },
}

struct Teller {
    form: Form,
    paint: Paint,
}

impl Teller {
    fn tell(&self, event: &Event<'_>) -> Result<(), Failure> {
        if self.form == Form::Json {
            return Ok(output::json(event)?);
        }
        let at = Local::now().format("%H:%M:%S");
        match event {
            Event::Lost { binder, why } => {
                output::remark(&format!(
                    "{at} the binder at {binder} tells nothing more, trying again: {why}"
                ))?;
            }
            Event::Reset { binder, .. } => {
                output::line(&format!("{at} everything that is registered with the binder at {binder}:"))?;
            }
            Event::Current { .. } => {}
            Event::Added(_) | Event::Changed(_) | Event::Removed { .. } => {
                output::line(&format!("{at} {}", self.line(event)))?;
            }
        }
        Ok(())
    }

    /// For people: programs are told where they stand, by `current`.
    fn tell_return(&self, binder: &Endpoint) -> Result<(), Failure> {
        if self.form == Form::Text {
            let at = Local::now().format("%H:%M:%S");
            output::remark(&format!("{at} the binder at {binder} tells again"))?;
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

fn open(asked: &Asked, scope: &Scope, seen: Option<Revision>) -> Result<Stream<Notice>, Failure> {
    // A stream may say nothing for long, so whether there is anybody is asked first, within the time of an answer.
    asked.client.stats().map_err(|error| asked.failure(error))?;
    // The client's time would be the stream's too.
    let client = asked.client.with_deadline(Duration::MAX);
    client.watch(scope.clone(), seen).map_err(|error| asked.failure(error))
}

/// The pauses between attempts to reach a binder that is gone.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
