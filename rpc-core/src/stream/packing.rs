//! Items into frames: small ones share a frame, a large one has its own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::port::Wire;
use crate::codec::EncodeError;
use crate::status::Status;

/// Items share a frame up to this size.
const FRAME: usize = 16 << 10;

/// Appends one item's encoding.
pub(super) type Encode<T> = fn(&T, &mut Vec<u8>) -> Result<(), EncodeError>;

/// Queues the items on their connection. An item that fails does so behind those before it.
pub(super) fn send_items<T>(wire: &Wire, items: &VecDeque<T>, encode: Encode<T>) -> Result<(), Status> {
    let (mut payload, mut count, mut next) = (Vec::new(), 0, Vec::new());
    for item in items {
        next.clear();
        let encoded = encoded(item, encode, &mut next);
        if count > 0 && (encoded.is_err() || payload.len() + next.len() > FRAME) {
            wire.port.items(wire.id, count, &mut payload)?;
            payload.clear();
            count = 0;
        }
        encoded?;
        if count == 0 {
            std::mem::swap(&mut payload, &mut next);
        } else {
            payload.extend_from_slice(&next);
        }
        count += 1;
    }
    if count > 0 { wire.port.items(wire.id, count, &mut payload) } else { Ok(()) }
}

/// This is the user's code, on a thread that may belong to others: its panic is this stream's failure.
fn encoded<T>(item: &T, encode: Encode<T>, into: &mut Vec<u8>) -> Result<(), Status> {
    match catch_unwind(AssertUnwindSafe(|| encode(item, into))) {
        Ok(encoded) => encoded.map_err(|error| Status::internal(format!("an item does not encode: {error}"))),
        Err(_) => Err(Status::internal("encoding an item panicked")),
    }
}
