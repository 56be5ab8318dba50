//! How a chat says that it does not come back, which a server that restarts does not say.

use rpc_core::{Code, Status};

/// What the streams of a chat end with whose operator has ended it, behind the last event of their room; and what calls
/// are refused with from then on. To clients of before it is a server that cannot be reached.
#[must_use]
pub fn chat_ended() -> Status {
    Status::unavailable("the chat was ended by its operator").with_details(ENDED)
}

/// Whether a failure says that the chat does not come back.
#[must_use]
pub fn is_chat_ended(status: &Status) -> bool {
    status.code() == Code::Unavailable && status.details() == ENDED
}

const ENDED: &[u8] = b"chat-ended";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_that_ended_is_told_from_a_server_that_cannot_be_reached() {
        assert!(is_chat_ended(&chat_ended()));
        assert!(is_chat_ended(&chat_ended().not_run()));
        assert!(!is_chat_ended(&Status::unavailable("the chat was ended by its operator")));
        assert!(!is_chat_ended(&Status::internal("ended").with_details(ENDED)));
    }
}
