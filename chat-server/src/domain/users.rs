//! Who is registered: names, tokens, and when each was last heard of.

use std::collections::HashMap;
use std::time::Duration;

use chat_api::limits::USERS;
use chat_api::{ChatError, NameKey, RegistrationId, SessionToken, Username};
use rpc_core::Status;
use subtle::ConstantTimeEq;

use super::moment::{Moment, Uptime};
use super::names::Names;
use super::person::{Person, UserId};

/// All registered users.
///
/// ```text
///   register ──▶ present ──▶ leaving ──▶ removed
///                        retire      remove
/// ```
/// Who is leaving makes no calls any more, but keeps his name until he is out of all rooms, so that no room ever
/// shows one name twice. Somebody idle for too long is refused even before he is retired.
#[derive(Debug)]
pub struct Users {
    idle_after: Duration,
    names: Names<UserId>,
    users: HashMap<UserId, User>,
    /// Looked at only to tell a stranger's token from another user's; whose it is is decided in constant time.
    tokens: HashMap<[u8; 16], UserId>,
}

#[derive(Debug)]
struct User {
    person: Person,
    token: SessionToken,
    /// The id he registered with, if he may do so again.
    registration: Option<RegistrationId>,
    last_call: Uptime,
    is_leaving: bool,
}

/// Somebody who wants a name.
#[derive(Debug)]
pub struct Newcomer {
    /// The name, and a random id for this registration.
    pub person: Person,
    /// 128 random bits.
    pub token: SessionToken,
    /// His own number for this registration.
    pub registration: Option<RegistrationId>,
}

/// What registering brought.
#[derive(Debug)]
pub struct Registered {
    /// Whose session it is: the newcomer, or who had the name and showed its token.
    pub person: Person,
    /// The token of that session.
    pub token: SessionToken,
}

impl Users {
    /// Nobody yet; who makes no call for `idle_after` is gone.
    pub fn new(idle_after: Duration) -> Users {
        Users { idle_after, names: Names::new(), users: HashMap::new(), tokens: HashMap::new() }
    }

    /// How many are registered, those who have just become idle included.
    pub fn count(&self) -> usize {
        self.users.len()
    }

    /// Takes a name, or takes up the session of the one who has it: with the same registration id, or his token `shown`.
    ///
    /// # Errors
    /// `NameTaken`, or the status `ResourceExhausted` when the server is full.
    pub fn register(
        &mut self,
        newcomer: Newcomer,
        shown: Option<&[u8]>,
        now: Moment,
    ) -> Result<Registered, ChatError> {
        let Newcomer { person, token, registration } = newcomer;
        let key = person.name.key();
        if let Some(session) = self.reclaim(&key, registration.as_ref(), shown, now) {
            return Ok(session);
        }
        if self.names.clashes(&key).next().is_some() {
            return Err(ChatError::NameTaken { username: person.name });
        }
        if self.users.len() >= USERS {
            return Err(Status::resource_exhausted(format!("the server holds at most {USERS} users")).into());
        }
        self.add(&key, &person, (&token, registration), now);
        Ok(Registered { person, token })
    }

    /// Who calls: the registered user of this name, if the token is his.
    ///
    /// # Errors
    /// `NotRegistered`; the status `PermissionDenied` for another's token, `Unauthenticated` for none or a wrong one.
    pub fn caller(
        &mut self,
        username: &Username,
        token: Option<&[u8]>,
        now: Moment,
    ) -> Result<Person, ChatError> {
        let unknown = || ChatError::NotRegistered { username: username.clone() };
        let id = self.find(&username.key()).filter(|id| self.is_present(*id, now)).ok_or_else(unknown)?;
        let user = self.users.get_mut(&id).ok_or_else(unknown)?;
        let token = token.ok_or_else(|| Status::unauthenticated("the call carries no session token"))?;
        if is_secret(user.token.as_bytes(), token) {
            user.last_call = user.last_call.max(now.uptime);
            return Ok(user.person.clone());
        }
        Err(self.refusal(token).into())
    }

    /// Who calls, by his token alone: for procedures that name no user.
    ///
    /// # Errors
    /// The status `Unauthenticated`.
    pub fn holder(&mut self, token: Option<&[u8]>, now: Moment) -> Result<Person, ChatError> {
        let known = token.and_then(|token| self.by_token(token)).filter(|id| self.is_present(*id, now));
        let user = known.and_then(|id| self.users.get_mut(&id));
        let user = user.ok_or_else(|| Status::unauthenticated("the call carries no valid session token"))?;
        user.last_call = user.last_call.max(now.uptime);
        Ok(user.person.clone())
    }

