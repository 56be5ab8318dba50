//! The messages and prefaces of `vectors.json`: bytes become what it says, and what it says those bytes.

use serde_json::Value;

use super::message::{begin_frame, decode, end_frame};
use super::preface::Preface;
use crate::frame::LENGTH;

fn rows(section: &str) -> Vec<Value> {
    let mut vectors: Value = serde_json::from_str(include_str!("../../vectors.json")).unwrap();
    serde_json::from_value(vectors[section].take()).unwrap()
}

fn bytes(row: &Value, column: &str) -> Vec<u8> {
    let digits = row[column].as_str().unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn messages_have_the_bytes_and_the_meaning_that_the_vectors_name() {
    for row in rows("messages") {
        let (whole, payload) = (bytes(&row, "hex"), bytes(&row, "payload"));
        let (message, rest) = decode(&whole[LENGTH..]).unwrap();
        assert_eq!((serde_json::to_value(&message).unwrap(), rest), (row["header"].clone(), &payload[..]));
        let mut written = Vec::new();
        let start = begin_frame(&message, &mut written).unwrap();
        end_frame(&mut written, start, payload.len(), u32::MAX).unwrap();
        written.extend(payload);
        assert_eq!(written, whole, "{}", row["name"]);
    }
}

#[test]
fn accepted_prefaces_mean_what_the_vectors_say_and_others_nothing() {
    for row in rows("prefaces") {
        let whole = bytes(&row, "hex");
        let preface = Preface::decode(&whole);
        if row["verdict"] != "accepted" {
            assert!(preface.is_err(), "{row}");
            continue;
        }
        let (preface, length) = preface.unwrap().unwrap();
        assert_eq!(length, whole.len());
        let Preface { newest, oldest, features, frame, calls, credit } = preface;
        let fields =
            ["newest", "oldest", "features", "frame", "calls", "credit"].map(|field| row[field].as_u64());
        let read = [newest.into(), oldest.into(), features, frame, calls, credit]
            .map(|field: u32| Some(field.into()));
        assert_eq!(read, fields, "{row}");
    }
}
