//! The procedures of the chat.

use crate::answer::{Joined, News, Received, RoomDescription, RoomSummary, Sent, Session};
use crate::error::ChatError;
use crate::event::Event;
use crate::mark::Mark;
use crate::name::Username;
use rpc_core::Stream;

/// A chat of many rooms.
///
/// Every procedure but `register_user`, `describe_rooms`, `list_rooms` and `list_users` wants the session token in the call's metadata
/// ([`SESSION_KEY`](crate::SESSION_KEY)): none or a wrong one is the status `Unauthenticated`, the token of somebody
/// else `PermissionDenied`. A name nobody has is `NotRegistered`, before the token is looked at. Names are plain text
/// here and parsed by the server: what is none is `InvalidName`. Any call with a session keeps its user registered; an open
/// stream does not.
#[rpc_core::service]
pub trait Chat {
    /// Takes a name that nobody has. With the token of the one who has it in the metadata, answers with that session.
    ///
    /// With a [`REGISTRATION_KEY`](crate::REGISTRATION_KEY) in the metadata, registering again is answered as the first
    /// time, so a lost answer takes no name away. Refused with `NameTaken`.
    fn register_user(&self, username: String) -> Result<Session, ChatError>;

    /// Leaves every room and frees the name.
    fn unregister_user(&self, username: String) -> Result<(), ChatError>;

    /// Says that the user is still there, and nothing else: to be called well within [`idle_after`](Session::idle_after).
    #[idempotent]
    fn heartbeat(&self, username: String) -> Result<(), ChatError>;

    /// Makes a room without a limit. Its maker is not in it.
    ///
    /// Refused with `RoomExists`, and with the status `ResourceExhausted` when 256 rooms that the user made are still
    /// there.
    fn create_room(&self, room_name: String) -> Result<(), ChatError>;

    /// Makes a room for at most `limit` users at the same time.
    ///
    /// Refused as `create_room`, or with `InvalidLimit` for 0.
    fn create_room_with_limit(&self, room_name: String, limit: u32) -> Result<(), ChatError>;

    /// Makes a private room: one that is entered with this password, for at most `limit` users.
    ///
    /// Refused as `create_room_with_limit`, or with `InvalidPassword`.
    fn create_private_room(
        &self,
        room_name: String,
        password: String,
        limit: Option<u32>,
    ) -> Result<(), ChatError>;

    /// Enters a room; for who is in already nothing changes and the same is answered.
    ///
    /// A private room wants its password in the metadata ([`PASSWORD_KEY`](crate::PASSWORD_KEY)); without that key the
    /// refusal is the status `PermissionDenied`, for clients that know no private rooms. Refused with `NoSuchRoom`,
    /// `RoomClosed`, `RoomFull`, `PasswordNeeded` for an empty password, `WrongPassword` or `TooManyTries`.
    #[idempotent]
    fn join_room(&self, username: String, room_name: String) -> Result<Joined, ChatError>;

    /// Leaves a room, and with it the mark of what was fetched.
    ///
    /// Refused with `NoSuchRoom`, `RoomClosed` or `NotInRoom`.
    fn leave_room(&self, username: String, room_name: String) -> Result<(), ChatError>;

    /// Says something to all in a room, or privately to one of them: 1 to 4,096 bytes, not only blanks.
    ///
    /// With a [`MESSAGE_ID_KEY`](crate::MESSAGE_ID_KEY) in the metadata, sending again within ten minutes is answered
    /// as the first time and recorded once. Refused with `NoSuchRoom`, `RoomClosed`, `NotInRoom`, `RecipientNotInRoom`,
    /// `EmptyMessage` or `TooLong`.
    fn send_message(
        &self,
        username: String,
        room_name: String,
        message: String,
        recipient: Option<String>,
    ) -> Result<Sent, ChatError>;

    /// What is new in a room since the last fetch; the server keeps the mark.
    ///
    /// With an [`AFTER_KEY`](crate::AFTER_KEY) in the metadata it is what came after that mark, and the server's mark
    /// goes on from there. Never from before the join. A room that was closed is fetched to its end for a minute, once, and
    /// then refuses with `RoomClosed`. Refused with `NoSuchRoom` or `NotInRoom`.
    fn receive_messages(&self, username: String, room_name: String) -> Result<Received, ChatError>;

    /// What happens in a room, as it happens: a stream that begins with [`News::Begins`], brings what came after `after`,
    /// or after the join if that is `None` or no mark of this room, and then goes on.
    ///
    /// In the room's order, each event once, and never moving the mark of `receive_messages`. The stream ends in order
    /// when the user leaves the room or it is closed, and with a status otherwise: `Unauthenticated` when his session is over, `Aborted`
    /// when he opened more than four of one room, `ResourceExhausted` when he is further behind than is kept ready for
    /// him, which is to be resumed after the last event, `Unavailable` when the server goes away, or for good ([`is_chat_ended`](crate::is_chat_ended)). It keeps nobody
    /// registered: that takes calls. Refused with `NoSuchRoom`, `RoomClosed` or `NotInRoom`.
    fn events(
        &self,
        username: String,
        room_name: String,
        after: Option<Mark>,
    ) -> Result<Stream<News>, ChatError>;

    /// The last 50 messages of a room that this user may see, his private ones included, oldest first.
    ///
    /// Refused with `NoSuchRoom` or `NotInRoom`.
    #[idempotent]
    fn room_history(&self, username: String, room_name: String) -> Result<Vec<Event>, ChatError>;

    /// All rooms, oldest first, and which of them are private.
    #[idempotent]
    fn describe_rooms(&self) -> Result<Vec<RoomDescription>, ChatError>;

    /// As `describe_rooms`, for clients that know no private rooms.
    #[idempotent]
    fn list_rooms(&self) -> Result<Vec<RoomSummary>, ChatError>;

    /// Who is in a room, by order of entry.
    ///
    /// Refused with `NoSuchRoom`.
    #[idempotent]
    fn list_users(&self, room_name: String) -> Result<Vec<Username>, ChatError>;
}
