//! Whatever happens to a broadcast, each stream has its items in order.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use rpc_core::{Broadcast, Stream, SubscriberId};

#[derive(Clone, Debug)]
enum Act {
    Subscribe(Vec<u8>),
    Send(u8),
    /// To the subscribers whose bit is set.
    SendTo(u8, u8),
    End(usize),
    Take(usize),
    Leave(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..3).prop_map(Act::Subscribe),
        6 => any::<u8>().prop_map(Act::Send),
        4 => (any::<u8>(), any::<u8>()).prop_map(|(item, to)| Act::SendTo(item, to)),
        1 => (0..8usize).prop_map(Act::End),
        6 => (0..8usize).prop_map(Act::Take),
        1 => (0..8usize).prop_map(Act::Leave),
    ]
}

/// A subscriber, and what it must get.
struct Expected {
    id: SubscriberId,
    stream: Stream<u8>,
    items: VecDeque<u8>,
    ended: bool,
}

proptest! {
    #[test]
    fn each_stream_has_its_items_in_order_whatever_the_others_do(acts in prop::collection::vec(act(), 0..80)) {
        let news = Broadcast::new();
        let mut all: BTreeMap<usize, Expected> = BTreeMap::new();
        for act in acts {
            match act {
                Act::Subscribe(first) => {
                    let (id, stream) = news.subscribe_behind(&first).unwrap();
                    let slot = (0..8).find(|slot| !all.contains_key(slot));
                    if let Some(slot) = slot {
                        all.insert(slot, Expected { id, stream, items: first.into(), ended: false });
                    }
                }
                Act::Send(item) => {
                    news.send(&item).unwrap();
                    all.values_mut().filter(|one| !one.ended).for_each(|one| one.items.push_back(item));
                }
                Act::SendTo(item, to) => {
                    let chosen = |slot: usize| to >> slot & 1 == 1;
                    let names: Vec<_> =
                        all.iter().filter(|(slot, _)| chosen(**slot)).map(|(_, one)| one.id).collect();
                    news.send_to(&names, &item).unwrap();
                    let told = all.iter_mut().filter(|(slot, one)| chosen(**slot) && !one.ended);
                    told.for_each(|(_, one)| one.items.push_back(item));
                }
                Act::End(slot) => {
                    if let Some(one) = all.get_mut(&slot) {
                        news.end(&[one.id], Ok(()));
                        one.ended = true;
                    }
                }
                Act::Take(slot) => {
                    if let Some(one) = all.get_mut(&slot)
                        && (one.ended || !one.items.is_empty())
                    {
                        let next = one.stream.next().map(Result::unwrap);
                        prop_assert_eq!(next, one.items.pop_front());
                    }
                }
                Act::Leave(slot) => drop(all.remove(&slot)),
            }
        }
        drop(news);
        for one in all.into_values() {
            prop_assert_eq!(one.stream.map(Result::unwrap).collect::<Vec<_>>(), Vec::from(one.items));
        }
    }
}
