//! Knocks at a server's door, and tells who opens. No procedure of the server runs.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rpc_core::service::{Kind, Procedure};
use rpc_core::{Client, ClientTls, Code, Status};

use super::Patient;

/// What came of a knock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// One of ours answered, after this time.
    Speaks(Duration),
    /// Nobody knocked, since there is no way to knock.
    NotAsked,
    /// The host name leads nowhere, for this reason.
    Unresolved(String),
    /// The machine is there, and nothing listens.
    Refused,
    /// The machine cannot be reached, for this reason.
    NoWay(String),
    /// Something listens, and says nothing.
    Silent,
    /// Something answers that is none of ours, or not well; in its words.
    Stranger(String),
}

pub(super) fn ask(patient: &Patient, tls: Option<&ClientTls>) -> Answer {
    if patient.out_of_reach.is_some() {
        return Answer::NotAsked;
    }
    let places: Vec<SocketAddr> = match (patient.address.as_str(), patient.port).to_socket_addrs() {
        Ok(places) => places.take(ADDRESSES).collect(),
        Err(error) => return Answer::Unresolved(error.to_string()),
    };
    let start = Instant::now();
    match connect(&places) {
        Ok(socket) => {
            let client = match tls {
                None => Client::over(socket),
                // Its certificate is for the host as it is registered.
                Some(tls) => Client::connect(patient.place()).with_tls(tls.clone()),
            };
            greet(&client, start)
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Answer::Refused,
        Err(error) => Answer::NoWay(error.to_string()),
    }
}

/// To the first that opens; else the first refusal, which says most.
fn connect(places: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = None;
    for place in places {
        match TcpStream::connect_timeout(place, CONNECT_WITHIN) {
            Ok(socket) => return Ok(socket),
            Err(error) => {
                let refused = error.kind() == ErrorKind::ConnectionRefused;
                failure = if refused { Some(error) } else { failure.or(Some(error)) };
            }
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other("the name has no address")))
}

/// Calls a procedure that no server has: one of ours says so.
fn greet(client: &Client, start: Instant) -> Answer {
    let client = client.with_deadline(ANSWER_WITHIN);
    match client.call::<(), (), Status>(&ABSENT, &()) {
        Ok(()) => Answer::Speaks(start.elapsed()),
        Err(status) => match status.code() {
            Code::DeadlineExceeded => Answer::Silent,
            Code::Unavailable => Answer::Stranger(status.message().to_owned()),
            _ => Answer::Speaks(start.elapsed()),
        },
    }
}

const ABSENT: Procedure = Procedure::new("binder.doctor/are-you-there", Kind::Unary).idempotent();

/// How many addresses of a host name are tried.
const ADDRESSES: usize = 4;
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
