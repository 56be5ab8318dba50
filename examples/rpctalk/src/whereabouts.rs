//! Where a display is: at the name that it registered, or where its registration came from.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rpc_core::{Endpoint, Endpoints, Resolve, Status};

/// Resolves every procedure to one display.
///
/// Its name is looked up once, when the display is first called. A name that means nothing here, as that of a container
/// often does, is passed over for the address that the display called from; and so is one that leads a display from
/// elsewhere to this machine's own loopback, since many machines are called the same.
#[derive(Debug)]
pub struct Whereabouts {
    host: String,
    port: u16,
    seen_at: Option<IpAddr>,
    places: Mutex<Vec<Endpoint>>,
}

impl Whereabouts {
    /// A display that registered this host and port in a call from `peer`.
    pub fn new(host: &str, port: u16, peer: Option<SocketAddr>) -> Whereabouts {
        let seen_at = peer.map(|peer| peer.ip().to_canonical());
        Whereabouts { host: host.to_owned(), port, seen_at, places: Mutex::default() }
    }

    /// Where it may be, the likeliest first.
    fn places(&self, named: impl Iterator<Item = IpAddr>) -> Vec<Endpoint> {
        let is_elsewhere = self.seen_at.is_some_and(|seen_at| !seen_at.is_loopback());
        let named = named.map(|address| address.to_canonical());
        let plausible = named.filter(|address| !(is_elsewhere && address.is_loopback()));
        let mut places: Vec<Endpoint> = Vec::new();
        for address in plausible.chain(self.seen_at) {
            let place = Endpoint::new(address.to_string(), self.port);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Endpoint>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Whereabouts {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        if let Some(place) = self.lock().first() {
            return Ok(place.clone().into());
        }
        let named = (self.host.as_str(), self.port).to_socket_addrs();
        let places = self.places(named.into_iter().flatten().map(|address| address.ip()));
        let Some(first) = places.first().cloned() else {
            return Err(Status::not_found(format!("nobody here knows the host {:?}", self.host)).not_run());
        };
        *self.lock() = places;
        Ok(first.into())
    }

    /// The next place is tried from now on, and this one after all others.
    fn reject(&self, _procedure: &str, endpoint: &Endpoint, _why: &Status) {
        let mut places = self.lock();
        if places.first() == Some(endpoint) {
            places.rotate_left(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(named: &[&str], peer: Option<&str>, expected: &[&str]) {
        let peer = peer.map(|peer| SocketAddr::new(peer.parse().unwrap(), 40_000));
        let whereabouts = Whereabouts::new("display.lab", 6000, peer);
        let places = whereabouts.places(named.iter().map(|address| address.parse().unwrap()));
        let expected: Vec<_> = expected.iter().map(|host| Endpoint::new(*host, 6000)).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn the_registered_name_comes_first_and_the_address_of_the_call_next() {
        check(&["10.0.0.7"], Some("10.0.0.7"), &["10.0.0.7"]);
        check(&["10.0.0.7", "fd00::7"], Some("172.17.0.2"), &["10.0.0.7", "fd00::7", "172.17.0.2"]);
        check(&["10.0.0.7"], None, &["10.0.0.7"]);
    }

    #[test]
    fn a_name_that_means_nothing_here_leaves_the_address_of_the_call() {
        check(&[], Some("::ffff:10.0.0.7"), &["10.0.0.7"]);
        check(&[], Some("::1"), &["::1"]);
        check(&[], None, &[]);
    }

    #[test]
    fn a_name_that_leads_a_display_from_elsewhere_to_this_machine_is_not_its_own() {
        check(&["127.0.1.1", "::1"], Some("10.0.0.7"), &["10.0.0.7"]);
        check(&["127.0.1.1"], Some("127.0.0.1"), &["127.0.1.1", "127.0.0.1"]);
    }

    #[test]
    fn a_place_that_fails_gives_way_to_the_next() {
        let whereabouts = Whereabouts::new("127.0.0.5", 6000, Some("127.0.0.1:40000".parse().unwrap()));
        let ask =
            || whereabouts.resolve("exibe", Instant::now()).unwrap().iter().next().unwrap().endpoint.clone();
        let first = ask();
        assert_eq!(first, Endpoint::new("127.0.0.5", 6000));
        let why = Status::unavailable("refused");
        whereabouts.reject("exibe", &first, &why);
        whereabouts.reject("exibe", &first, &why);
        assert_eq!(ask(), Endpoint::new("127.0.0.1", 6000));
    }
}
