//! `binder register`: keeps procedures registered for a program that does not do it itself.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use binder::{BinderError, Mode, Offer, Registration, RegistrationOptions};
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
not there is waited for. If another server takes all of the procedures over, this ends with code 1.

The JSON has one object a line:
  event    registered; lost: another server has it now, or somebody removed it;
           unregistered: everything, at the end
  name     registered, lost: which one
  place    registered: where it is served, as it was given";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop().map_err(Failure::Signals)?;
    log::init(log::LevelFilter::WARN);
    let ask = &arguments.ask;
    let options = RegistrationOptions {
        token: ask.token()?,
        tls: ask.tls()?,
        lease: arguments.lease,
        ..RegistrationOptions::default()
    };
    let registration = Registration::start_with(ask.binder.to_string(), offers(arguments), options)?;
    let kept = Kept { arguments, registration };
    kept.begin(stop.signals())?;
    kept.keep(stop.signals())?;
    kept.registration.close();
    tell(ask.form(), &Event::Unregistered)?;
    Ok(ExitCode::SUCCESS)
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
}

impl Kept<'_> {
    /// Waits until all is registered, or the user has stopped it.
    fn begin(&self, stop: &Receiver<Signal>) -> Result<(), Failure> {
        while let Err(not_yet) = self.registration.wait_registered(LOOK) {
            match not_yet.why {
                Some(refused) if !matches!(refused, BinderError::Status(_)) => {
                    return Err(Failure::Refused(refused));
                }
                _ if !stop.is_empty() => return Ok(()),
                _ => {}
            }
        }
        for name in &self.arguments.names {
            tell(
                self.arguments.ask.form(),
                &Event::Registered { name, place: &self.arguments.place.to_string() },
            )?;
        }
        Ok(())
    }

    /// Until the user stops it, or nothing is left to keep.
    fn keep(&self, stop: &Receiver<Signal>) -> Result<(), Failure> {
        let names: BTreeSet<&String> = self.arguments.names.iter().collect();
        let mut lost = BTreeSet::new();
        while stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            for name in self.registration.superseded() {
                if lost.insert(name.clone()) {
                    tell(self.arguments.ask.form(), &Event::Lost { name: &name })?;
                }
            }
            if lost.len() >= names.len() {
                return Err(Failure::AllLost);
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Registered { name: &'a str, place: &'a str },
    Lost { name: &'a str },
    Unregistered,
}

fn tell(form: Form, event: &Event<'_>) -> Result<(), Failure> {
    let text = match event {
        _ if form == Form::Json => return Ok(output::json(event)?),
        Event::Registered { name, place } => format!("{name} is registered at {place}, until Ctrl-C"),
        Event::Lost { name } => format!("{name} is lost: another server has it now, or somebody removed it"),
        Event::Unregistered => "everything is taken out again".to_owned(),
    };
    Ok(output::line(&text)?)
}

/// How soon a loss is told.
const LOOK: Duration = Duration::from_millis(100);
