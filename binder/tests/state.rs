//! A binder with a state file over its restarts, and the files that it refuses.
#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use binder::{
    Binder, BinderClient, BinderOptions, BinderServer, Damaged, INCARNATION_KEY, INSTANCE_KEY, Mode, Offer,
    Query, Renewal, StartError, State, StateError,
};
use rpc_core::Client;

#[path = "waits/eventually.rs"]
mod eventually;

use eventually::{PATIENCE, eventually};

const GRACE: Duration = Duration::from_secs(5);

/// A folder of this test alone; gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("binder-state-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    fn start(&self) -> BinderServer {
        start(&self.state(), Damaged::Refuse).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(state: &Path, damaged: Damaged) -> Result<BinderServer, StartError> {
    let options = BinderOptions { state: Some(state.to_owned()), damaged, ..BinderOptions::default() };
    BinderServer::start_with("127.0.0.1:0", options)
}

/// A client of this binder that speaks as an instance.
fn client(binder: &BinderServer, id: u8) -> BinderClient {
    let client = Client::connect(binder.address().to_string()).with_deadline(PATIENCE);
    BinderClient::new(client.with_metadata(INSTANCE_KEY, [id; 16]).with_metadata(INCARNATION_KEY, [0; 8]))
}

fn refused(outcome: Result<BinderServer, StartError>) -> StateError {
    let Err(StartError::State(error)) = outcome else { unreachable!("it is refused for its state") };
    error
}

#[test]
fn everything_is_known_at_once_after_a_restart() {
    let folder = Folder::new();
    let first = folder.start();
    let exclusive = client(&first, 1).register_procedure("chat".into(), "0.0.0.0".into(), 4000).unwrap();
    let metadata = [("zone".to_owned(), "a".to_owned())].into();
    let shared = Offer {
        mode: Mode::Shared,
        weight: 7,
        version: Some("1.2.3".into()),
        metadata,
        ..Offer::new("sum", "10.0.0.1", 4001)
    };
    client(&first, 1).register(shared.clone()).unwrap();
    client(&first, 2).register(Offer { port: 4002, ..shared }).unwrap();
    client(&first, 2).drain(vec!["sum".into()]).unwrap();
    let before = client(&first, 1).list(Query::default()).unwrap();
    first.shutdown(GRACE).unwrap();
    let second = folder.start();
    let after = client(&second, 1).list(Query::default()).unwrap();
    assert_ne!(after.revision.binder, before.revision.binder);
    let mut entries = after.entries;
    for (entry, former) in entries.iter_mut().zip(&before.entries) {
        assert!(entry.age_ms >= former.age_ms && entry.lease_left_ms > 14_000);
        (entry.age_ms, entry.lease_left_ms) = (former.age_ms, former.lease_left_ms);
    }
    assert_eq!(entries, before.entries);
    assert_eq!(entries[2].state, State::Draining);
    assert!(matches!(client(&second, 1).renew(), Ok(Renewal::Renewed { .. })));
    let taken = client(&second, 3).register_procedure("chat".into(), "0.0.0.0".into(), 4003).unwrap();
    assert!(taken.epoch > exclusive.epoch);
}

#[test]
fn a_change_is_on_disk_a_moment_later_although_the_binder_is_not_ended() {
    let folder = Folder::new();
    let binder = folder.start();
    client(&binder, 1).register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(folder.state()).unwrap().contains("\"chat\"") {
        assert!(Instant::now() < deadline, "it is not saved");
        thread::park_timeout(Duration::from_millis(10));
    }
    assert_eq!(fs::metadata(folder.state()).unwrap().permissions().mode() & 0o777, 0o600);
    let saving = client(&binder, 1).stats().unwrap().saving.unwrap();
    assert_eq!((saving.file, saving.trouble), (Some(folder.state().display().to_string()), None));
}

#[test]
fn a_file_that_was_cut_off_or_changed_is_refused_with_its_place_and_stays() {
    let folder = Folder::new();
    let binder = folder.start();
    client(&binder, 1).register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    drop(binder);
    let whole = fs::read(folder.state()).unwrap();
    fs::write(folder.state(), &whole[..whole.len() - 3]).unwrap();
    let cut_off = refused(start(&folder.state(), Damaged::Refuse)).to_string();
    assert!(
        cut_off.contains("is damaged: it ends behind line 3, before its end: it was cut off"),
        "{cut_off}"
    );
    let changed = String::from_utf8(whole.clone()).unwrap().replace("4000", "4001");
    fs::write(folder.state(), &changed).unwrap();
    let error = refused(start(&folder.state(), Damaged::Refuse)).to_string();
    assert!(error.contains("line 3 does not agree with its checksum"), "{error}");
    assert_eq!(fs::read_to_string(folder.state()).unwrap(), changed);
    let binder = start(&folder.state(), Damaged::SetAside).unwrap();
    assert_eq!(client(&binder, 1).list(Query::default()).unwrap().entries, []);
    assert_eq!(fs::read_to_string(folder.0.join("state.damaged")).unwrap(), changed);
}

#[test]
fn a_damaged_file_that_was_put_aside_before_is_kept() {
    let folder = Folder::new();
    for damage in ["one", "two", "three"] {
        fs::write(folder.state(), damage).unwrap();
        drop(start(&folder.state(), Damaged::SetAside).unwrap());
    }
    let aside = ["state.damaged", "state.damaged.2", "state.damaged.3"];
    let kept = aside.map(|name| fs::read_to_string(folder.0.join(name)).unwrap());
    assert_eq!(kept, ["one", "two", "three"]);
}

#[test]
fn two_binders_do_not_share_a_file() {
    let folder = Folder::new();
    let first = folder.start();
    let error = refused(start(&folder.state(), Damaged::Refuse));
    assert!(matches!(error, StateError::InUse { .. }), "{error}");
    drop(first);
    folder.start();
}

#[test]
fn a_place_where_nothing_can_be_written_is_told_at_the_start() {
    let folder = Folder::new();
    let nowhere = refused(start(&folder.0.join("no/such/folder/state"), Damaged::Refuse));
    assert!(matches!(nowhere, StateError::Unusable { .. }), "{nowhere}");
    fs::create_dir(folder.state()).unwrap();
    let a_folder = refused(start(&folder.state(), Damaged::Refuse));
    assert!(matches!(a_folder, StateError::Unusable { .. }), "{a_folder}");
}

#[test]
fn what_goes_wrong_later_stops_nothing_and_is_mended_by_itself() {
    let folder = Folder::new();
    let binder = folder.start();
    let trouble = || client(&binder, 1).stats().unwrap().saving.unwrap().trouble;
    // A folder in the way of the file that is written first.
    let in_the_way = folder.0.join("state.new");
    fs::create_dir(&in_the_way).unwrap();
    client(&binder, 1).register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    eventually("the trouble is told", || trouble().is_some());
    assert!(client(&binder, 1).lookup_procedure("chat".into()).is_ok());
    // Story: a full disk was written to four times a second.
    let pause = || client(&binder, 1).stats().unwrap().saving.unwrap().retry_in_ms;
    eventually("it is tried more and more rarely", || pause() > Some(1_000));
    fs::remove_dir(&in_the_way).unwrap();
    eventually("the trouble is over", || trouble().is_none());
    assert!(fs::read_to_string(folder.state()).unwrap().contains("\"chat\""));
}
