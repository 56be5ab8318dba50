//! The time a server gave to an event.

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::{Serialize, Serializer};

/// A moment, in whole milliseconds since the Unix epoch; in JSON as `2026-11-21T10:00:00.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentAt(i64);

impl SentAt {
    /// The moment so many milliseconds after the start of 1970 in UTC.
    #[must_use]
    pub fn from_unix_millis(unix_millis: i64) -> Self {
        Self(unix_millis)
    }

    /// Milliseconds since the start of 1970 in UTC.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// The same moment on the clocks of `zone`; a moment past the calendar's end becomes the epoch.
    pub(crate) fn on<Z: TimeZone>(self, zone: &Z) -> DateTime<Z> {
        DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or_default().with_timezone(zone)
    }
}

impl Serialize for SentAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.on(&Utc).to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
