//! The place of a call in its trace: `traceparent`, as the W3C recommendation has it.
//!
//! ```text
//!   00 - 0af7651916cd43dd8448eb211c80319c - b7ad6b7169203331 - 01
//!   version     trace id, 16 bytes          span id, 8 bytes   flags
//! ```
//! Pure. <https://www.w3.org/TR/trace-context-1/>

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::state;
use super::{TRACEPARENT, TRACESTATE};
use crate::metadata::Metadata;

/// One call's place in its trace: which trace, and which span in it. It displays as a `traceparent`.
///
/// In a procedure below [`Tracing`](super::Tracing) it is the call's own: `Context::current().value::<TraceContext>()`. To go
/// on with a trace that came another way, of an HTTP request for example, parse that and make the calls in a context with it:
///
/// ```
/// # use rpc_core::{Context, layers::{TraceContext, TraceError}};
/// let came = TraceContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
/// Context::current().with_value(came).scope(|| { /* calls */ });
/// # Ok::<(), TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    sampled: u8,
    /// What other vendors say of the trace; passed on as it came.
    state: Option<Arc<str>>,
}

/// Bytes that are no `traceparent`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceError {
    /// It is too short, too long, or its parts are not where they should be.
    #[error("a traceparent is VERSION-TRACE-SPAN-FLAGS with 2, 32, 16 and 2 lower-case hexadecimal digits")]
    Form,
    /// The version is ff.
    #[error("no traceparent has the version ff")]
    Version,
    /// An id is all zero.
    #[error("the ids of a traceparent are not all zero")]
    Zero,
}

/// How long a `traceparent` of version 00 is; later versions may go on behind a dash.
const LENGTH: usize = 55;

/// The only flag that the recommendation names: the caller may have recorded the trace. Others are not passed on.
const SAMPLED: u8 = 1;

impl TraceContext {
    /// Reads a `traceparent`, of version 00 or a later one.
    ///
    /// # Errors
    /// [`TraceError`] when it is none.
    pub fn parse(bytes: &[u8]) -> Result<TraceContext, TraceError> {
        let (known, rest) = bytes.split_at_checked(LENGTH).ok_or(TraceError::Form)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let mut digits = |count| parts.next().filter(|part| part.len() == count).and_then(number);
        let (version, trace, span, flags) = (digits(2), digits(32), digits(16), digits(2));
        let (Some(version), Some(trace), Some(span), Some(flags)) = (version, trace, span, flags) else {
            return Err(TraceError::Form);
        };
        match (version, rest.first()) {
            (0xff, _) => return Err(TraceError::Version),
            (_, None) | (1.., Some(b'-')) => {}
            (_, Some(_)) => return Err(TraceError::Form),
        }
        let (span, flags) = (u64::try_from(span).unwrap_or(0), u8::try_from(flags).unwrap_or(0));
        if trace == 0 || span == 0 {
            return Err(TraceError::Zero);
        }
        Ok(TraceContext { trace, span, sampled: flags & SAMPLED, state: None })
    }

    /// What a caller sent; nothing if he sent no `traceparent`, more than one, or a bad one.
    pub(super) fn of_metadata(metadata: &Metadata) -> Option<TraceContext> {
        let mut parents = metadata.iter().filter(|(key, _)| *key == TRACEPARENT);
        let (Some((_, parent)), None) = (parents.next(), parents.next()) else { return None };
        let mut context = TraceContext::parse(parent).ok()?;
        let states = metadata.iter().filter(|(key, _)| *key == TRACESTATE).map(|(_, value)| value);
        context.state = state::joined(states).map(Arc::from);
        Some(context)
    }

    /// The first span of a new trace.
    pub(super) fn begin() -> TraceContext {
        TraceContext { trace: fastrand::u128(..).max(1), span: new_span(), sampled: SAMPLED, state: None }
    }

    /// A new span below this one.
    pub(super) fn child(&self) -> TraceContext {
        TraceContext { span: new_span(), ..self.clone() }
    }

    /// The `traceparent` of calls below this span.
    pub(super) fn traceparent(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(LENGTH);
        text.extend_from_slice(b"00-");
        text.extend_from_slice(&digits::<32>(self.trace));
        text.push(b'-');
        text.extend_from_slice(&digits::<16>(self.span.into()));
        text.push(b'-');
        text.extend_from_slice(&digits::<2>(self.sampled.into()));
        text
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The span's id: 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// Whether whoever began the trace may have recorded it.
    pub fn is_sampled(&self) -> bool {
        self.sampled == SAMPLED
    }

    /// The `tracestate` that came with it.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.traceparent()))
    }
}

fn new_span() -> u64 {
    fastrand::u64(..).max(1)
}

