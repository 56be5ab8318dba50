//! Items into frames: small ones share a frame, a large one has its own.

use std::collections::VecDeque;

use super::port::{Wire, cost};
use crate::codec::EncodeItem;
use crate::panics;
use crate::status::Status;

/// Items share a frame up to this size.
pub(super) const FRAME: usize = 16 << 10;

/// Items on their way into one message after the other.
struct Packer<'a> {
    wire: &'a Wire,
    payload: Vec<u8>,
    count: u32,
    used: i64,
}

/// Queues items on their connection until `credit` is used up, and takes them from `items`; says how much was used. The
/// last message may use more than is left. An item that fails does so behind those before it.
pub(super) fn send_items<T>(
    wire: &Wire,
    items: &mut VecDeque<T>,
    encode: EncodeItem<T>,
    credit: i64,
) -> Result<i64, Status> {
    let mut packer = Packer { wire, payload: Vec::new(), count: 0, used: 0 };
    let mut next = Vec::new();
    while packer.used + i64::from(packer.count) < credit
        && let Some(item) = items.front()
    {
        next.clear();
        let encoded = encoded(wire, item, encode, &mut next);
        if encoded.is_err() || packer.payload.len() + next.len() > FRAME {
            packer.send()?;
            if encoded.is_ok() && packer.used >= credit {
                break;
            }
        }
        encoded?;
        packer.take(&mut next);
        let dropped = panics::catch(|| drop(items.pop_front()));
        if dropped.is_err() {
            packer.send()?;
            wire.port.panicked(wire.id);
            return Err(Status::internal("dropping an item panicked"));
        }
    }
    packer.send()?;
    Ok(packer.used)
}

impl Packer<'_> {
    fn take(&mut self, item: &mut Vec<u8>) {
        if self.count == 0 {
            std::mem::swap(&mut self.payload, item);
        } else {
            self.payload.extend_from_slice(item);
        }
        self.count += 1;
    }

    fn send(&mut self) -> Result<(), Status> {
        if self.count == 0 {
            return Ok(());
        }
        self.used += i64::from(cost(self.count, self.payload.len()));
        self.wire.port.items(self.wire.id, self.count, &mut self.payload)?;
        self.payload.clear();
        self.count = 0;
        Ok(())
    }
}

/// This is the user's code, on a thread that may belong to others: its panic is this stream's failure.
fn encoded<T>(wire: &Wire, item: &T, encode: EncodeItem<T>, into: &mut Vec<u8>) -> Result<(), Status> {
    match panics::catch(|| encode(item, into)) {
        Ok(encoded) => encoded.map_err(|error| Status::internal(format!("an item does not encode: {error}"))),
        Err(_) => {
            wire.port.panicked(wire.id);
            Err(Status::internal("encoding an item panicked"))
        }
    }
}
