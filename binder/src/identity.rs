//! Who registers: an instance, and the start it is on.
//!
//! Both travel as metadata beside a call, so that `register_procedure` keeps its three arguments. A client that sends
//! neither is known by the place it registers.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rpc_core::Metadata;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;
use thiserror::Error;

use crate::address::Place;
use crate::name::ProcedureName;

/// The metadata key of an instance's id: 16 bytes.
pub const INSTANCE_KEY: &str = "binder-instance";
/// The metadata key of an incarnation: 8 bytes, little-endian.
pub const INCARNATION_KEY: &str = "binder-incarnation";

/// The metadata key of the lease that an instance wishes for: milliseconds in 8 bytes, little-endian. However long it is, the
/// instance should renew it every five seconds: a binder that was restarted takes who has not by
/// [`HEARD_WITHIN`](crate::HEARD_WITHIN) for gone.
pub const LEASE_KEY: &str = "binder-lease-ms";

/// The metadata key of the epoch under which an instance, on this start, was given the procedure that it registers again: 8
/// bytes, little-endian. Who took it later keeps it then, although the binder may have forgotten all of that. A claim never
/// gives more than registering for the first time: one of an epoch that was not given yet takes the procedure from nobody.
pub const CLAIM_KEY: &str = "binder-claim";

/// Which server process this is, across its restarts: 128 bits that nobody else has. It is the key to the server's lease.
///
/// One that is kept over restarts makes the later start take the place of the former at once, at whatever address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId([u8; 16]);

/// Which server process this is, across its restarts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Instance {
    /// The id it sent. 128 bits; it is the key to its lease, so lists show a hash of it.
    Named(InstanceId),
    /// It sent none: whoever registers this procedure at this place is the same instance. Each procedure stands for itself,
    /// so that none lives on because another at its place is registered. Shared, since every record has an instance and few
    /// have this one.
    At(Arc<(Place, ProcedureName)>),
}

/// An instance on one of its starts. Of two starts the one with the higher incarnation is the living one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The instance.
    pub(crate) instance: Instance,
    /// The start: milliseconds since the Unix epoch; 0 for a client that sends no identity.
    pub(crate) incarnation: u64,
}

/// The identity in a call's metadata is missing or broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The call needs an identity and has none.
    #[error(
        "the call names no instance (metadata {INSTANCE_KEY} and {INCARNATION_KEY}): without them, register the \
         procedure again to keep it"
    )]
    Missing,
    /// One of the two is missing or has the wrong size.
    #[error("an identity is 16 bytes under {INSTANCE_KEY} and 8 bytes under {INCARNATION_KEY}")]
    Malformed,
    /// The wished lease has the wrong size.
    #[error("a wished lease is milliseconds in 8 bytes under {LEASE_KEY}")]
    Lease,
    /// The claimed epoch has the wrong size.
    #[error("a claimed epoch is 8 bytes under {CLAIM_KEY}")]
    Claim,
}

impl Owner {
    /// This instance, started now.
    pub(crate) fn started_now(id: InstanceId) -> Owner {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let incarnation = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Owner { instance: Instance::Named(id), incarnation }
    }

    /// The identity in a call's metadata, if there is one.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] for half of one, or a wrong size.
    pub(crate) fn of(metadata: &Metadata) -> Result<Option<Owner>, IdentityError> {
        let (id, incarnation) = match (metadata.first(INSTANCE_KEY), metadata.first(INCARNATION_KEY)) {
            (None, None) => return Ok(None),
            (Some(id), Some(incarnation)) => (<[u8; 16]>::try_from(id), incarnation.try_into()),
            _ => return Err(IdentityError::Malformed),
        };
        let (Ok(id), Ok(incarnation)) = (id, incarnation) else { return Err(IdentityError::Malformed) };
        Ok(Some(Owner { instance: Instance::Named(id.into()), incarnation: u64::from_le_bytes(incarnation) }))
    }

    /// The lease that a call's metadata wishes for, if any.
    ///
    /// # Errors
    /// [`IdentityError::Lease`] for a wrong size.
    pub(crate) fn wished_lease(metadata: &Metadata) -> Result<Option<Duration>, IdentityError> {
        let Some(bytes) = metadata.first(LEASE_KEY) else { return Ok(None) };
        let bytes = bytes.try_into().map_err(|_| IdentityError::Lease)?;
        Ok(Some(Duration::from_millis(u64::from_le_bytes(bytes))))
    }

