//! Panics of a user's code on threads that serve others too: what streams hold and keep is dropped wherever they end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A panic that was caught.
#[must_use = "somebody has to be told"]
pub(crate) struct Panicked(Box<dyn Any + Send>);

impl Panicked {
    /// What it said.
    pub(crate) fn message(&self) -> &str {
        let text = self.0.downcast_ref::<&str>().copied();
        text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
    }

    /// Panics again. Not where a panic is under way already: two at once would abort the process.
    pub(crate) fn go_on(self) {
        if !std::thread::panicking() {
            resume_unwind(self.0);
        }
    }
}

/// Runs a user's code.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(body)).map_err(Panicked)
}

/// Drops a user's values one by one, since a collection whose second value panics too aborts the process. Tells the first
/// panic.
pub(crate) fn discard<T>(values: impl IntoIterator<Item = T>) -> Result<(), Panicked> {
    let mut outcome = Ok(());
    for value in values {
        outcome = outcome.and(catch(|| drop(value)));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Grudge(u8);

    impl Drop for Grudge {
        fn drop(&mut self) {
            panic!("grudge {}", self.0);
        }
    }

    #[test]
    fn values_that_panic_one_after_the_other_are_all_dropped() {
        let panicked = discard((1..=3).map(Grudge)).unwrap_err();
        assert_eq!(panicked.message(), "grudge 1");
    }

    #[test]
    fn a_panic_goes_on_with_its_own_words() {
        let panicked = catch(|| discard([Grudge(4)]).unwrap_or_else(Panicked::go_on)).unwrap_err();
        assert_eq!(panicked.message(), "grudge 4");
    }
}
