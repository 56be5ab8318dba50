//! The faults found so far, to be told all at once.

use std::fmt::Display;

use quote::ToTokens;
use syn::Error;

/// A growing list of faults; empty means that the trait can be served.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    combined: Option<Error>,
}

impl Refusals {
    /// Adds a fault that points at `place`.
    pub(crate) fn add(&mut self, place: impl ToTokens, sentence: impl Display) {
        self.push(Error::new_spanned(place, sentence));
    }

    /// Adds a fault that is an error already.
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.combined {
            Some(combined) => combined.combine(error),
            None => self.combined = Some(error),
        }
    }

    /// All faults as one error, if there are any.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        self.combined.map_or(Ok(()), Err)
    }
}