    /// The epoch under which the caller says that he had the procedure before, if he does.
    ///
    /// # Errors
    /// [`IdentityError::Claim`] for a wrong size.
    pub(crate) fn claim(metadata: &Metadata) -> Result<Option<u64>, IdentityError> {
        let Some(bytes) = metadata.first(CLAIM_KEY) else { return Ok(None) };
        Ok(Some(u64::from_le_bytes(bytes.try_into().map_err(|_| IdentityError::Claim)?)))
    }

    /// The identity of a client that sends none and registers this procedure at this place.
    pub(crate) fn at(place: &Place, name: &ProcedureName) -> Owner {
        Owner { instance: Instance::At(Arc::new((place.clone(), name.clone()))), incarnation: 0 }
    }
}

impl InstanceId {
    /// An id that nobody else has.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> io::Result<InstanceId> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        Ok(InstanceId(id))
    }

    /// Its bytes, to be kept where only the server reads them.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl From<[u8; 16]> for InstanceId {
    fn from(bytes: [u8; 16]) -> InstanceId {
        InstanceId(bytes)
    }
}

/// Its hash, as in lists.
impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceId({}…)", Instance::Named(*self).short())
    }
}

impl Instance {
    /// Tells the instance from others of a procedure, and does not let anybody speak as it. The same to all binders.
    pub(crate) fn short(&self) -> String {
        match self {
            Instance::Named(InstanceId(id)) => format!("{:016x}", SipHasher24::new().hash(id)),
            Instance::At(at) => at.0.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_back_from_metadata() {
        let id = InstanceId::random().unwrap();
        let owner = Owner::started_now(id);
        let mut metadata = Metadata::new();
        metadata.insert(INSTANCE_KEY, id.bytes()).unwrap();
        assert_eq!(Owner::of(&metadata), Err(IdentityError::Malformed));
        metadata.insert(INCARNATION_KEY, owner.incarnation.to_le_bytes()).unwrap();
        assert_eq!(Owner::of(&metadata), Ok(Some(owner)));
        assert_eq!(Owner::of(&Metadata::new()), Ok(None));
    }

    #[test]
    fn an_identity_of_the_wrong_size_is_refused() {
        let mut metadata = Metadata::new();
        metadata.insert(INSTANCE_KEY, [0; 15]).unwrap();
        metadata.insert(INCARNATION_KEY, [0; 8]).unwrap();
        assert_eq!(Owner::of(&metadata), Err(IdentityError::Malformed));
    }

    #[test]
    fn a_wished_lease_and_a_claimed_epoch_are_eight_bytes() {
        let mut metadata = Metadata::new();
        assert_eq!(Owner::wished_lease(&metadata), Ok(None));
        metadata.insert(LEASE_KEY, 2_000u64.to_le_bytes()).unwrap();
        assert_eq!(Owner::wished_lease(&metadata), Ok(Some(Duration::from_secs(2))));
        metadata.replace(LEASE_KEY, [0; 7]).unwrap();
        assert_eq!(Owner::wished_lease(&metadata), Err(IdentityError::Lease));
        assert_eq!(Owner::claim(&metadata), Ok(None));
        metadata.insert(CLAIM_KEY, 7u64.to_le_bytes()).unwrap();
        assert_eq!(Owner::claim(&metadata), Ok(Some(7)));
        metadata.replace(CLAIM_KEY, [0; 9]).unwrap();
        assert_eq!(Owner::claim(&metadata), Err(IdentityError::Claim));
    }

    #[test]
    fn a_short_instance_does_not_give_the_id_away() {
        let id = InstanceId::from([0xab; 16]);
        assert_eq!(Instance::Named(id).short(), "3b7d0f8b3fc6e02e");
        assert_eq!(format!("{id:?}"), "InstanceId(3b7d0f8b3fc6e02e…)");
    }

    /// Story: whoever chose an id that began like another's took that one's place in all clients.
    #[test]
    fn ids_that_begin_or_end_alike_are_told_apart() {
        let mut ids = vec![[7; 16]];
        for byte in 0..16 {
            let mut id = [7; 16];
            id[byte] = 8;
            ids.push(id);
        }
        let shown: std::collections::BTreeSet<_> =
            ids.iter().map(|id| Instance::Named((*id).into()).short()).collect();
        assert_eq!(shown.len(), ids.len());
    }
}
