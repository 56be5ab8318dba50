//! What is saved is read back; what is not as it was written is refused with its place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::address::{Place, Vantage};
use crate::contract::{LossReason, Mode};
use crate::features::Features;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;
use crate::registry::{Intent, SavedLease, SavedRecord, SavedRemoval};

fn name(text: &str) -> ProcedureName {
    ProcedureName::parse(text).unwrap()
}

fn place(address: &str) -> Place {
    Place::advertised(address, 4000, Vantage::Beside).unwrap()
}

fn record(text: &str, address: &str, features: Features) -> SavedRecord {
    SavedRecord {
        name: name(text),
        place: place(address),
        mode: Mode::Shared,
        features,
        epoch: 7,
        rank: 5,
        incarnation: 3,
        age: Duration::from_millis(1500),
        intent: Intent::Drain,
    }
}

fn saved() -> Saved {
    let metadata = BTreeMap::from([("zone".to_owned(), "\"Zürich\"\u{2028}".to_owned())]);
    let features = Features::parse(9, Some("1.2.3-rc.1"), metadata).unwrap();
    let named = SavedLease {
        owner: Owner { instance: Instance::Named([0xab; 16].into()), incarnation: 3 },
        term: Duration::from_secs(15),
        held: vec![record("a", "0.0.0.0", features), record("b", "::1", Features::default())],
        lost: BTreeMap::from([
            (name("c"), LossReason::Superseded { epoch: 6 }),
            (name("d"), LossReason::Removed),
        ]),
    };
    let plain = SavedLease {
        owner: Owner::at(&place("db.example"), &name("e")),
        term: Duration::from_secs(2),
        held: vec![record("e", "db.example", Features::default())],
        lost: BTreeMap::new(),
    };
    let removal =
        SavedRemoval { owner: named.owner.clone(), name: name("d"), left: Duration::from_secs(599) };
    Saved { epoch: 7, leases: vec![named, plain], removals: vec![removal] }
}

fn written() -> Vec<u8> {
    let mut bytes = Vec::new();
    let Saved { epoch, leases, removals } = saved();
    format::write(epoch, leases, &removals, &mut bytes).unwrap();
    bytes
}

/// Lines with right checksums, whatever they say.
fn lines(texts: &[&str]) -> Vec<u8> {
    let line = |text: &&str| format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()));
    texts.iter().map(line).collect::<String>().into_bytes()
}

#[track_caller]
fn check(bytes: &[u8], why: &str) {
    let damage = format::read(&mut &*bytes).unwrap_err().to_string();
    assert!(damage.contains(why), "{damage}");
}

#[test]
fn what_was_written_is_read_back() {
    assert_eq!(format::read(&mut written().as_slice()).unwrap(), saved());
}

#[test]
fn a_file_that_is_cut_off_anywhere_says_behind_which_line() {
    let bytes = written();
    for length in 0..bytes.len() {
        let (cut, _) = bytes.split_at(length);
        let lines = cut.iter().filter(|byte| **byte == b'\n').count();
        check(cut, &format!("it ends behind line {lines}, before its end"));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_in_its_line() {
    let bytes = written();
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 4;
        let line = bytes[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
        let damage = format::read(&mut flipped.as_slice()).unwrap_err().to_string();
        // A line break that has gone makes one line of two, or a last one that does not end.
        let cut_off = damage.contains(&format!("it ends behind line {}", line - 1));
        assert!(damage.contains(&format!("line {line} ")) || cut_off, "byte {place}: {damage}");
    }
}

#[test]
fn a_missing_line_is_noticed_at_the_end() {
    let text = String::from_utf8(written()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for missing in 1..lines.len() - 1 {
        let rest: String = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != missing)
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        assert!(format::read(&mut rest.as_bytes()).is_err(), "without line {}", missing + 1);
    }
}

#[test]
fn lines_that_no_binder_writes_are_refused_with_their_number() {
    let first = r#"{"binder":{"format":1,"epoch":1}}"#;
    let lease = r#"{"lease":{"instance":{"at":["127.0.0.1",1,"a"]},"incarnation":0,"lease_ms":1}}"#;
    check(b"# a list of names\n", "line 1 does not agree with its checksum");
    check(
        &lines(&[r#"{"binder":{"format":2,"epoch":1}}"#]),
        "it is of format 2, and this program knows format 1",
    );
    check(&lines(&[lease]), "line 1 is not the first line of a state file");
    check(&lines(&[first, r#"{"lost":{"name":"a","why":"removed"}}"#]), "line 2 stands before every lease");
    check(&lines(&[first, lease, lease]), "line 3 tells of a lease a second time");
    check(&lines(&[first, first]), "line 2 begins a second state");
    check(&lines(&[first, r#"{"end":{"lines":9}}"#]), "line 2 ends a state of another length");
    check(&lines(&[first, r#"{"what":1}"#]), "line 2 is not understood");
    let id = r#"{"lease":{"instance":{"id":"+b"},"incarnation":0,"lease_ms":1}}"#;
    check(&lines(&[first, id]), "line 2 has the instance \"+b\"");
    let held = r#"{"held":{"name":"a b","address":"h","port":1,"mode":"shared","weight":1,"epoch":1,"rank":1,"incarnation":0,"age_ms":0,"draining":false}}"#;
    check(&lines(&[first, lease, held]), "line 3 is wrong: a procedure's name consists of");
    check(&lines(&[first, lease, &held.replace("a b", "a").replace("\"port\":1", "\"port\":0")]), "port 0");
    let endless = "x".repeat(1 << 16);
    check(endless.as_bytes(), "line 1 is longer than any that a binder writes");
}
