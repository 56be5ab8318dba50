//! Durations as people write them on a command line: `60s`, `5m`, `1h 30m`.

use std::time::Duration;

use thiserror::Error;

/// The longest duration a program takes. A clock can add it without overflow, and nobody means more.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A text that is no duration for a program.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The text does not read as a duration.
    #[error(transparent)]
    Unreadable(#[from] humantime::DurationError),
    /// The duration is past [`LONGEST`].
    #[error("the longest duration is 366 days")]
    TooLong,
}

/// Reads a duration of at most [`LONGEST`]; for clap's `value_parser`.
///
/// # Errors
/// [`DurationError`] when the text has no unit, an unknown one, or means too long a time.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let duration = humantime::parse_duration(text)?;
    if duration > LONGEST { Err(DurationError::TooLong) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(parse("60s").unwrap(), Duration::from_secs(60));
        assert_eq!(parse("5m").unwrap(), Duration::from_secs(300));
        assert_eq!(parse("1h 30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse("250ms").unwrap(), Duration::from_millis(250));
    }

    #[test]
    fn a_duration_without_unit_or_past_the_longest_is_refused() {
        for text in ["", "60", "-5s", "5 parsecs", "99999999999999999999s"] {
            assert!(matches!(parse(text), Err(DurationError::Unreadable(_))), "{text}");
        }
        assert_eq!(parse("366days").unwrap(), LONGEST);
        assert!(matches!(parse("366days 1s"), Err(DurationError::TooLong)));
    }
}
