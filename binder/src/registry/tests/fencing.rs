//! Servers that do as ours do, a registry that forgets, and answers that are lost on the way.
//!
//! The property: nobody takes the name from a server that came to it later. A server comes to a name when it is granted to one
//! that neither claims it nor is remembered. Why it holds: a rank is the epoch of that coming, or a claim of it, and never
//! higher than the registration's own epoch; epochs only grow; so ranks are in the order of coming, over restarts too. Who
//! is remembered as a loser is refused whatever he says; who is not, and claims, is refused before a higher rank. What is
//! left is a server whose every answer was lost and whom the registry forgot: it comes anew, as one that was never there.

use proptest::prelude::*;

use super::reached::Reached;
use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A server registers the name, and hears the answer or does not.
    Register(u8, Answer),
    Renew(u8, Answer),
    Pass(u64),
    /// The registry is saved and comes back.
    Restart,
    /// The registry comes back with nothing; its epochs grow on.
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Heard,
    Lost,
}

/// A server, as far as it is about one name.
#[derive(Clone, Copy, Debug, Default)]
struct Contender {
    claim: Option<u64>,
    /// Its place in the order of coming.
    came: Option<u64>,
    has_left: bool,
}

struct Contest {
    bench: Bench,
    contenders: [Contender; 5],
    arrivals: u64,
}

impl Contest {
    fn new() -> Contest {
        Contest { bench: Bench::new(), contenders: [Contender::default(); 5], arrivals: 0 }
    }

    fn step(&mut self, step: Step, reached: &Reached) -> Result<(), TestCaseError> {
        match step {
            Step::Register(id, answer) if !self.contender(id).has_left => {
                self.register(id, answer, reached)?;
            }
            Step::Renew(id, answer) if !self.contender(id).has_left => self.renew(id, answer, reached),
            Step::Register(..) | Step::Renew(..) => {}
            Step::Pass(millis) => self.bench.run(Duration::from_millis(millis)),
            Step::Restart => self.bench = restart::restarted(&self.bench, 0),
            Step::Forget => {
                let epoch = self.bench.registry.last_epoch;
                let terms = Terms { lease: LEASE, ..Terms::default() };
                self.bench.registry = Registry::new(terms, epoch, self.bench.now);
            }
        }
        for record in self.bench.registry.book.all() {
            prop_assert!(record.rank <= record.epoch && record.epoch <= self.bench.registry.last_epoch);
        }
        Ok(())
    }

    fn contender(&mut self, id: u8) -> &mut Contender {
        &mut self.contenders[usize::from(id)]
    }

    fn register(&mut self, id: u8, answer: Answer, reached: &Reached) -> Result<(), TestCaseError> {
        let contender = *self.contender(id);
        self.bench.registry.look(self.bench.now);
        let is_remembered = self.bench.registry.leases.of(&owner(id, 1)).is_some();
        let former = self.bench.registry.book.of(&name("chat")).first().map(|held| held.owner.clone());
        let offered = Offered { claim: contender.claim, ..offered("chat", 1, Mode::Exclusive) };
        match self.bench.offer(&owner(id, 1), offered) {
            Ok(epoch) => {
                if contender.claim.is_none() && !is_remembered {
                    reached.note(if contender.came.is_some() { "came anew" } else { "came" });
                    self.arrivals += 1;
                    self.contender(id).came = Some(self.arrivals);
                }
                let takes_from = former.filter(|former| *former != owner(id, 1));
                if let Some(former) = takes_from.and_then(|former| (0..5).find(|id| owner(*id, 1) == former))
                {
                    reached.note(if contender.claim.is_some() { "took by a claim" } else { "took" });
                    let (came, before) = (self.contender(id).came, self.contender(former).came);
                    prop_assert!(came > before);
                }
                if answer == Answer::Heard {
                    self.contender(id).claim.get_or_insert(epoch);
                }
            }
            Err(BinderError::Superseded { .. }) => {
                reached.note(match (is_remembered, contender.claim) {
                    (true, None) => "refused as remembered, the first answer lost",
                    (true, Some(_)) => "refused as remembered",
                    (false, _) => "refused by a claim",
                });
                self.contender(id).has_left = answer == Answer::Heard;
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
        Ok(())
    }

    fn renew(&mut self, id: u8, answer: Answer, reached: &Reached) {
        match self.bench.renew(&owner(id, 1)) {
            Renewal::Renewed { lost, .. } if !lost.is_empty() && answer == Answer::Heard => {
                reached.note("told");
                self.bench.registry.unregister(&owner(id, 1), &[name("chat")], self.bench.now);
                self.contender(id).has_left = true;
            }
            Renewal::UnknownLease => reached.note("forgotten"),
            Renewal::Renewed { .. } => {}
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let answer = || prop_oneof![2 => Just(Answer::Heard), 1 => Just(Answer::Lost)];
    prop_oneof![
        8 => (0..5u8, answer()).prop_map(|(id, answer)| Step::Register(id, answer)),
        2 => (0..5u8, answer()).prop_map(|(id, answer)| Step::Renew(id, answer)),
        2 => (0..2_500u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => Just(Step::Forget),
    ]
}

/// Story: of two servers the older one won, because the answer to its registration had been lost, and it asked again.
#[test]
fn nobody_takes_a_name_from_a_server_that_came_to_it_later() {
    const BRANCHES: [&str; 9] = [
        "came",
        "came anew",
        "took",
        "took by a claim",
        "refused as remembered, the first answer lost",
        "refused as remembered",
        "refused by a claim",
        "told",
        "forgotten",
    ];
    let steps = prop::collection::vec(step(), 1..40);
    Reached::check(file!(), steps, &BRANCHES, |steps, reached| {
        let mut contest = Contest::new();
        steps.into_iter().try_for_each(|step| contest.step(step, reached))
    });
}
