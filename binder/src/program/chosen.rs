//! Which registrations an operator means: by procedure, by server process, by address.

use binder::{Entry, PAGE, Query, Target};
use clap::Args;
use rpc_core::Endpoint;

use super::arguments;
use super::list::{self, place};
use super::screen::harmless;
use super::{Asked, Failure};

/// What is given narrows what is chosen.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// The procedures; all of a server if only --instance or --address is given
    #[arg(value_name = "NAME", required_unless_present_any = ["instance", "address"])]
    names: Vec<String>,

    /// The server process, as `binder list` shows it; its beginning is enough
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
        found.retain(|entry| {
            let instance = self.instance.as_ref().is_none_or(|id| entry.instance.starts_with(id.as_str()));
            let address = self.address.as_ref().is_none_or(|address| place(entry) == address.to_string());
            instance && address
        });
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

    /// More than one server of a name, or more than one process with this beginning, is rarely what was meant.
    fn refuse_several(&self, found: &[Entry]) -> Result<(), Failure> {
        for same in found.chunk_by(|one, other| one.name == other.name) {
            if let [first, _, ..] = same {
                let servers: Vec<_> = same.iter().take(SHOWN).map(server).collect();
                let (name, count) = (harmless(&first.name), same.len());
                return Err(Failure::Several { name, count, servers: servers.join(", ") });
            }
        }
        let mut processes: Vec<_> = found.iter().map(|entry| entry.instance.as_str()).collect();
        processes.sort_unstable();
        processes.dedup();
        match (&self.instance, processes.as_slice()) {
            (Some(id), [_, _, ..]) => {
                let (name, count) = (format!("what begins with {id}"), processes.len());
                let servers = processes.iter().take(SHOWN).map(|id| harmless(id)).collect::<Vec<_>>();
                Err(Failure::Several { name, count, servers: servers.join(", ") })
            }
            _ => Ok(()),
        }
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
