//! What TLS costs beside the same calls in the clear: `cargo bench -p rpc-core --bench tls`.
//!
//! Rounds of both are interleaved, so that a busy machine slows both; what carries over is the ratio in the last column. The
//! last row is memory: what an idle connection holds, both of its ends, which are in this process.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops when it cannot measure"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rpc_core::{Bytes, Client, ClientTls, Server, ServerTls, Status};

#[rpc_core::service]
trait Echo {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status>;
}

struct Mirror;

impl Echo for Mirror {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }
}

const ROUNDS: usize = 7;

/// Connections that are held for the last row.
const IDLE: usize = 500;

/// A server, and clients of it, with TLS or without.
struct Pair {
    server: Server,
    tls: Option<ClientTls>,
}

impl Pair {
    fn in_the_clear() -> Pair {
        Pair { server: builder().bind("127.0.0.1:0").unwrap(), tls: None }
    }

    fn over_tls() -> Pair {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let tls = ServerTls::from_pem(certificate.pem(), key.serialize_pem()).unwrap();
        let server = builder().tls(tls).bind("127.0.0.1:0").unwrap();
        Pair { server, tls: Some(ClientTls::with_ca_pem(authority.pem()).unwrap()) }
    }

    /// A client with a connection of its own, which has been used.
    fn client(&self) -> EchoClient {
        let client = Client::connect(self.server.address().to_string());
        let client = self.tls.iter().fold(client, |client, tls| client.with_tls(tls.clone()));
        let client = EchoClient::new(client);
        client.echo(Bytes::default()).unwrap();
        client
    }

    /// The median time of a call with one in flight, in µs.
    fn echo(&self, size: usize, calls: usize) -> f64 {
        let (client, bytes) = (self.client(), Bytes::from(vec![7; size]));
        let time = || {
            let begun = Instant::now();
            assert_eq!(client.echo(bytes.clone()).unwrap().len(), size);
            begun.elapsed()
        };
        let mut times: Vec<Duration> = std::iter::repeat_with(time).take(calls).collect();
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6
    }

    /// What a connection that has been used and is idle holds, in KiB.
    fn idle(&self) -> f64 {
        // What is kept for connections that have been there is not counted.
        drop(self.client());
        let before = resident();
        let clients: Vec<EchoClient> = (0..IDLE).map(|_| self.client()).collect();
        let held = resident() - before;
        drop(clients);
        held / f64::from(u32::try_from(IDLE).unwrap())
    }
}

fn builder() -> rpc_core::ServerBuilder {
    Server::builder().service(EchoService::new(Arc::new(Mirror)))
}

fn main() {
    let (plain, tls) = (Pair::in_the_clear(), Pair::over_tls());
    println!("{:<34} {:>14} {:>14} {:>8}", "case (medians of 7 rounds)", "TLS", "in the clear", "ratio");
    row("64 B: p50 µs", || (tls.echo(64, 10_000), plain.echo(64, 10_000)));
    row("64 KiB: p50 µs", || (tls.echo(64 << 10, 2000), plain.echo(64 << 10, 2000)));
    row("1 MiB: p50 µs", || (tls.echo(1 << 20, 100), plain.echo(1 << 20, 100)));
    // Memory that was had once is had again: a first round tells, and no later one.
    let (plain, tls) = (plain.idle(), tls.idle());
    println!("{:<34} {tls:>14.1} {plain:>14.1} {:>8.2}", "an idle connection, both ends: KiB", tls / plain);
}

fn row(name: &str, round: impl FnMut() -> (f64, f64)) {
    let (tls, plain): (Vec<f64>, Vec<f64>) = std::iter::repeat_with(round).take(ROUNDS).unzip();
    let (tls, plain) = (median(tls), median(plain));
    println!("{name:<34} {tls:>14.1} {plain:>14.1} {:>8.2}", tls / plain);
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Memory of this process, in KiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
