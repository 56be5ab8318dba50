//! `binder lookup`: where one procedure is served.

use std::io::{self, Write};
use std::process::ExitCode;

use binder::Binder;
use rpc_core::Endpoint;

use super::{Ask, Failure};

pub(super) fn run(name: String, ask: &Ask) -> Result<ExitCode, Failure> {
    let location = ask.client()?.lookup_procedure(name).map_err(|error| ask.failure(error))?;
    writeln!(io::stdout().lock(), "{}", Endpoint::new(location.address, location.port))?;
    Ok(ExitCode::SUCCESS)
}
