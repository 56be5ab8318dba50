//! The seam behind which rooms are kept: memory now, a database or a shared engine later.
//!
//! **Every method is one atomic read-modify-write of one room.** Nobody above the seam reads a room, thinks, and
//! writes it back, so an engine may run each method as one transaction. A room that has been empty for too long is
//! gone for every method, whether or not it has been swept away.

mod budget;
mod memory;

use std::fmt;

use chat_api::{
    ChatError, Event, Joined, Mark, MessageBody, Received, RoomChoice, RoomName, RoomReport, Username,
};

use crate::domain::{
    Announcement, Door, Follow, Followed, Key, Moment, Person, Post, Posted, RoomPlan, UserId,
};

pub use memory::RoomsInMemory;

/// All rooms of a chat.
///
/// Every method but `create`, `list`, `rooms_of` and `sweep` is refused with `NoSuchRoom` where there is no such room, and
/// with `RoomClosed` where it was closed, beside the refusals of [`Room`](crate::domain::Room)'s method of the same name.
pub trait Rooms: fmt::Debug + Send + Sync + 'static {
    /// Makes a room, and tells how many there are then.
    ///
    /// # Errors
    /// `RoomExists`; the status `ResourceExhausted` at the limit of rooms, and of those that one user has made.
    fn create(&self, plan: RoomPlan, now: Moment) -> Result<u32, ChatError>;

    /// What somebody finds who wants to enter; at a private room a try of his is taken.
    ///
    /// # Errors
    /// `TooManyTries`.
    fn knock(&self, room: &RoomName, user: UserId, now: Moment) -> Result<Door, ChatError>;

    /// Lets somebody in.
    ///
    /// # Errors
    /// `PasswordNeeded` or `RoomFull`; the status `ResourceExhausted` at the limit of rooms of one user.
    fn enter(
        &self,
        room: &RoomName,
        person: &Person,
        key: Option<Key>,
        now: Moment,
    ) -> Result<Joined, ChatError>;

    /// Puts a member out.
    ///
    /// # Errors
    /// `NotInRoom`.
    fn leave(&self, room: &RoomName, user: UserId, now: Moment) -> Result<(), ChatError>;

    /// Records a message, and gives its number and what the log has of it.
    ///
    /// # Errors
    /// `NotInRoom` or `RecipientNotInRoom`.
    fn post(&self, room: &RoomName, post: Post, now: Moment) -> Result<Posted, ChatError>;

    /// What is new for a member; his mark moves.
    ///
    /// # Errors
    /// `NotInRoom`.
    fn fetch(
        &self,
        room: &RoomName,
        user: UserId,
        after: Option<Mark>,
        now: Moment,
    ) -> Result<Received, ChatError>;

    /// What somebody finds who begins to follow a room. No mark moves.
    ///
    /// # Errors
    /// `NotInRoom`.
    fn follow(&self, room: &RoomName, follow: Follow, now: Moment) -> Result<Followed, ChatError>;

    /// What came in a room since `announced`, whoever may see it.
    ///
    /// # Errors
    /// `NoSuchRoom`.
    fn announcement(&self, room: &RoomName, announced: Mark, now: Moment) -> Result<Announcement, ChatError>;

    /// The last messages that a member may see.
    ///
    /// # Errors
    /// `NotInRoom`.
    fn recent(&self, room: &RoomName, user: UserId, now: Moment) -> Result<Vec<Event>, ChatError>;

    /// Who is in a room, by order of entry.
    ///
    /// # Errors
    /// `NoSuchRoom`.
    fn users(&self, room: &RoomName, now: Moment) -> Result<Vec<Username>, ChatError>;

    /// All rooms that are open, oldest first.
    fn list(&self, now: Moment) -> Vec<RoomReport>;

    /// The name of the room that is meant.
    ///
    /// # Errors
    /// `NoSuchRoom`, `NoSuchNumber`, or `InvalidName` for what is none.
    fn named(&self, choice: &RoomChoice, now: Moment) -> Result<RoomName, ChatError>;

    /// Tells everybody in a room something.
    ///
    /// # Errors
    /// `NoSuchRoom`.
    fn tell(&self, room: &RoomName, text: MessageBody, now: Moment) -> Result<(), ChatError>;

    /// Puts a member out, after telling him why.
    ///
    /// # Errors
    /// `NotInRoom`.
    fn kick(
        &self,
        room: &RoomName,
        user: UserId,
        reason: Option<MessageBody>,
        now: Moment,
    ) -> Result<(), ChatError>;

    /// Closes the room that is meant, after telling everybody why; its name is free. Who was in may read it for a minute,
    /// unless a room of its name is made meanwhile.
    ///
    /// # Errors
    /// As [`named`](Rooms::named).
    fn close(
        &self,
        choice: &RoomChoice,
        reason: Option<MessageBody>,
        now: Moment,
    ) -> Result<RoomName, ChatError>;

    /// The rooms somebody is in, oldest first.
    fn rooms_of(&self, user: UserId) -> Vec<RoomName>;

    /// Forgets rooms that have been empty for too long, and names them; and those that were closed.
    fn sweep(&self, now: Moment) -> Vec<RoomName>;
}
