//! One call to several displays at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc_core::threads::{self, Thread};
use rpc_core::{Context, Status};

use crate::contract::Display;

/// Displays that are called at the same time: 32. A display whose machine is gone takes seconds to be given up, and the
/// others do not wait for it.
const AT_ONCE: usize = 32;

/// Calls every display; how many answered. The calls belong to the call that this thread runs.
pub(crate) fn call_all<F>(displays: Vec<Arc<dyn Display>>, call: F) -> usize
where
    F: Fn(&dyn Display) -> Result<i64, Status> + Send + Sync + 'static,
{
    let more = displays.len().min(AT_ONCE).saturating_sub(1);
    let (queue, waiting) = crossbeam_channel::bounded(displays.len());
    // There is a place for each.
    displays.into_iter().for_each(|display| drop(queue.try_send(display)));
    let answered = Arc::new(AtomicUsize::new(0));
    let (context, counted) = (Context::current(), answered.clone());
    let work = Arc::new(move || {
        let calls = waiting.try_iter().filter(|display| call(&**display).is_ok());
        counted.fetch_add(context.scope(|| calls.count()), Ordering::Relaxed);
    });
    // Where the machine has no more threads, fewer of them make the calls, at the least this one.
    let beside: Vec<Thread> = (0..more)
        .map_while(|_| {
            let work = work.clone();
            threads::spawn("roundup", move || work()).ok()
        })
        .collect();
    work();
    drop(beside);
    answered.load(Ordering::Relaxed)
}
