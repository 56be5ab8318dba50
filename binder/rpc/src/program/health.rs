//! `rpc health` and `rpc watch`: whether a server serves.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rpc_core::health::{HealthCheck as _, HealthCheckClient, Standing};
use rpc_program::signals;

use super::Failure;
use super::reach::Reach;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The service, as the second column of `rpc list` shows it. The server as a whole without it
    #[arg(value_name = "SERVICE", default_value = "", hide_default_value = true)]
    service: String,

    /// Ask the server that has this procedure, as the binder knows it; goes before --to
    #[arg(long, value_name = "PROCEDURE", required_unless_present = "to")]
    of: Option<String>,

    #[command(flatten)]
    reach: Reach,
}

pub(super) const HELP: &str = "\
Examples:
  rpc health --to 127.0.0.1:4000
  rpc health Chat --of create_room
  rpc watch --to unix:/run/chat.sock

It prints serving, not-serving or unknown. `health` ends with 0 only if the service serves.";

/// How often a watch looks whether it is to end: 100 ms.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn check(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let client = client(arguments)?.with_deadline(arguments.reach.patience());
    let standing = client.check(arguments.service.clone());
    let standing = standing.map_err(|status| Failure::of_status("rpc.health.check", status))?;
    tell(standing)?;
    Ok(if standing == Standing::Serving { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Until Ctrl-C, or until the server ends it: that is a failure if it went away, and none if it said so.
pub(super) fn watch(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stop = signals::stop().map_err(Failure::Signals)?;
    let lost = |status| Failure::of_status("rpc.health.watch", status);
    let mut standings = client(arguments)?.watch(arguments.service.clone()).map_err(lost)?;
    loop {
        if standings.wait_timeout(LOOK) {
            let Some(standing) = standings.next() else { return Ok(ExitCode::SUCCESS) };
            tell(standing.map_err(lost)?)?;
        }
        if stop.signals().try_recv().is_ok() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn client(arguments: &Arguments) -> Result<HealthCheckClient, Failure> {
    let Arguments { of, reach, .. } = arguments;
    let server = match of {
        Some(procedure) => reach.at(&reach.find(procedure)?),
        None => reach.server_of(""),
    };
    Ok(HealthCheckClient::new(server?))
}

fn tell(standing: Standing) -> io::Result<()> {
    let word = match standing {
        Standing::Serving => "serving",
        Standing::NotServing => "not-serving",
        Standing::ServiceUnknown => "unknown",
    };
    writeln!(io::stdout().lock(), "{word}")
}
