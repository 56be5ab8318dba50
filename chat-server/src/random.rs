//! Secrets and ids from the system's source of randomness.

use chat_api::{Incarnation, SessionToken};
use rpc_core::Status;

use crate::domain::UserId;

/// A session token nobody can guess.
pub(crate) fn token() -> Result<SessionToken, Status> {
    bytes().map(SessionToken::new)
}

/// The id of a registration.
pub(crate) fn user_id() -> Result<UserId, Status> {
    bytes().map(u64::from_le_bytes).map(UserId)
}

/// The incarnation of a room.
pub(crate) fn incarnation() -> Result<Incarnation, Status> {
    bytes().map(u64::from_le_bytes).map(Incarnation::new)
}

/// The salt of a password.
pub(crate) fn salt() -> Result<[u8; 16], Status> {
    bytes()
}

fn bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], Status> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| Status::internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}
