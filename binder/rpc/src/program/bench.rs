//! `rpc bench`: many calls of one procedure, and how long they took.
//!
//! Without a rate each caller makes its next call when the one before is answered. With one, calls are due at fixed times,
//! and each counts from when it was due, made or not: a server that stands still for a second is seen to, by all the calls
//! that were due in it (Gil Tene's coordinated omission).

mod interruption;
mod load;
mod report;

use std::io::{self, Write};
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rpc_program::duration;

use self::interruption::Interruption;
use self::load::{Load, Pace};
use super::Failure;
use super::call;
use super::input::{Source, source};
use super::reach::Reach;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The procedure; it must have no streams
    #[arg(value_name = "NAME")]
    procedure: String,

    /// Its arguments, the same for every call: an object or an array; @FILE or - for standard input
    #[arg(value_name = "JSON", value_parser = source, allow_hyphen_values = true, default_value = "", hide_default_value = true)]
    arguments: Source,

    /// Connections: 1 to 64
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    connections: u8,

    /// Calls in flight on each connection: 1 to 64
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    in_flight: u8,

    /// Calls that are due in a second, over all connections; without it as many as are answered
    #[arg(long, value_name = "COUNT")]
    rate: Option<NonZero<u32>>,

    /// How long to measure: more than nothing, at most 1h
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some)]
    duration: Duration,

    /// End after so many calls, if that is earlier
    #[arg(long, value_name = "COUNT")]
    calls: Option<NonZero<u64>>,

    /// Calls that are made before and not counted go on for this long
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = measured)]
    warm_up: Duration,

    #[command(flatten)]
    reach: Reach,
}

pub(super) const HELP: &str = "\
Examples:
  rpc bench list_rooms
  rpc bench echo '[\"hello\"]' --to 127.0.0.1:4000 --connections 4 --in-flight 8 --duration 10s
  rpc bench echo '[\"hello\"]' --to 127.0.0.1:4000 --rate 1000

Payloads are JSON, whose encoding and decoding is part of what is measured. It ends with 1 if a call failed. \
Ctrl-C ends it early: what was measured until then is shown, and the exit code is 130.";

const LONGEST: Duration = Duration::from_secs(3600);

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (client, text) = call::unary(&arguments.procedure, &arguments.arguments, &arguments.reach)?;
    // What is wrong with the call shows at the first one.
    client
        .call(&arguments.procedure, &text)
        .map_err(|error| Failure::of_call(&arguments.procedure, error))?;
    let interruption = Interruption::awaited()?;
    let mut load = Load {
        life: interruption.life().clone(),
        client: arguments.reach.client()?,
        procedure: arguments.procedure.clone(),
        arguments: text,
        connections: arguments.connections,
        in_flight: arguments.in_flight,
        pace: arguments.rate.map_or(Pace::AsAnswered, Pace::PerSecond),
        duration: arguments.warm_up,
        calls: None,
    };
    if !arguments.warm_up.is_zero() {
        load.run()?;
    }
    load.duration = arguments.duration;
    load.calls = arguments.calls;
    let measured = load.run()?;
    io::stdout().lock().write_all(report::of(&measured).as_bytes())?;
    if let Some(signal) = interruption.came() {
        writeln!(io::stderr().lock(), "rpc: stopped before its time; this is what was measured until then")?;
        return Ok(signal.code());
    }
    match measured.failed() {
        0 => Ok(ExitCode::SUCCESS),
        failed => Err(Failure::Bench { failed, calls: measured.calls() }),
    }
}

fn some(text: &str) -> Result<Duration, String> {
    let time = measured(text)?;
    if time.is_zero() { Err("in no time nothing is measured".to_owned()) } else { Ok(time) }
}

fn measured(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    if time > LONGEST { Err("an hour is the longest".to_owned()) } else { Ok(time) }
}
