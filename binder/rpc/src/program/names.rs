//! The names that a shell completes: procedures and services, of the servers that the line names so far.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rpc_core::Context;
use rpc_core::reflect::RESERVED;
use rpc_program::completions::Place;

use super::Failure;
use super::list;
use super::reach::Reach;

/// What may stand where the cursor is; nothing where nobody can tell in time.
pub(crate) fn names(place: &Place) -> Vec<String> {
    let Some(reach) = place.options::<Reach>().map(|reach| reach.hurried(PATIENCE)) else {
        return Vec::new();
    };
    let found =
        Context::background().with_deadline(Instant::now() + PATIENCE).scope(|| match place.argument() {
            "procedure" | "of" => procedures(&reach),
            "service" => services(&reach),
            _ => Ok(BTreeSet::new()),
        });
    // What every server has is named when it is asked for.
    let wanted = |name: &String| !name.starts_with(RESERVED) || place.begun().starts_with(RESERVED);
    found.unwrap_or_default().into_iter().filter(wanted).collect()
}

/// Who has typed this far waits no longer for a name: 700 ms.
const PATIENCE: Duration = Duration::from_millis(700);

fn procedures(reach: &Reach) -> Result<BTreeSet<String>, Failure> {
    Ok(match &reach.to {
        Some(server) => list::at(reach, server)?.into_iter().map(|procedure| procedure.name).collect(),
        None => list::registered(reach)?.into_keys().collect(),
    })
}

fn services(reach: &Reach) -> Result<BTreeSet<String>, Failure> {
    let procedures = match &reach.to {
        Some(server) => list::at(reach, server)?,
        None => list::everywhere(reach)?,
    };
    Ok(procedures
        .into_iter()
        .map(|procedure| procedure.service)
        .filter(|service| !service.is_empty())
        .collect())
}
