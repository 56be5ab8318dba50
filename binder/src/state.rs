//! The file in which a binder keeps what it knows over a restart.
//!
//! Written whole, beside itself, and then put in its place, so that there is always one whole state on disk. What is
//! missing in it when a machine dies is what happened in its last moments, and the living tell that again.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::registry::{Saved, Snapshot};

mod format;

use format::Damage;

/// A state file that no other binder uses.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

/// What to do with a state file that is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damaged {
    /// Do not start: somebody may want to look at it.
    #[default]
    Refuse,
    /// Put it aside under another name, and start with nothing.
    SetAside,
}

/// Why a state file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another binder uses it.
    #[error("the state file {} is in use by another binder: give this one a file of its own", .file.display())]
    InUse {
        /// The file.
        file: PathBuf,
    },
    /// The system does not give it.
    #[error("the state file {} cannot be used", .file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what a binder wrote.
    #[error("the state file {} is damaged: {why}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The line, and what is wrong with it.
        why: String,
    },
}

impl StateFile {
    /// Takes the file for this binder; it need not exist yet.
    ///
    /// # Errors
    /// [`StateError::InUse`], or what the system says.
    pub(crate) fn open(path: &Path) -> Result<StateFile, StateError> {
        let unusable = |source| StateError::Unusable { file: path.to_owned(), source };
        let beside = beside(path, "lock");
        let lock = private().truncate(false).open(beside).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(StateFile { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { file: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// What was saved last; nothing if nothing was, or what was is put aside.
    ///
    /// # Errors
    /// [`StateError::Damaged`], or what the system says.
    pub(crate) fn load(&self, damaged: Damaged) -> Result<Option<Saved>, StateError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(error)),
        };
        match (format::read(&mut BufReader::new(file)), damaged) {
            (Ok(saved), _) => Ok(Some(saved)),
            (Err(Damage::Read(error)), _) => Err(self.unusable(error)),
            (Err(damage), Damaged::Refuse) => {
                Err(StateError::Damaged { file: self.path.clone(), why: damage.to_string() })
            }
            (Err(damage), Damaged::SetAside) => {
                let aside = self.set_aside().map_err(|error| self.unusable(error))?;
                tracing::warn!("the damaged state file is now {} ({damage})", aside.display());
                Ok(None)
            }
        }
    }

    /// Puts this in the place of what was saved before, which stays if that fails.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn save(&self, snapshot: &Snapshot) -> io::Result<()> {
        let new = beside(&self.path, "new");
        let file = private().truncate(true).open(&new)?;
        let written = write_through(snapshot, file).and_then(|()| fs::rename(&new, &self.path));
        if let Err(why) = written {
            // A part of a state is of no use, and on a full disk it is in the way of others.
            let _ = fs::remove_file(&new);
            return Err(why);
        }
        // The new name is only durable when its folder is.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Gives the file another name, which no other has: one that was put aside before may be wanted too.
    fn set_aside(&self) -> io::Result<PathBuf> {
        for number in 1..=SET_ASIDE {
            let ending = if number == 1 { "damaged".to_owned() } else { format!("damaged.{number}") };
            let aside = beside(&self.path, &ending);
            if fs::symlink_metadata(&aside).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                fs::rename(&self.path, &aside)?;
                return Ok(aside);
            }
        }
        Err(io::Error::other(format!(
            "{SET_ASIDE} damaged files are beside it already: look at them, and remove them"
        )))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// That the system does not give it.
    pub(crate) fn unusable(&self, source: io::Error) -> StateError {
        StateError::Unusable { file: self.path.clone(), source }
    }
}

fn write_through(snapshot: &Snapshot, file: File) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    format::write(snapshot.epoch, snapshot.leases(), snapshot.removals(), &mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

/// Instances' ids are keys to their leases: what holds them is for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The most damaged files that are kept.
const SET_ASIDE: u32 = 100;

#[cfg(test)]
mod tests;
