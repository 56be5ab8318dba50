//! The chat server: the release programs of this repository, a binder and a chat server that is registered with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bench_harness::process::finish;

use crate::failure::Failure;

/// Builds both programs, as users do; the folder that they are in.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository()).args(["build", "--release", "--quiet", "--target-dir", "target"]);
    cargo.args(["-p", "binder", "-p", "chat-server"]);
    finish(&mut cargo, BUILDING)?;
    Ok(repository().join("target/release"))
}

/// The longest that a build may take.
const BUILDING: Duration = Duration::from_secs(1800);

/// The chat server first; it waits for the binder.
pub(super) fn commands(programs: &Path, listen: SocketAddr) -> Result<Vec<Command>, Failure> {
    let binder = super::free_port().map_err(Failure::io("no port is free"))?;
    let mut server = Command::new(programs.join("chat-server"));
    // Members here call nothing after they have entered, so they must not be put out for that.
    server.args([
        "--user-idle-after",
        "1h",
        "--listen",
        &listen.to_string(),
        "--binder",
        &binder.to_string(),
    ]);
    let mut names = Command::new(programs.join("binder"));
    names.args(["--listen", &binder.to_string()]);
    Ok(vec![server, names])
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."))
}
