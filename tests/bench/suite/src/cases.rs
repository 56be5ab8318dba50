//! What is measured: a table.

use bench_harness::peer::Role;

use crate::peers::{Peer, Skill};

/// On which processor cores a server and who loads it run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Both on one: what the software costs.
    One,
    /// A core each: what a caller waits, another core's waking included.
    Apart,
    /// Both on the same two.
    Two,
}

impl Place {
    pub(crate) fn cores_of_server(self) -> &'static str {
        match self {
            Place::One | Place::Apart => "0",
            Place::Two => "0,1",
        }
    }

    pub(crate) fn cores_of_load(self) -> &'static str {
        match self {
            Place::One => "0",
            Place::Apart => "1",
            Place::Two => "0,1",
        }
    }
}

/// Calls that are in flight at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Connections that are busy, and callers on each, each of whom has `width` calls in flight.
    pub(crate) connections: usize,
    pub(crate) callers: usize,
    pub(crate) width: usize,
    /// Connections more that are open and not used.
    pub(crate) idle: usize,
    /// Bytes of the payload.
    pub(crate) size: usize,
    /// Names that are registered before, where names are asked for.
    pub(crate) procedures: usize,
}

pub(crate) const ONE: Shape =
    Shape { connections: 1, callers: 1, width: 1, idle: 0, size: 64, procedures: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Calls(Shape),
    Stream,
    /// Items to so many subscribers, so many at a time.
    Broadcast {
        role: Role,
        subscribers: usize,
        items: usize,
    },
    /// What so many connections hold in the server.
    Hold {
        connections: usize,
    },
    /// What a hello server costs to build.
    Hello,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    pub(crate) needs: &'static [Skill],
    /// Rounds at most: what hardly varies need not be repeated.
    pub(crate) rounds: usize,
}

const MANY: usize = usize::MAX;

const fn calls(name: &'static str, about: &'static str, shape: Shape) -> Case {
    Case { name, about, place: Place::Two, kind: Kind::Calls(shape), needs: &[], rounds: MANY }
}

const fn hold(name: &'static str, about: &'static str, connections: usize) -> Case {
    let kind = Kind::Hold { connections };
    Case { name, about, place: Place::Two, kind, needs: &[Skill::Crowds, Skill::Holds], rounds: 1 }
}

pub(crate) static CASES: [Case; 14] = [
    Case { place: Place::One, ..calls("one-core", "one call in flight, both processes on one core", ONE) },
    Case { place: Place::Apart, ..calls("two-cores", "one call in flight, a core for each process", ONE) },
    Case {
        needs: &[Skill::Pipelines],
        ..calls("pipelined", "64 in flight from one thread, one connection", Shape { width: 64, ..ONE })
    },
    Case {
        needs: &[Skill::Shares],
        ..calls("shared", "64 threads (or tasks) on one connection", Shape { callers: 64, ..ONE })
    },
    calls("connections", "32 connections, one call in flight on each", Shape { connections: 32, ..ONE }),
    Case {
        needs: &[Skill::Crowds],
        rounds: 3,
        ..calls("crowd", "1,000 connections busy, 5,000 idle", Shape { connections: 1000, idle: 5000, ..ONE })
    },
    Case {
        needs: &[Skill::Bulk],
        ..calls("64k", "64 KiB echo, one in flight", Shape { size: 64 << 10, ..ONE })
    },
    Case {
        needs: &[Skill::Bulk],
        ..calls("1m", "1 MiB echo, one in flight", Shape { size: 1 << 20, ..ONE })
    },
    Case {
        name: "stream",
        about: "a server's stream to one subscriber, 100-byte items",
        place: Place::Two,
        kind: Kind::Stream,
        needs: &[Skill::Streams],
        rounds: MANY,
    },
    Case {
        name: "broadcast",
        about: "one 112-byte item at a time to 1,000 subscribers; raw: a write per socket",
        place: Place::Two,
        kind: Kind::Broadcast { role: Role::Broadcast, subscribers: 1000, items: 1 },
        needs: &[Skill::Broadcasts],
        rounds: MANY,
    },
    Case {
        name: "backlog",
        about: "2,000 items at a time to 1,000 subscribers; raw: two writers, all that is queued in a write",
        place: Place::Two,
        kind: Kind::Broadcast { role: Role::Pool, subscribers: 1000, items: 2000 },
        needs: &[Skill::Broadcasts],
        rounds: MANY,
    },
    hold("idle-1k", "1,000 connections, idle: what they hold in the server", 1000),
    hold("idle-10k", "10,000 connections, idle: what they hold in the server", 10_000),
    Case {
        name: "hello",
        about: "a hello server: clean release build, stripped binary, packages in its tree",
        place: Place::Two,
        kind: Kind::Hello,
        needs: &[Skill::Hello],
        rounds: 1,
    },
];

impl Case {
    pub(crate) fn is_for(&self, peer: &Peer) -> bool {
        let invited = peer.only.is_empty() || peer.only.contains(&self.name);
        invited && self.needs.iter().all(|skill| peer.can(*skill))
    }

    /// Smaller, to see that it works.
    pub(crate) fn quick(self) -> Case {
        let few = |connections: usize| connections.min(100);
        let kind = match self.kind {
            Kind::Calls(shape) => {
                Kind::Calls(Shape { connections: few(shape.connections), idle: few(shape.idle), ..shape })
            }
            Kind::Hold { connections } => Kind::Hold { connections: few(connections) },
            Kind::Broadcast { role, subscribers, items } => {
                Kind::Broadcast { role, subscribers: few(subscribers), items: items.min(100) }
            }
            kind @ (Kind::Stream | Kind::Hello) => kind,
        };
        Case { kind, rounds: 1, ..self }
    }
}

pub(crate) fn named(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::PEERS;

    #[test]
    fn names_are_of_one_case_each_and_somebody_is_measured_in_it() {
        for (place, case) in CASES.iter().enumerate() {
            assert_eq!(CASES.iter().position(|other| other.name == case.name), Some(place));
            assert!(PEERS.iter().filter(|peer| case.is_for(peer)).count() > 1, "{}", case.name);
        }
    }
}
