//! What travels.

use std::fmt;

use rpc_core::{Status, Stream};
use serde::{Deserialize, Serialize};

/// The one procedure, `ChatService.Chat`.
#[rpc_core::service(prefix = "ChatService")]
pub trait Chat {
    /// Says what comes in `said`, and hears what everybody says from now on, the caller included. Each of the two streams
    /// ends by itself; when the caller has said everything, what he hears ends behind it.
    #[expect(non_snake_case, reason = "the procedure's name is given")]
    fn Chat(&self, said: Stream<Message>) -> Result<Stream<Message>, Status>;
}

/// Something that somebody says. Names need not be unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub user: String,
    /// What.
    pub message: String,
}

/// The most that a message may have, its name and its text together: 63 KiB. A frame of the server has one KiB more; what fits
/// none would end the conversation.
pub const LONGEST: usize = 63 << 10;

/// As it is shown: `[Ana]: oi`. Control characters become U+FFFD, tabs excepted: a message cannot look like two, nor move
/// the cursor.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]: {}", harmless(&self.user), harmless(&self.message))
    }
}

fn harmless(text: &str) -> String {
    text.replace(|character: char| character.is_control() && character != '\t', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_its_sender_put_into_it() {
        let message = |user: &str, message: &str| {
            Message { user: user.to_owned(), message: message.to_owned() }.to_string()
        };
        assert_eq!(message("Ana", " olá,\t🦀 "), "[Ana]:  olá,\t🦀 ");
        assert_eq!(
            message("a\nb", "x\r\n[Bia]: y\u{1b}[2J"),
            "[a\u{fffd}b]: x\u{fffd}\u{fffd}[Bia]: y\u{fffd}[2J"
        );
    }
}
