//! What is known of each service, and who waits for it to change.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{HealthCheck, Standing};
use crate::context::Context;
use crate::limits::{PROCEDURE_NAME, WATCHED_SERVICES};
use crate::shares::{Origin, Places};
use crate::status::Status;
use crate::stream::{Broadcast, Lag, Stream};

/// The standing of each service of a server, set by its program; cheap to clone, all clones are one.
///
/// A service that a server has is `Serving` from the start, and so is the server as a whole, whose name is empty. Each is set
/// by itself. A program makes one to give it to its server ([`ServerBuilder::health`](crate::ServerBuilder::health)), or
/// takes the one that its server has ([`Server::health`](crate::Server::health)).
///
/// ```
/// use rpc_core::health::Standing;
/// # fn main() -> std::io::Result<()> {
/// let server = rpc_core::Server::builder().bind("127.0.0.1:0")?;
/// server.health().set("wallet", Standing::NotServing);
/// assert_eq!(server.health().standing("wallet"), Standing::NotServing);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Board>>);

#[derive(Default)]
struct Board {
    standings: BTreeMap<String, Standing>,
    /// The services that somebody watches, or has watched.
    watched: HashMap<String, Watched>,
    /// Nothing serves, whatever is set.
    drained: bool,
}

/// A service that is watched.
struct Watched {
    news: Broadcast<Standing>,
    /// Who asked for it first. As long as the server does not have it, it is one of those that he may name.
    named_by: Origin,
}

/// A watcher that is so many changes behind ends, and may come again.
const LAG: Lag = Lag { items: 1024, bytes: 64 << 10 };

impl Health {
    /// Nothing is known but the server as a whole, which serves.
    pub fn new() -> Health {
        let health = Health::default();
        health.add("");
        health
    }

    /// Says how a service stands; `ServiceUnknown` forgets it. While all is [drained](Health::drain) it is kept for later.
    pub fn set(&self, service: &str, standing: Standing) {
        let mut board = self.lock();
        let before = board.standing(service);
        match standing {
            Standing::ServiceUnknown => board.standings.remove(service),
            known => board.standings.insert(service.to_owned(), known),
        };
        board.tell(service, before);
    }

    /// How a service stands now.
    pub fn standing(&self, service: &str) -> Standing {
        self.lock().standing(service)
    }

    /// From now on nothing serves, the server as a whole included, until it is [resumed](Health::resume): for a program that
    /// is about to leave, or must not be called for a while.
    pub fn drain(&self) {
        self.switch(|board| board.drained = true);
    }

    /// Services stand as they were set again.
    pub fn resume(&self) {
        self.switch(|board| board.drained = false);
    }

    fn switch(&self, change: impl FnOnce(&mut Board)) {
        let mut board = self.lock();
        let before: Vec<_> = board.watched.keys().map(|name| (name.clone(), board.standing(name))).collect();
        change(&mut board);
        for (service, before) in before {
            board.tell(&service, before);
        }
    }

    /// A service that its server has serves, unless something else was said of it.
    pub(crate) fn add(&self, service: &str) {
        self.lock().standings.entry(service.to_owned()).or_insert(Standing::Serving);
    }

