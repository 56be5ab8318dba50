//! `binder register`: keeps procedures registered for a program that does not do it itself.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use binder::{BinderError, LostTo, Mode, Offer, Registration, RegistrationOptions, Remainder, Standing};
use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rpc_core::Endpoint;
use rpc_program::log;
use rpc_program::signals::{self, Signal};
use serde::Serialize;

use super::arguments::{metadata, pair, place, wish};
use super::output::{self, Form};
use super::{Ask, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The procedures
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Where they are served; of 0.0.0.0 the binder takes the address at which it sees this machine
    #[arg(required = true, value_name = "HOST:PORT", value_parser = place)]
    place: Endpoint,

    /// Share the procedures with other servers instead of having them alone
    #[arg(long)]
    shared: bool,

    /// Its share of the calls beside the other servers' weights
    #[arg(long, default_value_t = 1, requires = "shared", value_parser = clap::value_parser!(u16).range(1..))]
    weight: u16,

    /// Its version, as semver.org has it: 1.4.0
    #[arg(long)]
    version: Option<String>,

    /// What else it says of itself; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,

    /// How long the binder believes it without a renewal, 2s to 5m; the binder's own time if not given
    #[arg(long, value_name = "TIME", value_parser = wish)]
    lease: Option<Duration>,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder register legacy.report 10.0.0.7:8081
  binder register resize crop 0.0.0.0:4000 --shared --weight 2 --version 1.4.0 --metadata zone=a

A lease is kept for as long as this program runs; SIGINT or SIGTERM takes the procedures out and ends it. A binder that is \
not there is waited for. Of several binders any one suffices: what one refuses, or has no more because another server \
registered it or an operator removed it there, is kept up with the others. This ends with code 1 when no binder is left to \
keep it up with, and when one could not be told of the end: what that has lapses, suspect after a lease and gone after two.

The JSON has one object a line:
  event       registered, also again after the binder had forgotten it;
              lost: it is left alone with this binder from now on;
              unregistered: everything, at the end; left: this binder could not be told of the end
  binder      registered, lost, left: which one; with several, each is
  name        registered, lost: which one
  place       registered: where it is served, as it was given
  why         lost: another_server has it now, or an operator removed it
  procedures  left: how many it may have
  lease_ms    left: how long it may believe in them; 0 if it never said";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop().map_err(Failure::Signals)?;
    // What concerns the user is said below, in sentences.
    log::init(log::LevelFilter::OFF);
    let ask = &arguments.ask;
    let options = RegistrationOptions {
        token: ask.token()?,
        tls: ask.tls()?,
        lease: arguments.lease,
        ..RegistrationOptions::default()
    };
    let registration = Registration::start_with(ask.binder.to_string(), offers(arguments), options)?;
    let mut kept = Kept { arguments, registration, told: BTreeMap::new() };
    kept.keep(stop.signals())?;
    let Err(left) = kept.registration.close() else {
        tell(ask.form(), "", &Event::Unregistered)?;
        return Ok(ExitCode::SUCCESS);
    };
    for Remainder { binder, procedures, lease, .. } in &left.remainders {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        tell(ask.form(), "", &Event::Left { binder, procedures: *procedures, lease_ms })?;
    }
    Err(Failure::StillRegistered(left))
}

fn offers(arguments: &Arguments) -> Vec<Offer> {
    let Arguments { names, place, weight, version, .. } = arguments;
    let mode = if arguments.shared { Mode::Shared } else { Mode::Exclusive };
    let offer = |name: &String| Offer {
        mode,
        weight: *weight,
        version: version.clone(),
        metadata: metadata(&arguments.metadata),
        ..Offer::new(name, place.host(), place.port())
    };
    names.iter().map(offer).collect()
}

struct Kept<'a> {
    arguments: &'a Arguments,
    registration: Registration,
    /// By binder: what has been said of it.
    told: BTreeMap<String, Told>,
}

