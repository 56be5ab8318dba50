//! A wall clock that is set, while binders are started again.

use std::path::Path;

use rpc_core::Client;

use super::*;
use crate::contract::{Binder, BinderClient, Entry, Query};

const GRACE: Duration = Duration::from_secs(5);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Runs a binder that is started at this time: the epoch that it gives, and what it knows then.
fn run(state: Option<&Path>, wall_clock: SystemTime, port: u16) -> (u64, Vec<Entry>) {
    let options = BinderOptions { state: state.map(Path::to_owned), ..BinderOptions::default() };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let binder = BinderServer::start_at(listener, options, wall_clock).unwrap();
    let client = BinderClient::new(Client::connect(binder.address().to_string()).with_deadline(GRACE));
    let granted = client.register_procedure("chat".into(), "127.0.0.1".into(), port).unwrap();
    client.register_procedure(format!("own{port}"), "127.0.0.1".into(), port).unwrap();
    let entries = client.list(Query::default()).unwrap().entries;
    binder.shutdown(GRACE).unwrap();
    (granted.epoch, entries)
}

/// Story: a machine without a battery began each time in 1970, and who held a name after its restart had a lower epoch than
/// who had lost it: resources refused the holder.
#[test]
fn with_a_state_file_epochs_grow_and_ages_stay_however_the_wall_clock_is_set() {
    let folder = std::env::temp_dir().join(format!("binder-clock-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let state = folder.join("state");
    let now = SystemTime::now();
    let clocks =
        [now, now - Duration::from_secs(1), now - YEAR, UNIX_EPOCH, UNIX_EPOCH - YEAR, now + YEAR * 100, now];
    let mut last = 0;
    for (port, clock) in (1..).zip(clocks) {
        let (epoch, entries) = run(Some(&state), clock, port);
        assert!(epoch > last, "{epoch} comes after {last}");
        last = epoch;
        assert_eq!(entries.len(), 1 + usize::from(port), "all who were there are there");
        for entry in entries {
            assert!(entry.age_ms < 60_000 && entry.lease_left_ms > 10_000, "{entry:?}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn without_a_state_file_epochs_follow_the_wall_clock_over_a_restart() {
    let now = SystemTime::now();
    let (first, _) = run(None, now, 1);
    assert!(run(None, now + Duration::from_secs(1), 1).0 > first);
    assert!(
        run(None, now - Duration::from_secs(1), 1).0 < first,
        "so they do not compare: the README says so"
    );
    assert_eq!(first_epoch(UNIX_EPOCH - YEAR), 0);
}
