//! Which branches random steps have come to: a property says nothing about those that they never reach.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// How often each branch was reached, over all cases of a property.
#[derive(Debug, Default)]
pub(super) struct Reached(RefCell<BTreeMap<&'static str, usize>>);

impl Reached {
    pub(super) fn note(&self, branch: &'static str) {
        *self.0.borrow_mut().entry(branch).or_default() += 1;
    }

    /// Runs a property for as many cases as usual, and holds that it came to each of these branches.
    #[track_caller]
    pub(super) fn check<T: Debug>(
        file: &'static str,
        steps: impl Strategy<Value = T>,
        branches: &[&'static str],
        property: impl Fn(T, &Reached) -> Result<(), TestCaseError>,
    ) {
        let reached = Reached::default();
        let mut runner = TestRunner::new(ProptestConfig::with_source_file(file));
        if let Err(why) = runner.run(&steps, |steps| property(steps, &reached)) {
            panic!("{why}");
        }
        let reached = reached.0.into_inner();
        let missed: Vec<_> = branches.iter().filter(|branch| !reached.contains_key(*branch)).collect();
        assert!(missed.is_empty(), "never reached: {missed:?} of {reached:?}");
    }
}
