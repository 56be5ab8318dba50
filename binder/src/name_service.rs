//! The binder's procedures over its registry.
//!
//! Owned by [`BinderServer`](crate::BinderServer). The only place that joins the registry with the clock and with what
//! surrounds a call; it decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rpc_core::Context;

use crate::address::{Place, Vantage};
use crate::contract::{Binder, Entry, Granted, Location, Renewal};
use crate::error::BinderError;
use crate::identity::{IdentityError, Owner};
use crate::name::ProcedureName;
use crate::registry::{Held, Registry, Terms, millis};

/// A binder in this process, without a socket.
#[derive(Debug)]
pub(crate) struct NameService {
    registry: Mutex<Registry>,
}

impl NameService {
    pub(crate) fn new(terms: Terms) -> NameService {
        // Microseconds, so that a binder that starts again begins above every epoch it has given before.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch = u64::try_from(since_epoch.as_micros()).unwrap_or(0);
        NameService { registry: Mutex::new(Registry::new(terms, epoch, Instant::now())) }
    }

    /// Ends the leases whose time is over; how many names have gone.
    pub(crate) fn sweep(&self) -> usize {
        self.registry().sweep(Instant::now())
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Binder for NameService {
    fn register_procedure(
        &self,
        procedure_name: String,
        address: String,
        port: u16,
    ) -> Result<Granted, BinderError> {
        let context = Context::current();
        let name = ProcedureName::parse(&procedure_name)?;
        let place = Place::advertised(&address, port, Vantage::of(&context))?;
        let owner = Owner::of(context.metadata())?.unwrap_or_else(|| Owner::at(&place));
        tracing::debug!("{name} is registered at {place} by {}", owner.instance.short());
        self.registry().register(&owner, &name, place, Instant::now())
    }

    fn lookup_procedure(&self, procedure_name: String) -> Result<Location, BinderError> {
        let vantage = Vantage::of(&Context::current());
        let name = ProcedureName::parse(&procedure_name)?;
        let mut registry = self.registry();
        let fresh_for = registry.lease() / 3;
        let held = registry.lookup(&name, Instant::now())?;
        let place = &held.holding.place;
        let address = place.seen_from(vantage).map_err(|why| BinderError::OutOfReach {
            name: procedure_name,
            address: place.to_string(),
            why: why.to_string(),
        })?;
        // As long as a living holder takes to be heard of again, and never longer than a dead one is believed.
        let max_age_ms = millis(held.left.min(fresh_for));
        Ok(Location { address, port: place.port(), max_age_ms, epoch: held.holding.epoch })
    }

    fn renew(&self) -> Result<Renewal, BinderError> {
        self.registry().renew(&caller()?, Instant::now())
    }

    fn unregister(&self, procedure_names: Vec<String>) -> Result<(), BinderError> {
        let owner = caller()?;
        let names: Result<Vec<_>, _> =
            procedure_names.iter().map(|name| ProcedureName::parse(name)).collect();
        self.registry().unregister(&owner, &names?, Instant::now());
        Ok(())
    }

    fn list(&self, after: String) -> Result<Vec<Entry>, BinderError> {
        let vantage = Vantage::of(&Context::current());
        let now = Instant::now();
        let mut registry = self.registry();
        Ok(registry.list(&after, now).iter().map(|held| entry(held, vantage, now)).collect())
    }
}

fn caller() -> Result<Owner, BinderError> {
    let owner = Owner::of(Context::current().metadata())?;
    owner.ok_or(BinderError::Identity(IdentityError::Missing))
}

fn entry(held: &Held<'_>, vantage: Vantage, now: Instant) -> Entry {
    let place = &held.holding.place;
    Entry {
        name: held.name.to_string(),
        address: place.seen_from(vantage).unwrap_or_else(|_| place.address()),
        port: place.port(),
        age_ms: millis(now.saturating_duration_since(held.holding.since)),
        lease_left_ms: millis(held.left),
        epoch: held.holding.epoch,
        instance: held.holding.instance.short(),
        incarnation: held.incarnation,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::identity::{INCARNATION_KEY, INSTANCE_KEY};

    fn service() -> NameService {
        NameService::new(Terms::default())
    }

    fn named(id: u8) -> Context {
        let context = Context::background().with_metadata(INSTANCE_KEY, [id; 16]).unwrap();
        context.with_metadata(INCARNATION_KEY, 7u64.to_le_bytes()).unwrap()
    }

    fn register(service: &NameService, name: &str, address: &str) -> Result<Granted, BinderError> {
        service.register_procedure(name.into(), address.into(), 4000)
    }

    #[test]
    fn a_plain_client_registers_and_looks_up() {
        let service = service();
        register(&service, "chat", "127.0.0.1").unwrap();
        let location = service.lookup_procedure("chat".into()).unwrap();
        assert_eq!((location.address.as_str(), location.port), ("127.0.0.1", 4000));
        assert!(location.max_age_ms <= 5_000);
        assert_eq!(service.renew(), Err(BinderError::Identity(IdentityError::Missing)));
    }

    #[test]
    fn what_cannot_be_registered_is_refused_in_words() {
        let service = service();
        let refusals = [
            register(&service, "", "127.0.0.1"),
            register(&service, "chat", ""),
            service.register_procedure("chat".into(), "127.0.0.1".into(), 0),
        ];
        let words = ["name has at least 1 byte", "address has at least 1 byte", "port 0 is no port"];
        for (refusal, word) in refusals.into_iter().zip(words) {
            let sentence = refusal.unwrap_err().to_string();
            assert!(sentence.contains(word), "{sentence}");
        }
        assert_eq!(service.list(String::new()), Ok(Vec::new()));
    }

    #[test]
    fn an_identity_beside_the_call_holds_the_lease() {
        let service = service();
        named(1).scope(|| {
            register(&service, "chat", "127.0.0.1").unwrap();
            let renewal = service.renew().unwrap();
            assert_eq!(renewal, Renewal::Renewed { lease_ms: 15_000, superseded: Vec::new() });
        });
        named(2).scope(|| {
            assert_eq!(service.renew(), Ok(Renewal::UnknownLease));
            service.unregister(vec!["chat".into()]).unwrap();
        });
        let listed = service.list(String::new()).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].instance.as_str(), listed[0].incarnation), ("01010101", 7));
        named(1).scope(|| service.unregister(vec!["chat".into()]).unwrap());
        assert_eq!(service.list(String::new()), Ok(Vec::new()));
    }

    #[test]
    fn an_asker_from_afar_gets_an_address_he_can_use_or_a_sentence() {
        let service = service();
        register(&service, "open", "0.0.0.0").unwrap();
        register(&service, "local", "127.0.0.1").unwrap();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let afar =
            Context::background().with_addresses(address("192.168.1.9:40000"), address("192.168.1.5:5000"));
        afar.scope(|| {
            assert_eq!(service.lookup_procedure("open".into()).unwrap().address, "192.168.1.5");
            let sentence = service.lookup_procedure("local".into()).unwrap_err().to_string();
            assert!(
                sentence.starts_with("local is registered at 127.0.0.1:4000, which you cannot use: only")
            );
            assert_eq!(service.list(String::new()).unwrap()[0].address, "127.0.0.1");
            assert!(matches!(register(&service, "far", "127.0.0.1"), Err(BinderError::Address(_))));
        });
    }

    #[test]
    fn an_unknown_name_says_how_young_the_binder_is() {
        let error = service().lookup_procedure("chat".into()).unwrap_err();
        assert!(error.is_unsure());
        let sentence = "no procedure named chat is registered (the binder started 0 s ago; servers that run come \
                        back within 15 s)";
        assert_eq!(error.to_string(), sentence);
    }
}