    /// Who has this name.
    pub fn find(&self, key: &NameKey) -> Option<UserId> {
        self.names.find(key).copied()
    }

    /// Whether this registration has not ended, nor begun to end.
    pub fn is_registered(&self, id: UserId) -> bool {
        self.users.get(&id).is_some_and(|user| !user.is_leaving)
    }

    /// Begins the end of a registration; `None` if it has begun before.
    pub fn retire(&mut self, id: UserId) -> Option<Person> {
        let user = self.users.get_mut(&id).filter(|user| !user.is_leaving)?;
        user.is_leaving = true;
        Some(user.person.clone())
    }

    /// Retires and names everybody who is idle.
    pub fn retire_idle(&mut self, now: Moment) -> Vec<Person> {
        let ids: Vec<UserId> = self.users.keys().copied().collect();
        self.retire_idle_of(ids, now)
    }

    /// Retires and names those who are idle and in the way of this name.
    pub fn retire_idle_holders(&mut self, name: &Username, now: Moment) -> Vec<Person> {
        let ids = self.names.clashes(&name.key()).copied().collect();
        self.retire_idle_of(ids, now)
    }

    /// Frees the name of a user who is out of all rooms.
    pub fn remove(&mut self, id: UserId) {
        if let Some(user) = self.users.remove(&id) {
            self.names.remove(&user.person.name.key());
            self.tokens.remove(user.token.as_bytes());
        }
    }

    fn reclaim(
        &mut self,
        key: &NameKey,
        registration: Option<&RegistrationId>,
        shown: Option<&[u8]>,
        now: Moment,
    ) -> Option<Registered> {
        let id = self.find(key).filter(|id| self.is_present(*id, now))?;
        let user = self.users.get_mut(&id)?;
        let has_token = shown.is_some_and(|shown| is_secret(user.token.as_bytes(), shown));
        if !has_token && !user.is_registration(registration) {
            return None;
        }
        user.last_call = user.last_call.max(now.uptime);
        Some(Registered { person: user.person.clone(), token: user.token.clone() })
    }

    fn add(
        &mut self,
        key: &NameKey,
        person: &Person,
        (token, registration): (&SessionToken, Option<RegistrationId>),
        now: Moment,
    ) {
        if self.names.insert(key, person.id).is_ok() {
            self.tokens.insert(*token.as_bytes(), person.id);
            let user = User {
                person: person.clone(),
                token: token.clone(),
                registration,
                last_call: now.uptime,
                is_leaving: false,
            };
            self.users.insert(person.id, user);
        }
    }

    fn retire_idle_of(&mut self, mut ids: Vec<UserId>, now: Moment) -> Vec<Person> {
        ids.retain(|id| self.users.get(id).is_some_and(|user| user.is_idle(now, self.idle_after)));
        ids.into_iter().filter_map(|id| self.retire(id)).collect()
    }

    fn is_present(&self, id: UserId, now: Moment) -> bool {
        self.users.get(&id).is_some_and(|user| !user.is_leaving && !user.is_idle(now, self.idle_after))
    }

    fn by_token(&self, token: &[u8]) -> Option<UserId> {
        let token: &[u8; 16] = token.try_into().ok()?;
        self.tokens.get(token).copied()
    }

    fn refusal(&self, token: &[u8]) -> Status {
        match self.by_token(token) {
            Some(_) => Status::permission_denied("the session token belongs to another user"),
            None => Status::unauthenticated("the session token is not valid"),
        }
    }
}

impl User {
    fn is_idle(&self, now: Moment, idle_after: Duration) -> bool {
        now.uptime.since(self.last_call) >= idle_after
    }

    fn is_registration(&self, shown: Option<&RegistrationId>) -> bool {
        let both = self.registration.as_ref().zip(shown);
        both.is_some_and(|(held, shown)| is_secret(held.as_bytes(), shown.as_bytes()))
    }
}

/// Takes the same time however many bytes agree.
fn is_secret(held: &[u8; 16], shown: &[u8]) -> bool {
    held.as_slice().ct_eq(shown).into()
}

#[cfg(test)]
mod tests;
