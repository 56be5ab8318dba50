//! When something happens, by two clocks.

use std::time::Duration;

use chat_api::UnixMillis;

/// Time since the server's start, by a clock that never jumps: what waiting and idling are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(pub Duration);

/// One reading of both clocks: the wall's for people's eyes only, so that its jumps move no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What users are shown.
    pub unix: UnixMillis,
    /// What decisions are made by.
    pub uptime: Uptime,
}

impl Uptime {
    /// How long it is since `earlier`; zero if that is later.
    pub fn since(self, earlier: Uptime) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
