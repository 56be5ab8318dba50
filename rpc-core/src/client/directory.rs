//! The links of a client, and the groups of them that its procedures choose from. No I/O, no waiting.

use std::collections::HashMap;
use std::sync::Arc;

use super::choice::Choice;
use super::group::{Group, Pick};
use super::link::Link;
use crate::hash::ByName;
use crate::resolve::{Endpoint, Endpoints};

/// Guarded by one lock of the client.
#[derive(Debug, Default)]
pub(super) struct Directory {
    groups: ByName<Listed>,
    links: HashMap<Endpoint, Shared>,
    /// Picks so far, at which of them a list last changed, and at which groups are looked through.
    picks: u64,
    changed: u64,
    review_at: Option<u64>,
}

/// A link, and how many groups have it.
#[derive(Debug)]
struct Shared {
    link: Arc<Link>,
    groups: usize,
}

#[derive(Debug)]
struct Listed {
    group: Group,
    /// The pick at which its list was last seen to be true.
    confirmed: u64,
}

/// Links that no list has any more, to be let go when the lock is released: that may end a connection.
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
        let known = |listed: &&mut Listed| listed.group.revision() == endpoints.revision();
        let mut listed = self.groups.get_mut(procedure).filter(known);
        if listed.is_none() {
            departed.0.extend(self.learn(procedure, endpoints, made));
            listed = self.groups.get_mut(procedure);
        }
        let pick = listed.and_then(|listed| {
            listed.confirmed = self.picks;
            listed.group.pick(choice, tried)
        });
        if self.review_at.is_some_and(|at| self.picks >= at) {
            departed.0.extend(self.review());
        }
        (pick, departed)
    }

    /// Takes a new list; the links that no list has any more.
    fn learn(
        &mut self,
        procedure: &'static str,
        endpoints: &Endpoints,
        made: impl Fn(&Endpoint) -> Link,
    ) -> Vec<Arc<Link>> {
        let places = endpoints.iter().map(|weighted| {
            let endpoint = &weighted.endpoint;
            let new = || Shared { link: Arc::new(made(endpoint)), groups: 0 };
            let shared = self.links.entry(endpoint.clone()).or_insert_with(new);
            shared.groups += 1;
            (shared.link.clone(), weighted.weight.get())
        });
        let group = Group::new(endpoints.revision(), places);
        let mut former = Vec::new();
        if self.groups.len() >= GROUPS && !self.groups.contains_key(procedure) {
            former.extend(self.groups.drain().map(|(_, listed)| listed));
        }
        former.extend(self.groups.insert(procedure, Listed { group, confirmed: self.picks }));
        self.changed = self.picks;
        self.review_at.get_or_insert(self.picks + REVIEWED_AFTER);
        self.leave(&former)
    }

    /// Forgets groups that were not called since lists changed; the links that no list has any more.
    fn review(&mut self) -> Vec<Arc<Link>> {
        let picks = self.picks;
        // What has changed since this was planned gets its own time.
        let due = self.changed + REVIEWED_AFTER;
        self.review_at = (due > picks).then_some(due);
        let idle = |_: &&'static str, listed: &mut Listed| listed.confirmed + REVIEWED_AFTER <= picks;
        let former: Vec<Listed> = self.groups.extract_if(idle).map(|(_, listed)| listed).collect();
        self.leave(&former)
    }

    /// These lists count no more; the links that only they had.
    fn leave(&mut self, former: &[Listed]) -> Vec<Arc<Link>> {
        let mut departed = Vec::new();
        for link in former.iter().flat_map(|listed| listed.group.links()) {
            let Some(shared) = self.links.get_mut(link.endpoint()) else { continue };
            shared.groups -= 1;
            if shared.groups == 0 {
                departed.extend(self.links.remove(link.endpoint()).map(|shared| shared.link));
            }
        }
        departed
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
        let made = |endpoint: &Endpoint| Link::new(endpoint.clone(), None.into(), Limits::default());
        let (pick, Departed(departed)) = directory.pick(procedure, list, Choice::PickFirst, &[], made);
        assert_eq!(pick.is_some(), !list.is_empty());
        departed.iter().map(|link| link.endpoint().port()).collect()
    }

    #[test]
    fn links_that_left_a_list_are_handed_out_and_those_that_stay_are_the_same() {
        let mut directory = Directory::default();
        assert!(pick(&mut directory, "a", &list([1, 2, 3], 1)).is_empty());
        let stays = directory.links[&Endpoint::new("10.0.0.1", 2)].link.clone();
        assert!(pick(&mut directory, "a", &list([1, 2, 3], 1)).is_empty());
        assert_eq!(pick(&mut directory, "a", &list([2, 4], 2)), [1, 3]);
        assert!(Arc::ptr_eq(&stays, &directory.links[&Endpoint::new("10.0.0.1", 2)].link));
    }

    /// A connection was let go as soon as one procedure's list lost its server, though another's still had it.
    #[test]
    fn a_link_that_another_list_still_has_is_kept() {
        let mut directory = Directory::default();
        pick(&mut directory, "a", &list([1, 2], 1));
        pick(&mut directory, "b", &list([1, 2], 1));
        assert!(pick(&mut directory, "a", &list([2], 2)).is_empty());
        assert_eq!(pick(&mut directory, "b", &list([2], 2)), [1]);
    }

    /// Each new list put off the time at which links were looked through: a list that changed at every call kept all the
    /// links that it ever had.
    #[test]
    fn links_of_lists_that_change_all_the_time_do_not_pile_up() {
        let mut directory = Directory::default();
        pick(&mut directory, "once", &list([60_000], 1));
        for revision in 1..=2 * REVIEWED_AFTER {
            let port = u16::try_from(revision).unwrap();
            pick(&mut directory, "often", &list([port, port + 1], revision));
        }
        assert_eq!((directory.groups.len(), directory.links.len()), (1, 2));
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
        // The first once more, or they would be forgotten for not being called.
        for name in names[..900].iter().chain(&names[..100]).chain(&names[900..GROUPS]) {
            pick(&mut directory, name, &list([1], 1));
        }
        assert_eq!(directory.groups.len(), GROUPS);
        pick(&mut directory, names[GROUPS], &list([1], 1));
        assert_eq!(directory.groups.len(), 1);
    }
}
