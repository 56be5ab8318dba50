//! A binder that many lean on at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use binder::{Binder, BinderClient, BinderServer, INCARNATION_KEY, INSTANCE_KEY, Renewal};
use rpc_core::Client;

const GRACE: Duration = Duration::from_secs(5);
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

fn client(binder: SocketAddr) -> BinderClient {
    BinderClient::new(Client::connect(binder.to_string()).with_deadline(PATIENCE))
}

#[test]
fn five_thousand_idle_connections_keep_nobody_out_and_nobody_waiting() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let server = client(binder.address());
    server.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let idle: Vec<_> = (0..5_000).map(|_| client(binder.address())).collect();
    for client in &idle {
        assert_eq!(client.lookup_procedure("chat".into()).unwrap().port, 4000);
    }
    let quickest = (0..5).map(|_| {
        let start = Instant::now();
        assert_eq!(client(binder.address()).lookup_procedure("chat".into()).unwrap().port, 4000);
        start.elapsed()
    });
    assert!(quickest.min().unwrap() < Duration::from_millis(100));
    // Whoever was idle is served when he comes back, over his connection or a new one.
    for client in idle.iter().step_by(500) {
        assert_eq!(client.lookup_procedure("chat".into()).unwrap().port, 4000);
    }
    drop(idle);
    binder.shutdown(GRACE).unwrap();
}

#[test]
fn a_lease_is_renewed_by_its_own_process_alone_however_often_others_try() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let speaking_as = |id: [u8; 16], incarnation: u64| {
        let client = client(binder.address()).with_metadata(INSTANCE_KEY, id);
        client.with_metadata(INCARNATION_KEY, incarnation.to_le_bytes())
    };
    let own = speaking_as([1; 16], 5);
    own.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    // A ghost of it, and strangers that know what lists show of its id.
    assert!(speaking_as([1; 16], 4).renew().is_err());
    let mut beginning = [1; 16];
    beginning[6..].fill(0);
    for stranger in [beginning, [2; 16]] {
        assert_eq!(speaking_as(stranger, 5).renew(), Ok(Renewal::UnknownLease));
        speaking_as(stranger, 5).unregister(vec!["chat".into()]).unwrap();
    }
    assert!(matches!(own.renew(), Ok(Renewal::Renewed { .. })));
    assert_eq!(own.lookup_procedure("chat".into()).unwrap().port, 4000);
    binder.shutdown(GRACE).unwrap();
}
