//! How long a server says nothing while somebody waits for it.
//!
//! ```text
//!   something comes ─▶ quiet ── keepalive ─▶ asked, by a ping ── pong time ─▶ gone
//! ```
//! Pure: only waits count, so that an idle connection owes nothing and a look at it after a pause begins where it stopped.

use std::time::Duration;

use crate::limits::Limits;

#[derive(Debug, Default)]
pub(super) struct Silence {
    lasted: Duration,
    /// A ping was sent, with so many bytes taken by the socket then if it was full.
    asked: Option<Asked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    taken: Option<u64>,
}

/// What a silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    Ask,
    Gone,
}

impl Silence {
    /// Something was heard.
    pub(super) fn end(&mut self) {
        *self = Silence::default();
    }

    /// How much longer to wait for something before there is a verdict.
    pub(super) fn left(&self, limits: &Limits) -> Duration {
        let allowed = if self.asked.is_some() { limits.pong_time } else { limits.keepalive };
        allowed.saturating_sub(self.lasted)
    }

    /// Counts a wait in which nothing came. `taken`: the bytes that a full socket has taken so far; while it takes more, the
    /// server reads, and the ping may still be on its way.
    pub(super) fn go_on(
        &mut self,
        time: Duration,
        limits: &Limits,
        taken: impl Fn() -> Option<u64>,
    ) -> Verdict {
        self.lasted = self.lasted.saturating_add(time);
        if !self.left(limits).is_zero() {
            return Verdict::Wait;
        }
        let (former, asked) = (self.asked, Asked { taken: taken() });
        self.lasted = Duration::ZERO;
        self.asked = Some(asked);
        match former {
            None => Verdict::Ask,
            Some(Asked { taken: Some(_) }) if former != Some(asked) => Verdict::Wait,
            Some(_) => Verdict::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { keepalive: 3 * SECOND, pong_time: 2 * SECOND, ..Limits::default() }
    }

    #[track_caller]
    fn check(silence: &mut Silence, taken: &[Option<u64>], verdicts: &[Verdict]) {
        let given: Vec<Verdict> =
            taken.iter().map(|taken| silence.go_on(SECOND, &limits(), || *taken)).collect();
        assert_eq!(given, verdicts);
    }

    #[test]
    fn a_silence_is_asked_about_and_then_believed() {
        use Verdict::{Ask, Gone, Wait};
        check(&mut Silence::default(), &[None; 5], &[Wait, Wait, Ask, Wait, Gone]);
        let mut silence = Silence::default();
        check(&mut silence, &[None; 4], &[Wait, Wait, Ask, Wait]);
        silence.end();
        check(&mut silence, &[None; 5], &[Wait, Wait, Ask, Wait, Gone]);
    }

    #[test]
    fn a_server_that_takes_what_a_full_socket_holds_is_not_gone() {
        use Verdict::{Ask, Gone, Wait};
        let taken = [None, None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(5), Some(5)];
        let verdicts = [Wait, Wait, Ask, Wait, Wait, Wait, Wait, Wait, Gone];
        check(&mut Silence::default(), &taken, &verdicts);
        // A socket that is no longer full has taken the ping too.
        check(
            &mut Silence::default(),
            &[None, None, Some(1), None, None, None, None],
            &[Wait, Wait, Ask, Wait, Wait, Wait, Gone],
        );
    }

    #[test]
    fn a_keepalive_without_an_end_never_asks() {
        let endless = Limits { keepalive: Duration::MAX, ..Limits::default() };
        assert_eq!(Silence::default().go_on(SECOND, &endless, || None), Verdict::Wait);
        assert_eq!(Silence::default().left(&endless), Duration::MAX);
    }
}
