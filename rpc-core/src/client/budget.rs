//! How many repetitions a client may add to its servers' load.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::limits::{RETRY_TOKENS, SUCCESSES_A_TOKEN};

/// Tokens, shared by a client and its clones: a failed attempt takes one, an answered one gives a part of one back.
///
/// While half or less are left nothing is repeated, so that servers that fail because they have too much to do are not
/// given more (gRPC's retry throttling, proposal A6). It starts full.
#[derive(Debug)]
pub(super) struct Budget {
    /// In parts of a token, [`SUCCESSES_A_TOKEN`] each.
    left: AtomicU32,
}

const FULL: u32 = RETRY_TOKENS * SUCCESSES_A_TOKEN;

impl Default for Budget {
    fn default() -> Budget {
        Budget { left: AtomicU32::new(FULL) }
    }
}

impl Budget {
    /// An attempt was answered.
    pub(super) fn earn(&self) {
        // Full, as it mostly is, costs one read.
        if self.left.load(Ordering::Relaxed) < FULL {
            self.change(|left| (left + 1).min(FULL));
        }
    }

    /// An attempt failed; whether it may be made again.
    pub(super) fn spend(&self) -> bool {
        self.change(|left| left.saturating_sub(SUCCESSES_A_TOKEN));
        self.allows()
    }

    /// Whether the servers may be given more than the calls themselves.
    pub(super) fn allows(&self) -> bool {
        self.left.load(Ordering::Relaxed) > FULL / 2
    }

    fn change(&self, change: impl Fn(u32) -> u32) {
        let changed = |left| Some(change(left));
        // It is never refused, since there is always something to change it to.
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_end_when_half_the_tokens_are_gone() {
        let budget = Budget::default();
        for _ in 1..RETRY_TOKENS / 2 {
            assert!(budget.spend());
        }
        assert!(budget.allows());
        assert!(!budget.spend());
        assert!(!budget.allows());
    }

    #[test]
    fn answers_give_tokens_back_up_to_a_full_bucket() {
        let budget = Budget::default();
        while budget.left.load(Ordering::Relaxed) > 0 {
            budget.spend();
        }
        (0..FULL / 2).for_each(|_| budget.earn());
        assert!(!budget.allows());
        budget.earn();
        assert!(budget.allows());
        (0..10 * FULL).for_each(|_| budget.earn());
        assert!((1..RETRY_TOKENS / 2).all(|_| budget.spend()));
        assert!(!budget.spend());
    }
}
