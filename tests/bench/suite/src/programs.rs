//! The peers' programs: built before anything is measured, or left out with what is missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bench_harness::process::{ProcessError, finish};

use crate::peers::{Peer, Program, Tool, named};

/// A build that takes longer is given up.
const BUILD: Duration = Duration::from_secs(20 * 60);
const LOOK: Duration = Duration::from_secs(30);

/// This workspace's folder.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Where everything is built: where cargo is told to, or here.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Why a peer is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    #[error("there is no {program}; install it with: {install}")]
    Tool { program: &'static str, install: &'static str },
    #[error("it could not be built: {0}")]
    Build(ProcessError),
    #[error("interrupted")]
    Interrupted,
}

/// Builds what serves this peer and what puts load on it.
pub(crate) fn build(peer: &Peer) -> Result<(), Missing> {
    for tool in peer.needs {
        look_for(*tool)?;
    }
    match peer.program {
        Program::Rust => cargo(&format!("peer-{}", peer.package())),
        Program::Go => ended(
            Command::new("go")
                .args(["build", "-o"])
                .arg(target().join("release/peer-go"))
                .arg(".")
                .current_dir(root().join("peers/go")),
        ),
        Program::Python => grpcio(),
    }?;
    match peer.loader.and_then(named) {
        Some(loader) => build(loader),
        None => Ok(()),
    }
}

/// Runs a program of this workspace, built as it is here.
pub(crate) fn cargo_run(package: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--release", "--quiet", "--locked", "--package", package, "--manifest-path"]);
    command.arg(root().join("Cargo.toml")).arg("--target-dir").arg(target()).arg("--");
    // What it builds itself goes where that workspace has it.
    command.env_remove("CARGO_TARGET_DIR");
    command
}

fn look_for(tool: Tool) -> Result<(), Missing> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join(tool.program).is_file());
    if found { Ok(()) } else { Err(Missing::Tool { program: tool.program, install: tool.install }) }
}

fn cargo(package: &str) -> Result<(), Missing> {
    let manifest = root().join("Cargo.toml");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--release", "--quiet", "--locked", "--package", package, "--manifest-path"]);
    ended(command.arg(manifest).arg("--target-dir").arg(target()))
}

/// Python's interpreter is there; whether it has the library is another matter.
fn grpcio() -> Result<(), Missing> {
    let looked = finish(Command::new("python3").args(["-c", "import grpc"]), LOOK);
    looked.map(drop).map_err(|error| match error {
        ProcessError::Interrupted => Missing::Interrupted,
        _ => Missing::Tool { program: "grpcio for python3", install: "pip install grpcio" },
    })
}

fn ended(command: &mut Command) -> Result<(), Missing> {
    match finish(command, BUILD) {
        Ok(_) => Ok(()),
        Err(ProcessError::Interrupted) => Err(Missing::Interrupted),
        Err(error) => Err(Missing::Build(error)),
    }
}

/// A peer's program, without arguments.
pub(crate) fn program(peer: &Peer) -> Command {
    match peer.program {
        Program::Rust | Program::Go => {
            Command::new(target().join(format!("release/peer-{}", peer.package())))
        }
        Program::Python => {
            let mut command = Command::new("python3");
            command.arg(root().join("peers/python/peer.py"));
            command
        }
    }
}
