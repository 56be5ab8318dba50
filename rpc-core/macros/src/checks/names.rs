//! The names of the procedures of one service.

use std::collections::HashSet;

use super::Refusals;
use crate::contract::Method;

/// Refuses names that are too long, taken twice, or hidden by the generated client's own methods.
pub(crate) fn names(methods: &[Method], refusals: &mut Refusals) {
    let mut taken = HashSet::new();
    for method in methods {
        let (name, procedure) = (&method.name, &method.procedure);
        if procedure.len() > PROCEDURE_NAME_LIMIT {
            refusals.add(
                name,
                format_args!(
                    "the procedure's name has {} bytes with its prefix; at most {PROCEDURE_NAME_LIMIT} can be sent: shorten it",
                    procedure.len()
                ),
            );
        }
        if !taken.insert(procedure) {
            refusals.add(
                name,
                format_args!(
                    "the procedure `{procedure}` stands in this service twice: give one of them another name"
                ),
            );
        }
        if CLIENT_METHODS.iter().any(|own| name == own) {
            refusals.add(
                name,
                format_args!("`{name}` is a method of every client: give the procedure another name"),
            );
        }
    }
}

/// The longest name of a procedure in bytes, as in PROTOCOL.md.
const PROCEDURE_NAME_LIMIT: usize = 255;

/// The inherent methods of a generated client, which a call `client.name(…)` would find first.
const CLIENT_METHODS: [&str; 5] = ["client", "start", "wait_for_ready", "with_deadline", "with_metadata"];
