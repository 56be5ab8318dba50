//! The links of a client, and the groups of them that its procedures choose from. No I/O, no waiting.

use std::collections::HashMap;
use std::sync::Arc;

use super::choice::Choice;
use super::group::{Group, Pick};
use super::link::Link;
use crate::resolve::{Endpoint, Endpoints};

/// Guarded by one lock of the client.
#[derive(Debug, Default)]
pub(super) struct Directory {
    groups: HashMap<&'static str, Listed>,
    links: HashMap<Endpoint, Arc<Link>>,
    /// Picks so far, and at which of them groups are looked through.
    picks: u64,
    review_at: Option<u64>,
}

#[derive(Debug)]
struct Listed {
    group: Group,
    /// The pick at which its list was last seen to be true.
    confirmed: u64,
}

/// Links that nobody needs, to be dropped or let go when the lock is released: that may end a connection.
#[derive(Debug, Default)]
pub(super) struct Departed(Vec<Arc<Link>>);

/// When some list has changed, procedures that are not called for so many calls after it are forgotten: theirs may have
/// changed too, and hold connections to what has left.
const REVIEWED_AFTER: u64 = 1000;

/// Procedures whose endpoints one client remembers; when there are more it begins anew.
const GROUPS: usize = 1024;

impl Directory {
    /// Where the next attempt at `procedure` goes, of these `endpoints`; as [`Group::pick`]. `made` makes links.
    pub(super) fn pick(
        &mut self,
        procedure: &'static str,
        endpoints: &Endpoints,
        choice: Choice,
        tried: &[Arc<Link>],
        made: impl Fn(&Endpoint) -> Link,
    ) -> (Option<Pick>, Departed) {
        self.picks += 1;
        let mut departed = Departed::default();
        if self.groups.get(procedure).is_none_or(|held| held.group.revision() != endpoints.revision()) {
            departed.0.extend(self.learn(procedure, endpoints, made));
        }
        let pick = self.groups.get_mut(procedure).and_then(|listed| {
            listed.confirmed = self.picks;
            listed.group.pick(choice, tried)
        });
        if self.review_at.is_some_and(|at| self.picks >= at) {
            departed.0.extend(self.review());
        }
        (pick, departed)
    }

    /// Takes a new list; the links that its procedure has left.
    fn learn(
        &mut self,
        procedure: &'static str,
        endpoints: &Endpoints,
        made: impl Fn(&Endpoint) -> Link,
    ) -> Vec<Arc<Link>> {
        if self.groups.len() >= GROUPS {
            self.groups.clear();
        }
        let places = endpoints.iter().map(|weighted| {
            let endpoint = &weighted.endpoint;
            let link = self.links.entry(endpoint.clone()).or_insert_with(|| Arc::new(made(endpoint)));
            (link.clone(), weighted.weight.get())
        });
        let group = Group::new(endpoints.revision(), places);
        let former = self.groups.insert(procedure, Listed { group, confirmed: self.picks });
        self.review_at = Some(self.picks + REVIEWED_AFTER);
        let former = former.iter().flat_map(|listed| listed.group.links());
        former.filter(|link| !endpoints.contains(link.endpoint())).cloned().collect()
    }

    /// Forgets groups that were not called since lists changed, and links that no group and no call has; those links.
    fn review(&mut self) -> impl Iterator<Item = Arc<Link>> {
        self.review_at = None;
        let picks = self.picks;
        self.groups.retain(|_, listed| listed.confirmed + REVIEWED_AFTER > picks);
        self.links.extract_if(|_, link| Arc::strong_count(link) == 1).map(|(_, link)| link)
    }
}

impl Departed {
    /// Lets them go; a call that is under way keeps its connection.
    pub(super) fn let_go(self) {
        self.0.iter().for_each(|link| link.let_go());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::resolve::Revision;

    fn list(ports: impl IntoIterator<Item = u16>, revision: u64) -> Endpoints {
        let endpoints: Endpoints = ports.into_iter().map(|port| Endpoint::new("10.0.0.1", port)).collect();
        endpoints.with_revision(Revision(revision))
    }

    fn pick(directory: &mut Directory, procedure: &'static str, list: &Endpoints) -> Vec<u16> {
        let made = |endpoint: &Endpoint| Link::new(endpoint.clone(), None, Limits::default());
        let (pick, Departed(departed)) = directory.pick(procedure, list, Choice::PickFirst, &[], made);
        assert_eq!(pick.is_some(), !list.is_empty());
        departed.iter().map(|link| link.endpoint().port()).collect()
    }

    #[test]
    fn links_that_left_a_list_are_handed_out_and_those_that_stay_are_the_same() {
        let mut directory = Directory::default();
        assert!(pick(&mut directory, "a", &list([1, 2, 3], 1)).is_empty());
        let stays = directory.links[&Endpoint::new("10.0.0.1", 2)].clone();
        assert!(pick(&mut directory, "a", &list([1, 2, 3], 1)).is_empty());
        assert_eq!(pick(&mut directory, "a", &list([2, 4], 2)), [1, 3]);
        assert!(Arc::ptr_eq(&stays, &directory.links[&Endpoint::new("10.0.0.1", 2)]));
    }

    #[test]
    fn a_procedure_that_is_called_no_more_holds_no_link_for_ever() {
        let mut directory = Directory::default();
        pick(&mut directory, "once", &list([1], 1));
        pick(&mut directory, "often", &list([2], 1));
        let departed: Vec<_> =
            (0..REVIEWED_AFTER).flat_map(|_| pick(&mut directory, "often", &list([2], 1))).collect();
        assert_eq!(departed, [1]);
        assert_eq!((directory.groups.len(), directory.links.len()), (1, 1));
    }

    #[test]
    fn procedures_past_the_limit_begin_anew() {
        let mut directory = Directory::default();
        let names: Vec<&'static str> = (0..=GROUPS).map(|number| &*number.to_string().leak()).collect();
        for name in &names[..GROUPS] {
            pick(&mut directory, name, &list([1], 1));
        }
        assert_eq!(directory.groups.len(), GROUPS);
        pick(&mut directory, names[GROUPS], &list([1], 1));
        assert_eq!(directory.groups.len(), 1);
    }
}
