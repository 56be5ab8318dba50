//! Items into frames: small ones share a frame, a large one has its own.

use std::cell::RefCell;
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
    payload: &'a mut Vec<u8>,
    count: u32,
    used: i64,
}

thread_local! {
    /// Items are encoded here; the memory is used again.
    static PAYLOAD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Memory that has grown past this is given back: what a frame of small items takes at most.
const KEPT: usize = 2 * FRAME;

/// Queues items on their connection until `credit` is used up, and takes them from `items`; says how much was used. The
/// last message may use more than is left. An item that fails does so behind those before it.
pub(super) fn send_items<T>(
    wire: &Wire,
    items: &mut VecDeque<T>,
    encode: EncodeItem<T>,
    credit: i64,
) -> Result<i64, Status> {
    let mut payload = PAYLOAD.take();
    let mut packer = Packer { wire, payload: &mut payload, count: 0, used: 0 };
    let sent = packer.pack(items, encode, credit).map(|()| packer.used);
    payload.clear();
    payload.shrink_to(KEPT);
    PAYLOAD.set(payload);
    sent
}

impl Packer<'_> {
    fn pack<T>(&mut self, items: &mut VecDeque<T>, encode: EncodeItem<T>, credit: i64) -> Result<(), Status> {
        while self.used + i64::from(self.count) < credit
            && let Some(item) = items.front()
        {
            let start = self.payload.len();
            let encoded = encoded(self.wire, item, encode, self.payload);
            if encoded.is_err() {
                self.payload.truncate(start);
            }
            if encoded.is_err() || self.payload.len() > FRAME {
                self.send(start)?;
                if encoded.is_ok() && self.used >= credit {
                    return Ok(());
                }
            }
            encoded?;
            self.count += 1;
            let dropped = panics::catch(|| drop(items.pop_front()));
            if dropped.is_err() {
                self.send(self.payload.len())?;
                self.wire.port.panicked(self.wire.id);
                return Err(Status::internal("dropping an item panicked"));
            }
        }
        self.send(self.payload.len())
    }

    /// Sends the items that end at `end`; of one behind them the bytes stay.
    fn send(&mut self, end: usize) -> Result<(), Status> {
        if self.count == 0 {
            return Ok(());
        }
        let next = self.payload.split_off(end);
        self.used += i64::from(cost(self.count, end));
        self.wire.port.items(self.wire.id, self.count, self.payload)?;
        self.payload.clear();
        self.payload.extend_from_slice(&next);
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
