//! What a service trait may not be, each fault with its span and a sentence that says what is allowed.
//!
//! Checks only add refusals: they never stop at the first, and never change what was read.

mod form;
mod names;
mod streams;
mod types;

use std::fmt::Display;

use quote::ToTokens;
use syn::Error;

pub(crate) use self::form::{argument, count, header, signature};
pub(crate) use self::names::names;
pub(crate) use self::streams::input;
pub(crate) use self::types::travels;

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
