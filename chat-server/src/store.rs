//! The seam behind which rooms are kept: memory now, a database or a shared engine later.
//!
//! **Every method is one atomic read-modify-write of one room.** Nobody above the seam reads a room, thinks, and
//! writes it back, so an engine may run each method as one transaction. A room that has been empty for too long is
//! gone for every method, whether or not it has been swept away.

mod budget;
mod memory;

use std::fmt;

use chat_api::{ChatError, Event, Joined, Mark, Received, RoomName, RoomSummary, Seq, Username};

use crate::domain::{Announcement, Follow, Followed, Moment, Person, Post, RoomPlan, UserId};

pub use memory::RoomsInMemory;

/// All rooms of a chat.
///
/// Every method but `create`, `list`, `rooms_of` and `sweep` is refused with `NoSuchRoom` where there is no such room,
/// beside the refusals of [`Room`](crate::domain::Room)'s method of the same name.
pub trait Rooms: fmt::Debug + Send + Sync + 'static {
    /// Makes a room.
    ///
    /// # Errors
    /// `RoomExists`; the status `ResourceExhausted` at the limit of rooms, and of those that one user has made.
    fn create(&self, plan: RoomPlan, now: Moment) -> Result<(), ChatError>;

    /// Lets somebody in.
    ///
    /// # Errors
    /// `RoomFull`; the status `ResourceExhausted` at the limit of rooms of one user.
    fn enter(&self, room: &RoomName, person: &Person, now: Moment) -> Result<Joined, ChatError>;

    /// Puts a member out.
    ///
    /// # Errors
    /// `NotInRoom`.
    fn leave(&self, room: &RoomName, user: UserId, now: Moment) -> Result<(), ChatError>;

    /// Records a message, and gives its number.
    ///
    /// # Errors
    /// `NotInRoom` or `RecipientNotInRoom`.
    fn post(&self, room: &RoomName, post: Post, now: Moment) -> Result<Seq, ChatError>;

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

    /// All rooms, oldest first.
    fn list(&self, now: Moment) -> Vec<RoomSummary>;

    /// The rooms somebody is in, oldest first.
    fn rooms_of(&self, user: UserId) -> Vec<RoomName>;

    /// Forgets rooms that have been empty for too long, and names them.
    fn sweep(&self, now: Moment) -> Vec<RoomName>;
}