    /// Nothing serves, and nobody watches any more: those who did have read so.
    pub(crate) fn close(&self) {
        self.drain();
        let watched = std::mem::take(&mut self.lock().watched);
        drop(watched);
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn standing(&self, service: &str) -> Standing {
        match self.standings.get(service) {
            Some(_) if self.drained => Standing::NotServing,
            Some(standing) => *standing,
            None => Standing::ServiceUnknown,
        }
    }

    /// Tells those who watch a service, if something has changed. Under the lock, since that keeps the changes in their order;
    /// a broadcast waits for no subscriber.
    fn tell(&self, service: &str, before: Standing) {
        let now = self.standing(service);
        if let Some(watched) = self.watched.get(service).filter(|_| now != before) {
            watched.news.send(&now).expect("three variants encode, and fit a frame");
        }
    }

    /// What tells those who watch a service, of whom one more is to come from there.
    fn watchers(&mut self, service: &str, origin: Origin) -> Result<&Broadcast<Standing>, Status> {
        // Services that are known are as many as the program says: whatever others ask for takes no place from them.
        if !self.standings.contains_key(service) && !self.watched.contains_key(service) {
            self.check_room(origin)?;
        }
        let watched = || Watched { news: Broadcast::with_lag(LAG), named_by: origin };
        Ok(&self.watched.entry(service.to_owned()).or_insert_with(watched).news)
    }

    /// Whether there is room for one more name that nobody knows.
    fn check_room(&mut self, origin: Origin) -> Result<(), Status> {
        if self.watched.len() >= WATCHED_SERVICES / 2 {
            self.watched.retain(|_, watched| watched.news.subscribers() > 0);
        }
        let unknown = self.watched.iter().filter(|(name, _)| !self.standings.contains_key(*name));
        let (mut taken, mut held) = (0, 0);
        for (_, watched) in unknown {
            taken += 1;
            held += usize::from(watched.named_by == origin);
        }
        let places = Places { all: WATCHED_SERVICES, taken };
        places.check(origin, held, 1).map_err(|why| {
            let message = format!("too many services that this server does not have are watched: {why}");
            Status::resource_exhausted(message).not_run()
        })
    }
}

impl HealthCheck for Health {
    fn check(&self, service: String) -> Result<Standing, Status> {
        let service = named(&service)?;
        match self.standing(service) {
            Standing::ServiceUnknown => Err(Status::not_found(format!("there is no service {service:?}"))),
            known => Ok(known),
        }
    }

