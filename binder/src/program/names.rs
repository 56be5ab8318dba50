//! The names that a shell completes: what is registered with the binders that the line names so far.

use std::time::{Duration, Instant};

use binder::{Binder, BinderError, PAGE, Query, REGISTRATIONS};
use rpc_core::Context;
use rpc_program::completions::Place;

use super::Ask;

/// What may stand where the cursor is; nothing where nobody can tell in time.
pub(crate) fn names(place: &Place) -> Vec<String> {
    let Some(client) = place.options::<Ask>().and_then(|ask| ask.any().ok()) else { return Vec::new() };
    if !["name", "names", "prefix"].contains(&place.argument()) {
        return Vec::new();
    }
    let context = Context::background().with_deadline(Instant::now() + PATIENCE);
    context.scope(|| registered(&client, place.begun())).unwrap_or_default()
}

/// Who has typed this far waits no longer for a name: 700 ms.
const PATIENCE: Duration = Duration::from_millis(700);

fn registered(binder: &impl Binder, prefix: &str) -> Result<Vec<String>, BinderError> {
    let mut names: Vec<String> = Vec::new();
    let mut query = Query { prefix: prefix.to_owned(), ..Query::default() };
    for _ in 0..=REGISTRATIONS.div_ceil(PAGE) {
        let page = binder.list(query.clone())?;
        names.extend(page.entries.into_iter().map(|entry| entry.name));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    names.dedup();
    Ok(names)
}
