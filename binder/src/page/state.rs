//! What the page shows, as JSON: all that matches, up to as much as a person looks at.

use std::net::SocketAddr;

use rpc_program::http::{Kind, Response, Status};
use serde::Serialize;

use crate::contract::{Binder, Entry, PAGE, Query, Stats};
use crate::error::BinderError;
use crate::registry::REGISTRATIONS;

#[derive(Serialize)]
struct Shown {
    /// Where the binder listens.
    address: String,
    stats: Stats,
    entries: Vec<Entry>,
    /// Whether more matches than is shown.
    more: bool,
}

/// The registrations that have this text somewhere in what is shown of them; upper and lower case do not differ.
///
/// # Errors
/// When the binder refuses to be asked.
pub(super) fn json(
    binder: &impl Binder,
    address: SocketAddr,
    contains: &str,
) -> Result<Response, BinderError> {
    // The page asks nobody who he is.
    let stats = binder.stats()?.without_paths();
    let mut entries = matching(binder, &contains.to_lowercase())?;
    let more = entries.len() > SHOWN;
    entries.truncate(SHOWN);
    let shown = Shown { address: address.to_string(), stats, entries, more };
    Ok(match serde_json::to_vec(&shown) {
        Ok(body) => Response::new(Kind::Json, body),
        Err(error) => Response::sentence(Status::Internal, &error.to_string()),
    })
}

/// At most one more than is shown. The registry is locked for a page at a time only.
fn matching(binder: &impl Binder, text: &str) -> Result<Vec<Entry>, BinderError> {
    let mut found = Vec::new();
    let mut query = Query::default();
    for _ in 0..PAGES {
        let page = binder.list(query.clone())?;
        let room = (SHOWN + 1).saturating_sub(found.len());
        found.extend(page.entries.into_iter().filter(|entry| has(entry, text)).take(room));
        query.after = page.next;
        if query.after.is_none() || found.len() > SHOWN {
            break;
        }
    }
    Ok(found)
}

fn has(entry: &Entry, text: &str) -> bool {
    let has = |field: &str| field.to_lowercase().contains(text);
    has(&entry.name)
        || has(&format!("{}:{}", entry.address, entry.port))
        || has(&entry.instance)
        || has(&entry.state.to_string())
        || entry.version.as_deref().is_some_and(has)
        || entry.metadata.iter().any(|(key, value)| has(&format!("{key}={value}")))
}

/// Nobody reads more rows than this; the filter finds the others.
const SHOWN: usize = 1_000;
/// The most pages that a binder has.
const PAGES: usize = REGISTRATIONS.div_ceil(PAGE) + 1;
