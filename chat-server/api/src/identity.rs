//! Who calls, who registers, and which message this is: 128 bits each, in the metadata of a call.

use std::fmt;

/// The metadata key of a [`SessionToken`]: in every call but `register_user`, `list_rooms` and `list_users`.
pub const SESSION_KEY: &str = "chat-session";

/// The metadata key of a [`MessageId`]: in `send_message`, by a client that may send a message again.
pub const MESSAGE_ID_KEY: &str = "chat-message-id";

/// The metadata key of a [`RegistrationId`]: in `register_user`, by a client that may register again.
pub const REGISTRATION_KEY: &str = "chat-registration";

/// The secret that `register_user` answers with. It is not shown by `Debug`, and not compared by `==`.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct SessionToken([u8; 16]);

/// A client's own random number for its registrations: a name that was registered with an id is its holder's. Whoever
/// has it is this user, so it is a secret too.
#[derive(Clone)]
pub struct RegistrationId([u8; 16]);

/// A client's own random number for one message: sent again with the same id, it is the same message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId([u8; 16]);

impl SessionToken {
    /// Takes 128 random bits as a token.
    pub fn new(bits: [u8; 16]) -> SessionToken {
        SessionToken(bits)
    }

    /// The value that travels in the metadata. Whoever has it is this user.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

impl RegistrationId {
    /// Takes 128 random bits as an id.
    pub fn new(bits: [u8; 16]) -> RegistrationId {
        RegistrationId(bits)
    }

    /// Reads a metadata value; `None` unless it has 16 bytes.
    pub fn decode(value: &[u8]) -> Option<RegistrationId> {
        value.try_into().ok().map(RegistrationId)
    }

    /// The value that travels in the metadata.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistrationId(..)")
    }
}

impl MessageId {
    /// Takes 128 random bits as an id.
    pub fn new(bits: [u8; 16]) -> MessageId {
        MessageId(bits)
    }

    /// Reads a metadata value; `None` unless it has 16 bytes.
    pub fn decode(value: &[u8]) -> Option<MessageId> {
        value.try_into().ok().map(MessageId)
    }

    /// The value that travels in the metadata.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", SessionToken::new([7; 16])), "SessionToken(..)");
        assert_eq!(format!("{:?}", RegistrationId::new([7; 16])), "RegistrationId(..)");
    }

    #[test]
    fn only_sixteen_bytes_are_an_id() {
        assert_eq!(RegistrationId::decode(&[3; 16]).map(|id| *id.as_bytes()), Some([3; 16]));
        assert!(RegistrationId::decode(&[3; 15]).is_none() && RegistrationId::decode(&[3; 17]).is_none());
        assert_eq!(MessageId::decode(&[3; 16]), Some(MessageId::new([3; 16])));
        assert_eq!(MessageId::decode(&[3; 15]), None);
        assert_eq!(MessageId::decode(&[3; 17]), None);
        assert_eq!(MessageId::decode(&[]), None);
    }
}
