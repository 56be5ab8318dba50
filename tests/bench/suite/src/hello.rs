//! What a hello server costs to build: time from nothing, size, and how many packages are in its tree.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use bench_harness::process::{ProcessError, finish, pinned};
use bench_harness::sample::{Measure, Sample};

use crate::peers::Peer;
use crate::programs::{root, target};

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBuilt {
    #[error(transparent)]
    Cargo(#[from] ProcessError),
    #[error("what was built cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

const BUILD: Duration = Duration::from_secs(20 * 60);

pub(crate) struct Hello;

impl Hello {
    /// Everything is downloaded before the clock runs, and gone afterwards.
    pub(crate) fn of(peer: &Peer) -> Result<Sample, NotBuilt> {
        let package = format!("hello-{}", peer.name);
        let folder = target().join("hello").join(peer.name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        finish(cargo().args(["fetch", "--locked", "--quiet"]), BUILD)?;
        let packages = packages(&package)?;
        let mut build = cargo();
        build.args(["build", "--release", "--quiet", "--locked", "--package", &package, "--target-dir"]);
        build.arg(&folder).env("CARGO_PROFILE_RELEASE_STRIP", "symbols").env("CARGO_INCREMENTAL", "0");
        let begun = Instant::now();
        finish(&mut pinned("0,1", &build), BUILD)?;
        let taken = begun.elapsed();
        let size = fs::metadata(folder.join("release").join(&package))?.len();
        fs::remove_dir_all(&folder)?;
        Ok(figures(taken, size, packages))
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures need no more digits")]
fn figures(taken: Duration, size: u64, packages: usize) -> Sample {
    Sample::from([
        (Measure::BuildSeconds, taken.as_secs_f64()),
        (Measure::BinaryKb, size as f64 / 1000.0),
        (Measure::Packages, packages as f64),
    ])
}

fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root());
    command
}

/// The packages that are linked into it, itself included.
fn packages(package: &str) -> io::Result<usize> {
    let listing =
        ["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package"];
    let output = cargo().args(listing).arg(package).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = listed.lines().map(|line| line.trim_end_matches(" (*)").to_owned());
    Ok(names.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_bare_sockets_has_one_package_in_its_tree() {
        assert_eq!(packages("hello-raw").unwrap(), 1);
        assert!(packages("hello-tonic").unwrap() > 20);
    }
}
