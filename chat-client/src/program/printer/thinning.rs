//! What is left out when more waits to be shown than anybody can read.

use crate::event::ChatEvent;

/// The events that are shown, and how many are not: of a long row only the latest of what others said and did.
pub(super) fn thin(batch: &[ChatEvent]) -> (Vec<&ChatEvent>, usize) {
    let passing = batch.iter().filter(|event| is_passing(event)).count();
    let skipped = if passing > MOST_AT_ONCE { passing.saturating_sub(LATEST) } else { 0 };
    let mut left = skipped;
    let kept = batch.iter().filter(|event| {
        let skip = left > 0 && is_passing(event);
        left = left.saturating_sub(usize::from(skip));
        !skip
    });
    (kept.collect(), skipped)
}

fn is_passing(event: &ChatEvent) -> bool {
    matches!(event, ChatEvent::Message(_) | ChatEvent::Notice(_))
}

/// Several screens; a terminal that was stopped for a while may have more waiting.
const MOST_AT_ONCE: usize = 200;
/// About a screen; `/history` has the rest.
const LATEST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Message, MessageKind, SentAt};

    fn batch(count: u64) -> Vec<ChatEvent> {
        let message = |seq| Message {
            room: "rust".into(),
            seq,
            kind: MessageKind::Broadcast,
            from: "ana".into(),
            to: None,
            body: "oi".into(),
            sent_at: SentAt::from_unix_millis(0),
        };
        let mut batch: Vec<ChatEvent> = (1..=count).map(|seq| ChatEvent::Message(message(seq))).collect();
        batch.insert(0, ChatEvent::Left { room: "c".into() });
        batch
    }

    #[test]
    fn a_row_that_can_be_read_is_shown_whole() {
        let batch = batch(200);
        assert_eq!(thin(&batch), (batch.iter().collect(), 0));
    }

    #[test]
    fn of_a_longer_row_the_latest_are_shown_and_what_is_no_message_stays() {
        let batch = batch(201);
        let (kept, skipped) = thin(&batch);
        assert_eq!(skipped, 151);
        assert_eq!(kept.len(), 51);
        assert_eq!(kept.first(), batch.first().as_ref());
        assert_eq!(kept.last(), batch.last().as_ref());
    }
}
