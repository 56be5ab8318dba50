//! Who is measured: a table. What a peer cannot do is not asked of it.

/// What not every peer can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skill {
    /// Many calls in flight on one connection, from many threads or tasks.
    Shares,
    /// Many calls in flight from one thread or task.
    Pipelines,
    Streams,
    Broadcasts,
    /// Payloads beyond 16 KiB.
    Bulk,
    /// Thousands of connections.
    Crowds,
    /// What a connection adds to the server shows when it comes.
    Holds,
    /// A hello server of its own, for what a build costs.
    Hello,
}

use Skill::{Broadcasts, Bulk, Crowds, Hello, Holds, Pipelines, Shares, Streams};

/// How a peer's program is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The package `peer-NAME` of this workspace.
    Rust,
    Go,
    Python,
}

/// What must be installed for it: a program, and where Debian has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) install: &'static str,
}

const PROTOC: Tool = Tool { program: "protoc", install: "apt-get install protobuf-compiler" };
const CAPNP: Tool = Tool { program: "capnp", install: "apt-get install capnproto" };

#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) program: Program,
    pub(crate) needs: &'static [Tool],
    pub(crate) skills: &'static [Skill],
    /// Whose load generator it is measured with, if it has none.
    pub(crate) loader: Option<&'static str>,
    /// Whose program it is, with further words for both of its sides; if it is not its own.
    pub(crate) variant: Option<(&'static str, &'static [&'static str])>,
    /// The cases that it is in; all that it can, if there are none.
    pub(crate) only: &'static [&'static str],
}

impl Peer {
    pub(crate) fn can(&self, skill: Skill) -> bool {
        self.skills.contains(&skill)
    }

    /// The name of the program.
    pub(crate) fn package(&self) -> &'static str {
        self.variant.map_or(self.name, |(package, _)| package)
    }

    pub(crate) fn options(&self) -> &'static [&'static str] {
        self.variant.map_or(&[], |(_, options)| options)
    }
}

pub(crate) const OURS: &str = "ours";
pub(crate) const RAW: &str = "raw";
pub(crate) const SPINNING: &str = "ours-spin";

const PLAIN: Peer = Peer {
    name: "",
    about: "",
    program: Program::Rust,
    needs: &[],
    skills: &[],
    loader: None,
    variant: None,
    only: &[],
};

pub(crate) static PEERS: [Peer; 11] = [
    Peer {
        name: RAW,
        about: "bare blocking sockets: a length prefix, a thread a connection, nothing else; the limit of this design",
        skills: &[Pipelines, Streams, Broadcasts, Bulk, Crowds, Holds, Hello],
        ..PLAIN
    },
    Peer {
        name: OURS,
        about: "rpc-core, all features compiled in, deadlines on",
        skills: &[Shares, Pipelines, Streams, Broadcasts, Bulk, Crowds, Holds, Hello],
        ..PLAIN
    },
    Peer {
        name: SPINNING,
        about: "the same, with waits that stay awake for 50 µs before they sleep (`Limits::spin`)",
        variant: Some((OURS, &["--spin", "50"])),
        only: &["two-cores"],
        ..PLAIN
    },
    Peer {
        name: "tarpc",
        about: "tarpc 0.38: tokio, bincode (payloads as bytes), deadlines on",
        skills: &[Shares, Pipelines, Bulk, Crowds, Holds, Hello],
        ..PLAIN
    },
    Peer {
        name: "tonic",
        about: "tonic 0.14: gRPC, tokio, deadlines on",
        needs: &[PROTOC],
        skills: &[Shares, Pipelines, Streams, Bulk, Crowds, Holds, Hello],
        ..PLAIN
    },
    Peer {
        name: "pajamax",
        about: "pajamax 0.3: gRPC server by blocking threads, called by tonic's client; no deadlines, no streams, a message at most 16 KiB",
        needs: &[PROTOC],
        skills: &[Shares, Pipelines, Crowds, Holds, Hello],
        loader: Some("tonic"),
        ..PLAIN
    },
    Peer {
        name: "ttrpc",
        about: "ttrpc 0.10 (sync): threads, protobuf, deadlines on",
        skills: &[Shares, Bulk, Hello],
        ..PLAIN
    },
    Peer {
        name: "thrift",
        about: "thrift 0.25: a pool thread a connection, buffered binary; no deadlines, one call at a time on a connection",
        skills: &[Bulk, Crowds, Hello],
        ..PLAIN
    },
    Peer {
        name: "capnp",
        about: "capnp-rpc 0.27: one thread of tokio a side, deadlines on",
        needs: &[CAPNP],
        skills: &[Shares, Pipelines, Bulk, Crowds, Holds, Hello],
        ..PLAIN
    },
    Peer {
        name: "go",
        about: "Go's net/rpc with gob; no deadlines",
        program: Program::Go,
        needs: &[Tool { program: "go", install: "apt-get install golang-go" }],
        skills: &[Shares, Pipelines, Bulk, Crowds, Holds],
        ..PLAIN
    },
    Peer {
        name: "python",
        about: "Python's grpcio, deadlines on",
        program: Program::Python,
        needs: &[Tool { program: "python3", install: "apt-get install python3" }],
        skills: &[Shares, Bulk],
        ..PLAIN
    },
];

/// A binder, which is asked for names along a curve and stands beside nobody.
pub(crate) const NAMES: &str = "names";
static BINDER: Peer = Peer { name: NAMES, about: "a binder of ours", ..PLAIN };

pub(crate) fn named(name: &str) -> Option<&'static Peer> {
    PEERS.iter().chain([&BINDER]).find(|peer| peer.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_peer_each_and_loaders_exist() {
        for (place, peer) in PEERS.iter().enumerate() {
            assert_eq!(PEERS.iter().position(|other| other.name == peer.name), Some(place));
            assert!(peer.loader.is_none_or(|loader| named(loader).is_some()));
        }
    }
}
