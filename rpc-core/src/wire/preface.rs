//! The first bytes each way.
//!
//! ```text
//! 0         4        6       7       8          12      16      20       24
//! +---------+--------+-------+-------+----------+-------+-------+--------+
//! | F1 R P C| length | newest| oldest| features | frame | calls | credit |   all little-endian
//! +---------+--------+-------+-------+----------+-------+-------+--------+
//! ```
//! A longer preface is of a later version: what is behind byte 24 is skipped. Nothing is sent in answer to bytes that
//! are no preface; [`PrefaceError`] says what they look like.

use thiserror::Error;

use crate::limits::STREAM_CREDIT;

/// Bytes of a preface of this version.
const PREFACE: usize = 24;

/// The same as it is sent.
const LENGTH: [u8; 2] = 24u16.to_le_bytes();

/// The longest preface that is read, for versions to come.
const PREFACE_CEILING: usize = 1024;

const MAGIC: [u8; 4] = [0xF1, b'R', b'P', b'C'];

/// What one side says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preface {
    /// The newest and the oldest protocol version it speaks.
    pub(crate) newest: u8,
    pub(crate) oldest: u8,
    /// One bit a feature; unknown bits are ignored. None is defined yet.
    pub(crate) features: u32,
    /// The largest frame it takes.
    pub(crate) frame: u32,
    /// How many calls it runs at the same time for this connection.
    pub(crate) calls: u32,
    /// Items it takes on each stream before it gives credit.
    pub(crate) credit: u32,
}

/// This version's preface, limits aside.
pub(crate) const OURS: Preface =
    Preface { newest: 1, oldest: 1, features: 0, frame: 0, calls: 0, credit: STREAM_CREDIT };

/// Bytes that do not begin a connection of ours.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum PrefaceError {
    #[error("{0} instead of this protocol's preface")]
    Stranger(&'static str),
    #[error("{0} instead of this protocol's preface, and this side speaks without TLS")]
    Tls(&'static str),
    #[error("a preface of {0} bytes, allowed are {PREFACE} to {PREFACE_CEILING}")]
    Length(usize),
    #[error("it speaks protocol versions {oldest} to {newest}, this side speaks {} to {}", OURS.oldest, OURS.newest)]
    Version { oldest: u8, newest: u8 },
}

impl Preface {
    pub(crate) fn encode(&self) -> [u8; PREFACE] {
        let mut bytes = [0; PREFACE];
        let numbers = [self.features, self.frame, self.calls, self.credit].map(u32::to_le_bytes);
        let fields = MAGIC
            .into_iter()
            .chain(LENGTH)
            .chain([self.newest, self.oldest])
            .chain(numbers.into_iter().flatten());
        for (byte, value) in bytes.iter_mut().zip(fields) {
            *byte = value;
        }
        bytes
    }

    /// The preface that `bytes` begin with and its length; `None` while it has not all arrived.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Preface, usize)>, PrefaceError> {
        if bytes.iter().zip(MAGIC).any(|(byte, expected)| *byte != expected) {
            let came = resemblance(bytes);
            let error = if is_tls(bytes) { PrefaceError::Tls } else { PrefaceError::Stranger };
            return Err(error(came));
        }
        let Some(&[_, _, _, _, low, high, newest, oldest]) = bytes.first_chunk::<8>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if !(PREFACE..=PREFACE_CEILING).contains(&length) {
            return Err(PrefaceError::Length(length));
        }
        if bytes.len() < length {
            return Ok(None);
        }
        if newest < OURS.oldest || oldest > OURS.newest {
            return Err(PrefaceError::Version { oldest, newest });
        }
        let word = |at: usize| {
            bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word))
        };
        let preface =
            Preface { newest, oldest, features: word(8), frame: word(12), calls: word(16), credit: word(20) };
        Ok(Some((preface, length)))
    }
}

/// Whether these are the first bytes of a preface.
#[cfg(feature = "tls")]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Whether a peer that begins so wants TLS.
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16] | [0x15 | 0x16, 3, ..])
}

/// What bytes of another protocol look like.
pub(crate) fn resemblance(bytes: &[u8]) -> &'static str {
    const REQUESTS: [&[u8]; 8] = [b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"CONN", b"PRI ", b"DELE"];
    match bytes {
        [0x16, 3, ..] | [0x16] => "a TLS handshake came",
        [0x15, 3, ..] | [0x15] => "a TLS alert came",
        [b'H', b'T', b'T', b'P', ..] => "an HTTP answer came",
        [b'S', b'S', b'H', b'-', ..] => "an SSH greeting came",
        _ if REQUESTS.iter().any(|request| bytes.starts_with(request)) => "an HTTP request came",
        _ if bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => "text came",
        _ => "bytes of another protocol came",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preface_has_the_bytes_that_the_protocol_names() {
        let preface = Preface { frame: 8 << 20, calls: 1024, ..OURS };
        let bytes = preface.encode();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "f15250431800010100000000000080000004000040000000");
        assert_eq!(Preface::decode(&bytes), Ok(Some((preface, PREFACE))));
        for end in 0..PREFACE {
            assert_eq!(Preface::decode(&bytes[..end]), Ok(None));
        }
    }

    #[test]
    fn a_later_version_is_read_when_it_still_speaks_ours() {
        let mut bytes = Preface { newest: 9, ..OURS }.encode().to_vec();
        bytes[4] = 26;
        bytes.extend([1, 2]);
        let (preface, length) = Preface::decode(&bytes).unwrap().unwrap();
        assert_eq!((preface.newest, length), (9, 26));
        let strange = Preface { newest: 9, oldest: 2, ..OURS }.encode();
        assert_eq!(Preface::decode(&strange), Err(PrefaceError::Version { oldest: 2, newest: 9 }));
    }

    #[track_caller]
    fn check_stranger(bytes: &[u8], resembles: &str) {
        let error = Preface::decode(bytes).unwrap_err().to_string();
        assert!(error.starts_with(resembles), "{error}");
    }

    #[test]
    fn strangers_are_named() {
        check_stranger(b"GET / HTTP/1.1\r\n", "an HTTP request");
        check_stranger(&[0x16, 3, 1, 0, 0], "a TLS handshake");
        check_stranger(&[0x15, 3, 3, 0, 2, 2, 40], "a TLS alert");
        check_stranger(b"SSH-2.0-x", "an SSH greeting");
        check_stranger(b"hello", "text");
        check_stranger(&[0, 1, 2], "bytes of another protocol");
        check_stranger(&[0xF1, b'R', b'P', b'C', 0, 0, 1, 1], "a preface of 0 bytes");
    }
}
