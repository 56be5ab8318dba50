//! Which procedures keep others waiting on one connection. Their calls get a thread of their own from the start, instead
//! of being found slow again each time.
//!
//! Pure. A procedure is noted when the reading had to be taken from one of its calls, and forgotten when its calls have
//! become quick, or nothing comes behind them any more.

/// Connections note few procedures, since few are slow.
#[derive(Debug, Default)]
pub(super) struct Habits(Vec<Habit>);

#[derive(Debug)]
struct Habit {
    procedure: &'static str,
    /// So many calls go aside before one is trusted to the reading thread again.
    wary: u32,
}

/// How a call went that had a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It would have kept others waiting.
    Slow,
    /// It ended soon, or nobody came behind it.
    Harmless,
}

/// A stall makes us wary of four calls: enough to tell a procedure that is often slow from one that seldom is.
const AFTER_STALL: u32 = 4;

/// Each slow call makes us wary of so many more. A procedure of which one call in sixteen is slow stays aside.
const AFTER_SLOW: u32 = 16;

const WARY_CEILING: u32 = 64;

/// Procedures that are noted at the same time; past it the one we are least wary of is forgotten.
const NOTED: usize = 16;

impl Habits {
    /// The reading was taken from a call of this procedure.
    pub(super) fn note_stall(&mut self, procedure: &'static str) {
        if let Some(habit) = self.find(procedure) {
            habit.raise(AFTER_STALL);
            return;
        }
        if self.0.len() >= NOTED
            && let Some((least, _)) = self.0.iter().enumerate().min_by_key(|(_, habit)| habit.wary)
        {
            self.0.swap_remove(least);
        }
        self.0.push(Habit { procedure, wary: AFTER_STALL });
    }

    /// Whether a call of this procedure is better given a thread of its own.
    pub(super) fn is_slow(&self, procedure: &str) -> bool {
        self.0.iter().any(|habit| habit.procedure == procedure)
    }

    /// A call that had a thread of its own has ended.
    pub(super) fn note_pace(&mut self, procedure: &str, pace: Pace) {
        let Some(habit) = self.find(procedure) else { return };
        match pace {
            Pace::Slow => habit.raise(AFTER_SLOW),
            Pace::Harmless => habit.wary -= 1,
        }
        self.0.retain(|habit| habit.wary > 0);
    }

    fn find(&mut self, procedure: &str) -> Option<&mut Habit> {
        self.0.iter_mut().find(|habit| habit.procedure == procedure)
    }
}

impl Habit {
    fn raise(&mut self, by: u32) {
        self.wary = (self.wary + by).min(WARY_CEILING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick_calls_until_trusted(habits: &mut Habits) -> u32 {
        (0..)
            .find(|_| {
                let trusted = !habits.is_slow("p");
                habits.note_pace("p", Pace::Harmless);
                trusted
            })
            .unwrap()
    }

    #[test]
    fn a_procedure_that_stalls_others_goes_aside_until_its_calls_are_quick() {
        let mut habits = Habits::default();
        assert!(!habits.is_slow("p"));
        habits.note_stall("p");
        assert!(habits.is_slow("p") && !habits.is_slow("q"));
        assert_eq!(quick_calls_until_trusted(&mut habits), AFTER_STALL);
    }

    #[test]
    fn one_that_is_slow_for_ever_is_trusted_soon_after_that_ends() {
        let mut habits = Habits::default();
        habits.note_stall("p");
        (0..10_000).for_each(|_| habits.note_pace("p", Pace::Slow));
        assert_eq!(quick_calls_until_trusted(&mut habits), WARY_CEILING);
    }

    #[test]
    fn one_slow_call_in_ten_stays_aside_and_one_in_a_thousand_does_not() {
        for (every, aside) in [(10, true), (1000, false)] {
            let mut habits = Habits::default();
            habits.note_stall("p");
            habits.note_pace("p", Pace::Slow);
            let pace = |call| if call % every == every - 1 { Pace::Slow } else { Pace::Harmless };
            (0..every * 10 - 1).for_each(|call| habits.note_pace("p", pace(call)));
            assert_eq!(habits.is_slow("p"), aside, "one in {every}");
        }
    }

    #[test]
    fn no_more_than_sixteen_are_noted_and_the_least_feared_goes() {
        const NAMES: [&str; 17] =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
        let mut habits = Habits::default();
        NAMES.iter().for_each(|name| {
            habits.note_stall(name);
            habits.note_pace(name, if *name == "c" { Pace::Harmless } else { Pace::Slow });
        });
        let noted: Vec<_> = NAMES.iter().filter(|name| habits.is_slow(name)).collect();
        assert_eq!(noted.len(), NOTED);
        assert!(!noted.contains(&&"c"));
    }
}
