//! JSON documents: the only room that names serde_json.
//!
//! No length stands in a document, so memory grows only as its bytes are read; but two of them, `{}`, may be a whole struct.
//! A value is at most 127 levels deep, serde_json's own limit; what is skipped costs no stack, however deep. A stream's
//! item is a document and a line feed, which no document has inside: so items are cut apart without being understood.

mod arguments;
mod document;

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

pub(super) use self::arguments::decode_arguments;
pub use self::document::{Json, NotJson};
use super::{DecodeError, EncodeError};

/// Ends each item of a stream.
const END: u8 = b'\n';

/// Appends the document of `value`.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = into.len();
    serde_json::to_writer(&mut *into, value).map_err(|error| {
        into.truncate(start);
        EncodeError(error.to_string())
    })
}

/// The value of a document.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(&error))
}

/// Appends a document and its end.
pub(super) fn encode_item<T: Serialize>(item: &T, into: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = into.len();
    encode(item, into)?;
    // Text that was JSON already may be set in lines. Inside a string JSON has no line feed, elsewhere it is a blank.
    let document = into.iter_mut().skip(start);
    document.filter(|byte| **byte == END).for_each(|byte| *byte = b' ');
    into.push(END);
    Ok(())
}

/// The first of several documents, and how many bytes it took with its end.
pub(super) fn decode_item<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), DecodeError> {
    let end = bytes.iter().position(|byte| *byte == END);
    let document = end.and_then(|end| bytes.get(..end));
    let document = document
        .ok_or_else(|| DecodeError::Malformed("its document does not end with a line feed".to_owned()))?;
    Ok((decode(document)?, document.len() + 1))
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests;
