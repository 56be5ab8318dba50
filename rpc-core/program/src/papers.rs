//! What a program writes about itself for those who install it: `--completions` and `--man-pages`, for every command line.

use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use thiserror::Error;

use crate::completions::{self, Names, Shell};
use crate::manual;

/// The options, to be flattened into a command line.
#[derive(Clone, Debug, Default, Args)]
pub struct Papers {
    /// Print a completion script for this shell, and end
    #[arg(long, value_name = "SHELL")]
    completions: Option<Shell>,

    /// Write the manual pages into this folder, and end
    #[arg(long, value_name = "FOLDER", conflicts_with = "completions")]
    man_pages: Option<PathBuf>,
}

/// Why nothing was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PapersError {
    /// Standard output takes nothing.
    #[error("cannot write the completion script")]
    Completions(#[source] io::Error),
    /// The folder or a page cannot be written.
    #[error("cannot write the manual pages to {0}")]
    ManualPages(PathBuf, #[source] io::Error),
}

impl Papers {
    /// Writes what was asked for of the command line `C`, and says whether anything was: then the program has done its work.
    ///
    /// # Errors
    /// [`PapersError`]; a broken pipe is among its causes, and counts as success for [`exit`](crate::exit()).
    pub fn write<C: CommandFactory>(&self) -> Result<bool, PapersError> {
        self.write_with::<C>(Names::OfTheCommandLine)
    }

    /// As [`write`](Papers::write), for a program whose `main` begins with [`completions::answer`]: its scripts ask it for names.
    ///
    /// # Errors
    /// As [`write`](Papers::write).
    pub fn write_completing<C: CommandFactory>(&self) -> Result<bool, PapersError> {
        self.write_with::<C>(Names::OfServers)
    }

    fn write_with<C: CommandFactory>(&self, names: Names) -> Result<bool, PapersError> {
        if let Some(shell) = self.completions {
            completions::write::<C>(shell, names).map_err(PapersError::Completions)?;
        }
        if let Some(folder) = &self.man_pages {
            manual::write::<C>(folder).map_err(|error| PapersError::ManualPages(folder.clone(), error))?;
        }
        Ok(self.completions.is_some() || self.man_pages.is_some())
    }
}