    fn watch(&self, service: String) -> Result<Stream<Standing>, Status> {
        let service = named(&service)?;
        let mut board = self.lock();
        let now = board.standing(service);
        let (_, stream) = board.watchers(service, Context::current().origin())?.subscribe_behind([&now])?;
        Ok(stream)
    }
}

/// A service's name; longer than a procedure's it cannot be.
fn named(service: &str) -> Result<&str, Status> {
    if service.len() > PROCEDURE_NAME {
        let message =
            format!("a service's name has {PROCEDURE_NAME} bytes at most, and this one {}", service.len());
        return Err(Status::invalid_argument(message).not_run());
    }
    Ok(service)
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let board = self.lock();
        f.debug_struct("Health")
            .field("standings", &board.standings)
            .field("drained", &board.drained)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::status::Code;

    #[test]
    fn each_service_stands_by_itself_and_the_empty_name_is_the_server() {
        let health = Health::new();
        assert_eq!(health.check(String::new()), Ok(Standing::Serving));
        health.set("wallet", Standing::NotServing);
        assert_eq!(health.check("wallet".to_owned()), Ok(Standing::NotServing));
        assert_eq!(health.check(String::new()), Ok(Standing::Serving));
        health.set("", Standing::NotServing);
        assert_eq!(health.standing(""), Standing::NotServing);
    }

    #[test]
    fn a_service_that_nobody_knows_is_not_found_and_may_be_forgotten_again() {
        let health = Health::new();
        let check = || health.check("wallet".to_owned()).map_err(|status| status.code());
        assert_eq!(check(), Err(Code::NotFound));
        health.set("wallet", Standing::Serving);
        assert_eq!(check(), Ok(Standing::Serving));
        health.set("wallet", Standing::ServiceUnknown);
        assert_eq!(check(), Err(Code::NotFound));
    }

    #[test]
    fn what_is_set_while_all_is_drained_counts_when_it_is_resumed() {
        let health = Health::new();
        health.add("wallet");
        health.drain();
        health.set("wallet", Standing::Serving);
        health.set("chat", Standing::Serving);
        assert_eq!(["", "wallet", "chat"].map(|name| health.standing(name)), [Standing::NotServing; 3]);
        assert_eq!(health.standing("nobody"), Standing::ServiceUnknown);
        health.resume();
        assert_eq!(["", "wallet", "chat"].map(|name| health.standing(name)), [Standing::Serving; 3]);
    }

    #[test]
    fn a_watcher_hears_how_it_stands_and_then_every_change_once() {
        let health = Health::new();
        let wallet = health.watch("wallet".to_owned()).unwrap();
        let other = health.watch(String::new()).unwrap();
        use Standing::{NotServing, ServiceUnknown, Serving};
        for standing in [Serving, Serving, NotServing, NotServing, ServiceUnknown, Serving] {
            health.set("wallet", standing);
        }
        health.close();
        let heard: Result<Vec<Standing>, Status> = wallet.collect();
        assert_eq!(
            heard.unwrap(),
            [ServiceUnknown, Serving, NotServing, ServiceUnknown, Serving, NotServing]
        );
        let heard: Result<Vec<Standing>, Status> = other.collect();
        assert_eq!(heard.unwrap(), [Serving, NotServing]);
    }

    #[test]
    fn a_name_at_the_limit_is_looked_up_and_one_past_it_refused() {
        let code = |length| Health::new().check("n".repeat(length)).unwrap_err().code();
        assert_eq!(code(PROCEDURE_NAME), Code::NotFound);
        assert_eq!(code(PROCEDURE_NAME + 1), Code::InvalidArgument);
    }

    /// Whoever asks for names that are none would otherwise fill the memory.
    #[test]
    fn services_are_watched_up_to_the_limit_and_those_that_nobody_watches_are_forgotten() {
        let health = Health::new();
        let mut kept: Vec<_> =
            (0..WATCHED_SERVICES).map(|number| health.watch(number.to_string()).unwrap()).collect();
        assert_eq!(health.watch("more".to_owned()).unwrap_err().code(), Code::ResourceExhausted);
        drop(health.watch("0".to_owned()).unwrap());
        kept.pop();
        drop(health.watch("more".to_owned()).unwrap());
    }

    /// The limit once counted every name: a single connection that watched names of nothing kept all others from the
    /// services that there are.
    #[test]
    fn names_of_nothing_take_no_place_from_services_that_there_are() {
        let health = Health::new();
        health.add("wallet");
        let nothing: Vec<_> =
            (0..WATCHED_SERVICES).map(|number| health.watch(number.to_string()).unwrap()).collect();
        let watching = ["", "wallet"].map(|name| health.watch(name.to_owned()).unwrap());
        assert_eq!(health.watch("more".to_owned()).unwrap_err().code(), Code::ResourceExhausted);
        health.close();
        for standings in watching {
            assert_eq!(standings.last(), Some(Ok(Standing::NotServing)));
        }
        drop(nothing);
    }

    /// One connection could once watch as many names of nothing as there may be: nobody else could wait for a service
    /// that was still to come.
    #[test]
    fn names_of_nothing_are_shared_by_those_who_ask() {
        let health = Health::new();
        let from = |address: &str, name: &str| {
            let address = SocketAddr::new(address.parse().unwrap(), 1);
            Context::background().with_addresses(address, address).scope(|| health.watch(name.to_owned()))
        };
        let (greedy, other) = ("10.0.0.1", "10.0.0.2");
        let nothing: Vec<_> =
            (0..WATCHED_SERVICES / 2).map(|number| from(greedy, &number.to_string()).unwrap()).collect();
        let refused = from(greedy, "more").unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        let why = "too many services that this server does not have are watched: 10.0.0.1 has 512 of 1024 places and \
                   wants 1 more: nobody may have more than are left for all others, and 512 are left";
        assert_eq!(refused.message(), why);
        let later = from(other, "later").unwrap();
        drop(from(greedy, "later").expect("it is watched already"));
        drop(from(greedy, "").expect("this one there is"));
        drop((nothing, later));
        drop(from(greedy, "more").expect("nobody watches the others any more"));
    }

    #[test]
    fn services_that_there_are_take_no_place_from_those_that_may_come() {
        let health = Health::new();
        let names: Vec<String> = (0..=WATCHED_SERVICES).map(|number| number.to_string()).collect();
        names.iter().for_each(|name| health.add(name));
        let watching: Vec<_> = names.iter().map(|name| health.watch(name.clone()).unwrap()).collect();
        drop(health.watch("later".to_owned()).unwrap());
        drop(watching);
    }
}
