//! Who somebody is.

use chat_api::Username;

/// One registration: random, so that who registers a name again is somebody else than its former holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

/// A registered user as rooms know him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Which registration.
    pub id: UserId,
    /// The name as others see it.
    pub name: Username,
}
