//! The corpus that fuzzing has left, run again: what was found once is not found twice.

use std::path::Path;

#[track_caller]
fn check(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in inputs {
        println!("{}", input.display());
        run(&std::fs::read(input).unwrap());
    }
}

#[test]
fn every_input_of_the_corpus_is_cut_into_frames() {
    check("frame", super::frame);
}

#[test]
fn every_input_of_the_corpus_is_read_as_a_message() {
    check("message", super::message);
}

#[test]
fn every_input_of_the_corpus_is_read_as_a_preface() {
    check("preface", super::preface);
}

#[test]
fn every_input_of_the_corpus_is_said_to_a_server() {
    check("server", super::server);
}

#[test]
fn every_input_of_the_corpus_is_said_to_a_client() {
    check("client", super::client);
}

#[test]
fn every_input_of_the_corpus_is_read_as_json() {
    check("json", super::json);
}