/// What the user knows of one binder.
#[derive(Default)]
struct Told {
    /// The procedures that it had, each with how often it had forgotten them by then.
    registered: BTreeMap<String, u64>,
    lost: BTreeSet<String>,
    contact: Contact,
    refusal: Option<BinderError>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Contact {
    #[default]
    Unbroken,
    Broken,
}

impl Kept<'_> {
    /// Until the user stops it, or no binder is left to keep anything up with.
    fn keep(&mut self, stop: &Receiver<Signal>) -> Result<(), Failure> {
        loop {
            let standings = self.registration.standings();
            let over = standings.iter().filter(|standing| self.is_over(standing)).count();
            let outlook = if over < standings.len() { Outlook::Others } else { Outlook::None };
            for standing in &standings {
                self.tell_of(standing, outlook)?;
                if outlook == Outlook::Others {
                    self.tell_trouble(standing);
                }
            }
            if outlook == Outlook::None {
                return Err(self.end_of(&standings));
            }
            if stop.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                return Ok(());
            }
        }
    }

    /// Whether nothing is to be expected of this binder: it has refused from the start, or everything is lost there.
    fn is_over(&self, standing: &Standing) -> bool {
        let names: BTreeSet<&String> = self.arguments.names.iter().collect();
        let told = self.told.get(&standing.binder);
        let had_some = told.is_some_and(|told| !told.registered.is_empty() || !told.lost.is_empty());
        standing.lost.len() >= names.len() || (refusal(standing).is_some() && !had_some)
    }

    /// A refusal that has not been told yet says most.
    fn end_of(&self, standings: &[Standing]) -> Failure {
        let untold = |standing: &&Standing| {
            let told = self.told.get(&standing.binder).and_then(|told| told.refusal.as_ref());
            refusal(standing).is_some_and(|why| told != Some(why))
        };
        let refused = standings.iter().find(untold);
        refused
            .and_then(|standing| Some(self.refused(standing, refusal(standing)?)))
            .unwrap_or(Failure::AllLost)
    }

    fn refused(&self, standing: &Standing, why: &BinderError) -> Failure {
        let failure = Failure::Refused(why.clone());
        match self.several().then(|| standing.binder.parse()) {
            Some(Ok(binder)) => Failure::Of(binder, Box::new(failure)),
            _ => failure,
        }
    }

    fn several(&self) -> bool {
        self.arguments.ask.binder.iter().len() > 1
    }

    /// Says what is new with one binder.
    fn tell_of(&mut self, standing: &Standing, outlook: Outlook) -> Result<(), Failure> {
        let Standing { binder, missing, lost, forgotten, .. } = standing;
        let several = self.several();
        let Arguments { names, place, ask, .. } = self.arguments;
        let with = if several { format!(" (binder {binder})") } else { String::new() };
        let (form, place) = (ask.form(), &place.to_string());
        let told = self.told.entry(binder.clone()).or_default();
        let is_lost = |name: &str| lost.iter().any(|(lost, _)| lost == name);
        for name in names.iter().filter(|name| *missing == 0 && !is_lost(name)) {
            let time = match told.registered.insert(name.clone(), *forgotten) {
                Some(before) if before == *forgotten => continue,
                Some(_) => Time::Again,
                None => Time::First,
            };
            tell(form, &with, &Event::Registered { binder, name, place, time })?;
        }
        for (name, why) in lost {
            if told.lost.insert(name.clone()) {
                tell(form, &with, &Event::Lost { binder, name, why: *why })?;
                if several && outlook == Outlook::Others && form == Form::Text {
                    output::remark(&format!("{name} is kept up with the other binders"))?;
                }
            }
        }
        Ok(())
    }

    /// Says once why it goes on although a binder is away, or refuses. That nobody reads it is no reason to end.
    fn tell_trouble(&mut self, standing: &Standing) {
        let refusal = refusal(standing);
        let failure = refusal.map(|why| self.refused(standing, why));
        let binder = &standing.binder;
        let told = self.told.entry(binder.clone()).or_default();
        match (&standing.trouble, told.contact) {
            (Some(BinderError::Status(why)), Contact::Unbroken) => {
                told.contact = Contact::Broken;
                output::remark(&format!("waiting for the binder at {binder}: {why}")).ok();
            }
            (Some(BinderError::Status(_)), Contact::Broken) | (_, Contact::Unbroken) => {}
            (_, Contact::Broken) => {
                told.contact = Contact::Unbroken;
                output::remark(&format!("the binder at {binder} answers")).ok();
            }
        }
        if let Some(failure) = failure.filter(|_| told.refusal.as_ref() != refusal) {
            told.refusal = refusal.cloned();
            output::fail(&failure).ok();
        }
    }
}

/// Whether anything is kept up elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlook {
    Others,
    None,
}

/// Why a binder that answers does not take something.
fn refusal(standing: &Standing) -> Option<&BinderError> {
    standing.trouble.as_ref().filter(|why| standing.missing > 0 && !matches!(why, BinderError::Status(_)))
}

/// Whether a binder had it before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    First,
    Again,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Registered {
        binder: &'a str,
        name: &'a str,
        place: &'a str,
        #[serde(skip)]
        time: Time,
    },
    Lost {
        binder: &'a str,
        name: &'a str,
        why: LostTo,
    },
    Unregistered,
    Left {
        binder: &'a str,
        procedures: usize,
        lease_ms: u64,
    },
}

fn tell(form: Form, with: &str, event: &Event<'_>) -> Result<(), Failure> {
    let text = match event {
        _ if form == Form::Json => return Ok(output::json(event)?),
        Event::Registered { name, place, time: Time::First, .. } => {
            format!("{name} is registered at {place}, until Ctrl-C{with}")
        }
        Event::Registered { name, place, time: Time::Again, .. } => {
            format!("{name} is registered at {place} again: the binder had forgotten it{with}")
        }
        Event::Lost { name, why, .. } => format!("{name} is lost: {why}{with}"),
        Event::Unregistered => "everything is taken out again".to_owned(),
        // The failure says it, with the reason.
        Event::Left { .. } => return Ok(()),
    };
    Ok(output::line(&text)?)
}

/// How soon what is new is told.
const LOOK: Duration = Duration::from_millis(100);
