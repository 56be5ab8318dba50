//! How a call went, and who is told when it is over.

use std::fmt;

use crate::panics::{self, Panicked};
use crate::status::Status;

/// Which of the two typed outcomes a reply holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The method's `Ok`.
    Returned,
    /// The method's own error.
    Failed,
}

/// What a layer wants to run when a call is over.
pub(crate) type Ending = Box<dyn FnOnce(Result<Outcome, &Status>) + Send>;

/// Who is told when a call is over, in the order in which they asked for it. They are told once: if nobody does it before,
/// when this is dropped.
#[derive(Default)]
pub(crate) struct Endings(Vec<Ending>);

impl Endings {
    pub(crate) fn push(&mut self, ending: Ending) {
        self.0.push(ending);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells everyone, also if one panics. No lock may be held.
    pub(crate) fn tell(mut self, outcome: Result<Outcome, &Status>) -> Result<(), Panicked> {
        self.tell_all(outcome)
    }

    fn tell_all(&mut self, outcome: Result<Outcome, &Status>) -> Result<(), Panicked> {
        let mut told = Ok(());
        for ending in std::mem::take(&mut self.0) {
            told = told.and(panics::catch(|| ending(outcome)));
        }
        told
    }
}

impl Drop for Endings {
    fn drop(&mut self) {
        if !self.is_empty() {
            let given_up = Status::cancelled("the call was given up");
            self.tell_all(Err(&given_up)).unwrap_or_else(Panicked::go_on);
        }
    }
}

impl fmt::Debug for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endings({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::status::Code;

    #[test]
    fn everyone_is_told_once_in_order_also_behind_one_who_panics() {
        let (told, heard) = mpsc::channel();
        let mut endings = Endings::default();
        for number in 0..3 {
            let told = told.clone();
            endings.push(Box::new(move |outcome| {
                told.send((number, outcome.map_err(Status::code))).unwrap();
                assert_ne!(number, 0, "the first is angry");
            }));
        }
        assert!(endings.tell(Ok(Outcome::Failed)).is_err());
        drop(told);
        let heard: Vec<_> = heard.iter().collect();
        assert_eq!(heard, [0, 1, 2].map(|number| (number, Ok(Outcome::Failed))));
    }

    #[test]
    fn who_is_forgotten_hears_that_the_call_was_given_up() {
        let (told, heard) = mpsc::channel();
        let mut endings = Endings::default();
        endings.push(Box::new(move |outcome| told.send(outcome.map_err(Status::code)).unwrap()));
        drop(endings);
        assert_eq!(heard.iter().collect::<Vec<_>>(), [Err(Code::Cancelled)]);
    }
}
