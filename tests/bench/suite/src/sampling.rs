//! One sample: a server is started, load is put on it, both are ended.

use std::time::Duration;

use bench_harness::peer::Role;
use bench_harness::process::{ProcessError, Server, finish, pinned};
use bench_harness::sample::Sample;
use clap::ValueEnum;

use crate::cases::{Kind, ONE, Place, Shape};
use crate::hello::{self, Hello};
use crate::peers::{Peer, named};
use crate::programs::program;

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSample {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("its load generator said {said:?}, which is no sample")]
    Unclear { said: String, source: serde_json::Error },
    #[error(transparent)]
    Hello(#[from] hello::NotBuilt),
}

/// How long a sample takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) seconds: f64,
    pub(crate) warm_up: f64,
}

/// What a server may take to listen, and a load generator besides the time it measures.
const START: Duration = Duration::from_secs(20);
const AROUND: Duration = Duration::from_secs(60);

pub(crate) fn sample(peer: &Peer, kind: Kind, place: Place, times: Times) -> Result<Sample, NoSample> {
    let Some((role, connections, orders)) = orders(kind, times) else {
        return Ok(Hello::of(peer)?);
    };
    let role = role.to_possible_value();
    let mut serve = program(peer);
    serve.args(["serve", "--role", role.as_ref().map_or("echo", |role| role.get_name())]);
    serve.args(["--connections", &connections.to_string()]).args(peer.options());
    let server = Server::start(&mut pinned(place.cores_of_server(), &serve), START)?;
    let mut load = program(peer.loader.and_then(named).unwrap_or(peer));
    load.args(orders).args(peer.options());
    load.args(["--address", &server.address.to_string(), "--server", &server.process().0.to_string()]);
    let limit = AROUND + Duration::from_secs_f64(times.seconds + times.warm_up);
    let said = finish(&mut pinned(place.cores_of_load(), &load), limit)?;
    serde_json::from_str(&said).map_err(|source| NoSample::Unclear { said, source })
}

/// What the server is, how many connections it will have, and what its load generator is told.
fn orders(kind: Kind, times: Times) -> Option<(Role, usize, Vec<String>)> {
    let timed = |order: &str, shape: Shape| {
        let numbers = [
            ("--connections", shape.connections.to_string()),
            ("--callers", shape.callers.to_string()),
            ("--width", shape.width.to_string()),
            ("--idle", shape.idle.to_string()),
            ("--size", shape.size.to_string()),
            ("--procedures", shape.procedures.to_string()),
            ("--seconds", times.seconds.to_string()),
            ("--warm-up", times.warm_up.to_string()),
        ];
        let words = numbers.into_iter().flat_map(|(name, number)| [name.to_owned(), number]);
        std::iter::once(order.to_owned()).chain(words).collect()
    };
    Some(match kind {
        Kind::Calls(shape) => (Role::Echo, shape.connections + shape.idle, timed("load", shape)),
        Kind::Stream => (Role::Stream, 1, timed("stream", ONE)),
        Kind::Broadcast { role, subscribers, items } => {
            (role, subscribers, timed("broadcast", Shape { connections: subscribers, width: items, ..ONE }))
        }
        Kind::Hold { connections } => (
            Role::Echo,
            connections + 1,
            vec!["hold".into(), "--connections".into(), connections.to_string()],
        ),
        Kind::Hello => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn a_load_is_told_the_whole_shape_of_its_case() {
        let case = cases::named("crowd").unwrap();
        let (role, connections, words) = orders(case.kind, Times { seconds: 0.5, warm_up: 0.1 }).unwrap();
        assert_eq!((role, connections), (Role::Echo, 6000));
        assert_eq!(
            words.join(" "),
            "load --connections 1000 --callers 1 --width 1 --idle 5000 --size 64 --procedures 0 --seconds 0.5 --warm-up 0.1"
        );
        assert!(orders(Kind::Hello, Times { seconds: 1.0, warm_up: 0.0 }).is_none());
    }
}
