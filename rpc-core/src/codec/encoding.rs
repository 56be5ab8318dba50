//! How the payloads of a call are written: chosen by its caller, call by call.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use super::{DecodeError, EncodeError, Payload};

/// How the arguments of a call are written, and with them its result, its error and the items of its streams.
///
/// Bincode is small and quick, and both sides must know the types. JSON is for tools and other languages: it is there if
/// both sides are built with the feature `json`. A server without it refuses such a call with `Unimplemented`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// The values of PROTOCOL.md: what a client uses unless told otherwise.
    #[default]
    Bincode,
    /// One JSON document for each value.
    #[cfg(feature = "json")]
    Json,
}

/// Appends one item of a stream.
pub(crate) type EncodeItem<T> = fn(&T, &mut Vec<u8>) -> Result<(), EncodeError>;

/// The item that the bytes begin with, and how many of them it took.
pub(crate) type DecodeItem<T> = fn(&[u8]) -> Result<(T, usize), DecodeError>;

impl Encoding {
    /// Its number in a call.
    pub(crate) fn number(self) -> u8 {
        match self {
            Encoding::Bincode => 0,
            #[cfg(feature = "json")]
            Encoding::Json => 1,
        }
    }

    /// The encoding of this number, or why it is not read here.
    pub(crate) fn numbered(number: u8) -> Result<Encoding, String> {
        match number {
            0 => Ok(Encoding::Bincode),
            #[cfg(feature = "json")]
            1 => Ok(Encoding::Json),
            #[cfg(not(feature = "json"))]
            1 => Err("JSON payloads are not built into this program; 0, bincode, is".to_owned()),
            _ => Err(format!("payload encoding {number} is not known; 0 is bincode, 1 is JSON")),
        }
    }

    /// Appends the encoding of `value`.
    pub(crate) fn encode<T>(self, value: &T, into: &mut Payload) -> Result<(), EncodeError>
    where
        T: Serialize + ?Sized,
    {
        match self {
            Encoding::Bincode => super::encode_payload(value, into),
            #[cfg(feature = "json")]
            Encoding::Json => super::json::encode(value, &mut into.bytes),
        }
    }

    /// The value that all of `bytes` encode.
    pub(crate) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        match self {
            Encoding::Bincode => super::decode(bytes),
            #[cfg(feature = "json")]
            Encoding::Json => super::json::decode(bytes),
        }
    }

    /// The tuple of a procedure's arguments, whose names are known in their order.
    #[cfg_attr(
        not(feature = "json"),
        expect(unused_variables, clippy::needless_pass_by_value, reason = "only JSON has names")
    )]
    pub(crate) fn decode_arguments<T>(
        self,
        bytes: &[u8],
        names: impl Iterator<Item = &'static str>,
    ) -> Result<T, DecodeError>
    where
        T: DeserializeOwned,
    {
        match self {
            Encoding::Bincode => super::decode(bytes),
            #[cfg(feature = "json")]
            Encoding::Json => super::json::decode_arguments(bytes, &names.collect::<Vec<_>>()),
        }
    }

    pub(crate) fn item_encoder<T: Serialize>(self) -> EncodeItem<T> {
        match self {
            Encoding::Bincode => |item, into| super::encode(item, into),
            #[cfg(feature = "json")]
            Encoding::Json => |item, into| super::json::encode_item(item, into),
        }
    }

    pub(crate) fn item_decoder<T: DeserializeOwned>(self) -> DecodeItem<T> {
        match self {
            Encoding::Bincode => |bytes| super::decode_prefix(bytes),
            #[cfg(feature = "json")]
            Encoding::Json => |bytes| super::json::decode_item(bytes),
        }
    }

    /// What writes items anew that are in bincode; `None` if that is what is wanted.
    #[cfg_attr(
        not(feature = "json"),
        expect(clippy::extra_unused_type_parameters, reason = "bincode is what items lie in")
    )]
    pub(crate) fn item_rewriter<T>(self) -> Option<EncodeItem<Arc<[u8]>>>
    where
        T: Serialize + DeserializeOwned,
    {
        match self {
            Encoding::Bincode => None,
            #[cfg(feature = "json")]
            Encoding::Json => Some(|item, into| {
                let value: T = super::decode(item).map_err(|error| EncodeError(error.to_string()))?;
                super::json::encode_item(&value, into)
            }),
        }
    }
}