/// The last `N` hexadecimal digits of a number. By hand, since each call that is made writes them: formatting took as
/// long as the rest of the layer.
fn digits<const N: usize>(number: u128) -> [u8; N] {
    std::array::from_fn(|place| {
        let digit = u8::try_from(number >> (4 * (N - 1 - place)) & 15).unwrap_or(0);
        if digit < 10 { b'0' + digit } else { b'a' + (digit - 10) }
    })
}

/// At most 32 lower-case hexadecimal digits.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |sum: u128, digit| match digit {
        b'0'..=b'9' => Some(sum << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(sum << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    #[track_caller]
    fn refuses(text: &str, why: TraceError) {
        assert_eq!(TraceContext::parse(text.as_bytes()), Err(why), "{text}");
    }

    #[test]
    fn a_good_one_is_read_and_written_again() {
        let read = TraceContext::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(read.to_string(), GOOD);
        assert_eq!(read.trace_id(), "12345678901234567890123456789012");
        assert_eq!((read.span_id(), read.is_sampled()), ("1234567890123456".to_owned(), true));
        let child = read.child();
        assert_eq!(child.trace_id(), read.trace_id());
        assert_ne!(child.span_id(), read.span_id());
        assert_eq!(TraceContext::parse(TraceContext::begin().to_string().as_bytes()).map(drop), Ok(()));
    }

    /// The cases of the recommendation's own test suite (w3c/trace-context, test/test.py), by its names.
    #[test]
    fn the_cases_of_the_recommendation_hold() {
        let with = |from: &str, to: &str| GOOD.replacen(from, to, 1);
        // version 0x00: nothing may follow.
        refuses(&format!("{GOOD}."), TraceError::Form);
        refuses(&format!("{GOOD}-what-the-future-will-be-like"), TraceError::Form);
        // version 0xcc: a dash and more may follow.
        let later = with("00-", "cc-");
        let kept = TraceContext::parse(later.as_bytes()).unwrap();
        assert_eq!(kept.to_string(), GOOD, "what is sent on is version 00");
        assert!(TraceContext::parse(format!("{later}-what-the-future-will-be-like").as_bytes()).is_ok());
        refuses(&format!("{later}.what-the-future-will-be-like"), TraceError::Form);
        refuses(&with("00-", "ff-"), TraceError::Version);
        for version in [".0", "0.", "0A", "000", "0", "", " 0"] {
            refuses(&with("00-", &format!("{version}-")), TraceError::Form);
        }
        refuses(&with("12345678901234567890123456789012", &"0".repeat(32)), TraceError::Zero);
        refuses(&with("1234567890123456-", "0000000000000000-"), TraceError::Zero);
        for trace in [
            ".2345678901234567890123456789012",
            "1234567890123456789012345678901.",
            "1234567890123456789012345678901",
            "123456789012345678901234567890123",
            "ABCDEF78901234567890123456789012",
        ] {
            refuses(&with("12345678901234567890123456789012", trace), TraceError::Form);
        }
        for span in [
            ".234567890123456",
            "123456789012345.",
            "123456789012345",
            "12345678901234567",
            "ABCDEF7890123456",
        ] {
            refuses(&format!("00-12345678901234567890123456789012-{span}-01"), TraceError::Form);
        }
        for flags in [".0", "0.", "0", "001", "0A", ""] {
            refuses(&with("-01", &format!("-{flags}")), TraceError::Form);
        }
        for text in ["", "-", "00", "é", "\0"] {
            refuses(text, TraceError::Form);
        }
    }

    #[test]
    fn flags_that_nobody_named_are_not_passed_on() {
        for (came, goes) in [("00", "00"), ("01", "01"), ("fe", "00"), ("ff", "01")] {
            let read = TraceContext::parse(GOOD.replace("-01", &format!("-{came}")).as_bytes()).unwrap();
            assert_eq!(read.to_string(), GOOD.replace("-01", &format!("-{goes}")));
        }
    }

    fn of(pairs: &[(&str, &str)]) -> Option<TraceContext> {
        let mut metadata = Metadata::new();
        pairs.iter().for_each(|(key, value)| metadata.insert(key, *value).unwrap());
        TraceContext::of_metadata(&metadata)
    }

    #[test]
    fn metadata_has_one_parent_and_any_number_of_states() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("tracestate", "a=1")]), None, "a state of nothing");
        assert_eq!(of(&[("traceparent", GOOD), ("traceparent", GOOD)]), None);
        let read = of(&[("tracestate", "a=1"), ("traceparent", GOOD), ("tracestate", "b=2")]).unwrap();
        assert_eq!(read.state(), Some("a=1,b=2"));
        assert_eq!(read.child().state(), Some("a=1,b=2"));
        let read = of(&[("traceparent", GOOD), ("tracestate", "A=1")]).unwrap();
        assert_eq!(read.state(), None, "a bad state does not take the parent with it");
    }
}
