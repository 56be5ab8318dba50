//! Values to bytes and back: the only file that names the bincode crate. [`Encoding`] chooses for a call's payloads.
//!
//! The bytes are specified in PROTOCOL.md and pinned by golden vectors, so the crate can be replaced without a change on
//! the wire. Decoding never allocates more than a small multiple of what the peer really sent, and refuses bytes that are
//! left over.

mod encoding;
#[cfg(feature = "json")]
mod json;
mod payload;

use bincode::config::{Configuration, LittleEndian, NoLimit, Varint};
use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;
use thiserror::Error;

pub use self::encoding::Encoding;
pub(crate) use self::encoding::{DecodeItem, EncodeItem};
#[cfg(feature = "json")]
pub use self::json::{Json, NotJson};
pub use self::payload::Payload;

/// A value that could not be encoded: a map without a known length, or a type that refuses itself.
#[derive(Debug, Error)]
#[error("the value cannot be encoded: {0}")]
pub(crate) struct EncodeError(String);

/// Bytes that are not the expected value.
#[derive(Debug, Error)]
pub(crate) enum DecodeError {
    /// The bytes end early, hold a value out of its range, or claim more than a message may hold.
    #[error("{0}")]
    Malformed(String),
    /// The value ended before the bytes did.
    #[error("{0} bytes are left over behind the value")]
    Trailing(usize),
}

/// Appends the encoding of `value`.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = into.len();
    let result = bincode::serde::encode_into_writer(value, Appender(into), OURS);
    result.map(|_| ()).map_err(|error| {
        into.truncate(start);
        EncodeError(error.to_string())
    })
}

/// As [`encode`], of a value that may have large blocks.
pub(crate) fn encode_payload<T: Serialize + ?Sized>(
    value: &T,
    into: &mut Payload,
) -> Result<(), EncodeError> {
    let end = into.end();
    let result = bincode::serde::encode_into_writer(value, Gatherer(into), OURS);
    result.map(|_| ()).map_err(|error| {
        into.truncate(end);
        EncodeError(error.to_string())
    })
}

/// The value that all of `bytes` encode.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, used) = decode_prefix(bytes)?;
    match bytes.len().checked_sub(used) {
        Some(0) | None => Ok(value),
        Some(left) => Err(DecodeError::Trailing(left)),
    }
}

/// The value that `bytes` begin with, and how many of them it took. The value may borrow from `bytes`.
pub(crate) fn decode_prefix<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, usize), DecodeError> {
    let result = if bytes.len() <= SMALL {
        bincode::serde::borrow_decode_from_slice(bytes, OURS.with_limit::<SMALL_CLAIM>())
    } else {
        bincode::serde::borrow_decode_from_slice(bytes, OURS.with_limit::<LARGE_CLAIM>())
    };
    result.map_err(|error| DecodeError::Malformed(sentence(&error)))
}

type Ours = Configuration<LittleEndian, Varint, NoLimit>;

const OURS: Ours = bincode::config::standard();

/// Two classes of payload, so that a few bytes cannot claim the memory of a large frame. A number takes one byte or more
/// and claims eight, hence the factors.
const SMALL: usize = 64 << 10;
const SMALL_CLAIM: usize = 16 * SMALL;
const LARGE_CLAIM: usize = 8 * crate::limits::FRAME_CEILING as usize;

fn sentence(error: &bincode::error::DecodeError) -> String {
    use bincode::error::DecodeError as E;
    match error {
        E::UnexpectedEnd { additional } => format!("the bytes end {additional} too early"),
        E::LimitExceeded => "it claims more than a message can hold".to_owned(),
        E::OtherString(message) => message.clone(),
        other => other.to_string(),
    }
}

struct Gatherer<'a>(&'a mut Payload);

impl bincode::enc::write::Writer for Gatherer<'_> {
    // A number is several writes of a few bytes each.
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.append(bytes);
        Ok(())
    }
}

struct Appender<'a>(&'a mut Vec<u8>);

impl bincode::enc::write::Writer for Appender<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, hex: &str) {
        let mut bytes = Vec::new();
        encode(value, &mut bytes).unwrap();
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written, hex);
        assert_eq!(&decode::<T>(&bytes).unwrap(), value);
    }

    #[test]
    fn values_have_the_bytes_that_the_protocol_names() {
        check(&250u64, "fa");
        check(&251u64, "fbfb00");
        check(&65_536u64, "fc00000100");
        check(&(1u64 << 32), "fd0000000001000000");
        check(&-1i64, "01");
        check(&1i64, "02");
        check(&true, "01");
        check(&"olá".to_owned(), "046f6cc3a1");
        check(&Some(7u8), "0107");
        check(&None::<u8>, "00");
        check(&vec![1u16, 300], "0201fb2c01");
        check(&crate::Bytes::from(vec![255u8, 0]), "02ff00");
        check(&(), "");
    }

    #[test]
    fn a_claim_past_the_bytes_is_refused_without_its_memory() {
        let huge = [0xfd, 0, 0, 0, 0, 0, 0, 1, 0];
        assert!(decode::<String>(&huge).is_err());
        assert!(decode::<Vec<u8>>(&huge).is_err());
        assert!(decode::<crate::Bytes>(&huge).is_err());
        assert!(decode::<String>(&[0xfc, 0xff, 0xff, 0xff, 0x7f]).is_err());
    }

    #[test]
    fn bytes_that_are_left_over_are_refused() {
        assert!(matches!(decode::<u8>(&[1, 2, 3]), Err(DecodeError::Trailing(2))));
        assert!(decode::<u8>(&[]).is_err());
    }
}
