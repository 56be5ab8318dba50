//! Which registrations an operator means: by procedure, by server process, by address.

use std::collections::BTreeSet;

use binder::{Entry, PAGE, Query, Target};
use clap::{ArgGroup, Args};
use rpc_core::Endpoint;

use super::arguments;
use super::list::{self, place};
use super::screen::harmless;
use super::{Asked, Failure};

/// What is given narrows what is chosen.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("choice").args(["names", "instance", "address"]).required(true).multiple(true)))]
pub(super) struct Chosen {
    /// The procedures; all of a server if only --instance or --address is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// The server process, as `binder list` shows it; of an id a beginning that no other has is enough, of a place not
    #[arg(long, value_name = "ID")]
    instance: Option<String>,

    /// The address of the server, as `binder list` shows it
    #[arg(long, value_name = "ADDR:PORT", value_parser = arguments::place)]
    address: Option<Endpoint>,

    /// Every server of these procedures
    #[arg(long, requires = "names")]
    all: bool,
}

impl Chosen {
    /// What is meant, in the binder's order.
    ///
    /// # Errors
    /// When nothing is, or a procedure has several servers and nothing says which.
    pub(super) fn find(&self, asked: &Asked) -> Result<Vec<Entry>, Failure> {
        let mut found = Vec::new();
        if self.names.is_empty() {
            found = list::entries(asked, Query::default(), |_| true)?;
        }
        for name in &self.names {
            let query = Query { prefix: name.clone(), ..Query::default() };
            // A name comes before all that begin with it.
            found.extend(list::entries(asked, query, |entry| entry.name == *name)?);
        }
        self.choose(found)
    }

    fn choose(&self, mut found: Vec<Entry>) -> Result<Vec<Entry>, Failure> {
        found.retain(|entry| self.address.as_ref().is_none_or(|address| place(entry) == address.to_string()));
        if let Some(id) = &self.instance {
            found = of_instance(id, found)?;
        }
        found.sort_by(|one, other| (&one.name, one.epoch).cmp(&(&other.name, other.epoch)));
        found.dedup_by(|one, other| (&one.name, one.epoch) == (&other.name, other.epoch));
        if found.is_empty() {
            return Err(Failure::NothingChosen(self.nothing()));
        }
        if !self.all {
            self.refuse_several(&found)?;
        }
        Ok(found)
    }

    /// More than one server of a name is rarely what was meant.
    fn refuse_several(&self, found: &[Entry]) -> Result<(), Failure> {
        for same in found.chunk_by(|one, other| one.name == other.name) {
            if let [first, _, ..] = same {
                let servers: Vec<_> = same.iter().take(SHOWN).map(server).collect();
                let (name, count) = (harmless(&first.name), same.len());
                return Err(Failure::Several { name, count, servers: servers.join(", ") });
            }
        }
        Ok(())
    }

    fn nothing(&self) -> String {
        let mut text = match self.names.as_slice() {
            [] => "nothing is registered".to_owned(),
            [name] => format!("no procedure named {name} is registered"),
            names => format!("no procedure named {} is registered", names.join(" or ")),
        };
        if let Some(id) = &self.instance {
            text += &format!(" by an instance {id}");
        }
        if let Some(address) = &self.address {
            text += &format!(" at {address}");
        }
        text
    }
}

/// What the process with this id has; or the one whose id begins so.
fn of_instance(id: &str, mut found: Vec<Entry>) -> Result<Vec<Entry>, Failure> {
    if found.iter().any(|entry| entry.instance == id) {
        found.retain(|entry| entry.instance == id);
        return Ok(found);
    }
    // A beginning of a place is another place: 10.0.0.7:40 is none of 10.0.0.7:4000.
    found.retain(|entry| entry.instance.starts_with(id) && !entry.instance.contains(':'));
    let processes: BTreeSet<_> = found.iter().map(|entry| entry.instance.as_str()).collect();
    if processes.len() < 2 {
        return Ok(found);
    }
    let mut candidates: Vec<_> = processes.iter().take(SHOWN).map(|id| harmless(id)).collect();
    if let more @ 1.. = processes.len() - candidates.len() {
        candidates.push(format!("{more} more"));
    }
    Err(Failure::Ambiguous { id: id.to_owned(), count: processes.len(), candidates: candidates.join(", ") })
}

/// Does the same to all of them, as many at a time as one call takes: what was there, and what had gone by itself.
pub(super) fn apply(
    asked: &Asked,
    entries: Vec<Entry>,
    action: impl Fn(Vec<Target>) -> Result<Vec<Target>, binder::BinderError>,
) -> Result<(Vec<Entry>, Vec<Entry>), Failure> {
    let mut there = std::collections::HashSet::new();
    for some in entries.chunks(PAGE) {
        let targets = some.iter().map(target).collect();
        there.extend(action(targets).map_err(|error| asked.failure(error))?);
    }
    Ok(entries.into_iter().partition(|entry| there.contains(&target(entry))))
}

pub(super) fn target(entry: &Entry) -> Target {
    Target { name: entry.name.clone(), epoch: entry.epoch }
}

/// `127.0.0.1:4000 (3f9a12cc01ab)`.
pub(super) fn server(entry: &Entry) -> String {
    harmless(&format!("{} ({})", place(entry), entry.instance))
}

/// How many are named in a sentence.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use binder::{Mode, State};

    use super::*;

    fn entry(name: &str, instance: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            address: "10.0.0.7".to_owned(),
            port: 4000,
            out_of_reach: None,
            state: State::Live,
            mode: Mode::Shared,
            epoch: 1,
            instance: instance.to_owned(),
            incarnation: 1,
            weight: 1,
            version: None,
            metadata: std::collections::BTreeMap::new(),
            age_ms: 0,
            lease_ms: 15_000,
            lease_left_ms: 15_000,
            calls_per_minute: None,
        }
    }

    /// The names that are chosen of these instances, each of which has its own; in words, where that is refused.
    #[track_caller]
    fn check(instances: &[&str], id: &str, chosen: &[&str]) {
        let entries = instances.iter().map(|instance| entry(&format!("of.{instance}"), instance)).collect();
        let found = of_instance(id, entries).unwrap();
        assert_eq!(found.iter().map(|entry| entry.instance.as_str()).collect::<Vec<_>>(), chosen);
    }

    /// Story: whoever named one process whole had the procedures of another one drained, whose id went on behind his.
    #[test]
    fn an_instance_that_is_named_whole_is_no_other_that_begins_so() {
        check(&["3f9a", "3f9a12"], "3f9a", &["3f9a"]);
        check(&["3f9a", "3f9a12"], "3f9a1", &["3f9a12"]);
        check(&["3f9a", "3f9a12"], "4", &[]);
        check(&["10.0.0.7:40", "10.0.0.7:4000"], "10.0.0.7:40", &["10.0.0.7:40"]);
        check(&["10.0.0.7:4000"], "10.0.0.7:40", &[]);
        check(&["[::1]:4000"], "[::1]:4", &[]);
    }

    #[test]
    fn a_beginning_that_several_have_is_refused_with_those_who_have_it() {
        let entries = |count| (0..count).map(|number| entry("a", &format!("3f{number}"))).collect();
        let refused = of_instance("3f", entries(2)).unwrap_err().to_string();
        assert_eq!(
            refused,
            "2 instances begin with 3f: say more of the one that is meant (they are 3f0, 3f1)"
        );
        let refused = of_instance("3f", entries(7)).unwrap_err().to_string();
        assert!(refused.ends_with("(they are 3f0, 3f1, 3f2, 3f3, 3f4, 2 more)"), "{refused}");
    }
}
