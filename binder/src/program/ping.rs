//! `binder ping`: how long the binder takes to answer.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use binder::{Binder, BinderClient, BinderError};
use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rpc_program::duration;
use rpc_program::signals::{self, Signal};
use serde::Serialize;

use super::output::{self, Form, count, micros, milliseconds};
use super::{Ask, Asked, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many calls are measured, behind the one that connects
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,

    /// The pause between two calls
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = duration::parse)]
    interval: Duration,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder ping
  binder ping --count 1000 --interval 1ms --json

A refusal for want of a token is an answer too. Ctrl-C ends it with what was measured so far. The exit code is 1 if a call was \
not answered.

The JSON has one object a line:
  event            connected, answered, lost, or summary at the end
  binder           which one; several are measured one after the other
  round_trip_us    connected, answered: how long it took, in microseconds
  why              lost: what happened
  calls, lost      summary: how many were made, and how many not answered
  fastest_us, median_us, slowest_us
                   summary: of those answered; null if none was";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let ask = &arguments.ask;
    let stop = signals::stop().map_err(Failure::Signals)?;
    let mut stopped = false;
    ask.each(|asked| match stopped {
        true => Ok(ExitCode::SUCCESS),
        false => measure(arguments, asked, stop.signals(), &mut stopped),
    })
}

fn measure(
    arguments: &Arguments,
    asked: &Asked,
    stop: &Receiver<Signal>,
    stopped: &mut bool,
) -> Result<ExitCode, Failure> {
    let Arguments { count, interval, ask } = arguments;
    let client = &asked.client;
    let tell = |event: &Event| tell(ask.form(), asked, event);
    let first = call(client).map_err(|error| asked.failure(error))?;
    tell(&Event::Connected { round_trip_us: micros(first) })?;
    let mut answered = Vec::new();
    let mut lost = 0;
    for _ in 0..*count {
        if stop.recv_timeout(*interval) != Err(RecvTimeoutError::Timeout) {
            *stopped = true;
            break;
        }
        match call(client) {
            Ok(time) => {
                answered.push(time);
                tell(&Event::Answered { round_trip_us: micros(time) })?;
            }
            Err(error) => {
                lost += 1;
                tell(&Event::Lost { why: error.to_string() })?;
            }
        }
    }
    let summary = Summary::new(answered, lost);
    tell(&Event::Summary(summary))?;
    match lost {
        0 => Ok(ExitCode::SUCCESS),
        lost => Err(Failure::Unanswered { lost, count: summary.calls }),
    }
}

/// One round trip.
fn call(client: &BinderClient) -> Result<Duration, BinderError> {
    let start = Instant::now();
    match client.stats() {
        Err(error @ BinderError::Status(_)) => Err(error),
        Ok(_) | Err(_) => Ok(start.elapsed()),
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Connected { round_trip_us: u64 },
    Answered { round_trip_us: u64 },
    Lost { why: String },
    Summary(Summary),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Summary {
    calls: u32,
    lost: u32,
    fastest_us: Option<u64>,
    median_us: Option<u64>,
    slowest_us: Option<u64>,
}

impl Summary {
    fn new(mut answered: Vec<Duration>, lost: u32) -> Summary {
        answered.sort_unstable();
        let at = |place: usize| answered.get(place).copied().map(micros);
        Summary {
            calls: u32::try_from(answered.len()).unwrap_or(u32::MAX).saturating_add(lost),
            lost,
            fastest_us: at(0),
            median_us: at(answered.len() / 2),
            slowest_us: at(answered.len().saturating_sub(1)),
        }
    }
}

/// An event, and the binder that it is about.
#[derive(Serialize)]
struct Of<'a> {
    #[serde(flatten)]
    event: &'a Event,
    binder: String,
}

fn tell(form: Form, asked: &Asked, event: &Event) -> Result<(), Failure> {
    match form {
        Form::Json => output::json(&Of { event, binder: asked.binder.to_string() })?,
        Form::Text => output::line(&text(asked, event))?,
    }
    Ok(())
}

fn text(asked: &Asked, event: &Event) -> String {
    let time = |us: &u64| milliseconds(Duration::from_micros(*us));
    match event {
        Event::Connected { round_trip_us } => {
            format!("{} answered in {}, connecting included", asked.binder, time(round_trip_us))
        }
        Event::Answered { round_trip_us } => format!("answered in {}", time(round_trip_us)),
        Event::Lost { why } => format!("not answered: {why}"),
        Event::Summary(Summary { calls, lost, fastest_us, median_us, slowest_us }) => {
            let calls = usize::try_from(*calls).unwrap_or(usize::MAX);
            let mut text = format!("{}, {lost} lost", count(calls, "call"));
            if let (Some(fastest), Some(median), Some(slowest)) = (fastest_us, median_us, slowest_us) {
                text += &format!(
                    "; fastest {}, median {}, slowest {}",
                    time(fastest),
                    time(median),
                    time(slowest)
                );
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_of_the_calls_that_were_answered() {
        let times = [3, 1, 2].map(Duration::from_micros).to_vec();
        let (fastest_us, median_us, slowest_us) = (Some(1), Some(2), Some(3));
        assert_eq!(Summary::new(times, 1), Summary { calls: 4, lost: 1, fastest_us, median_us, slowest_us });
        let none = Summary { calls: 2, lost: 2, fastest_us: None, median_us: None, slowest_us: None };
        assert_eq!(Summary::new(Vec::new(), 2), none);
    }
}
