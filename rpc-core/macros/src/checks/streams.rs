//! The stream that a method may take: at most one, and its items are sent once.

use super::Refusals;
use crate::contract::{Argument, Marks};

/// Refuses a second stream among `arguments`, and a mark that does not go with the first.
pub(crate) fn input(arguments: &[Argument], marks: &Marks, refusals: &mut Refusals) {
    let mut streams = arguments.iter().filter(|argument| argument.streams);
    if streams.next().is_none() {
        return;
    }
    if let Some(mark) = &marks.idempotent {
        refusals
            .add(mark, "`#[idempotent]` does not go with a stream argument: its items cannot be sent twice");
    }
    for second in streams {
        refusals.add(
            &second.ty,
            "a stream stands as one argument at most, and this method has it already: make its items an enum",
        );
    }
}
