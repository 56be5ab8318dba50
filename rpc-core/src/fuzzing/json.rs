//! Payloads in JSON: documents, arguments by place and by name, items of a stream.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::codec::{Encoding, Json, Payload};

/// Something of every form that the document has words for, but for fractions, which need not come back.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Parcel {
    to: String,
    weight: Option<i64>,
    way: Way,
    marks: BTreeMap<u16, Vec<(bool, char)>>,
    content: Bytes,
    number: [u8; 2],
    rest: (),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Way {
    Road,
    Air(u128),
    Sea(i8, String),
    Rail { night: bool },
}

/// What is decoded from JSON is the same again in either encoding, arguments mean the same by place and by name, and items come
/// apart where they were joined.
///
/// # Panics
/// When that is not so.
pub fn json(input: &[u8]) {
    document(input);
    arguments(input);
    items(input);
    returns::<Parcel>(input);
    returns::<Vec<Way>>(input);
    returns::<(String, Bytes, Option<u64>)>(input);
    returns::<BTreeMap<String, Vec<i64>>>(input);
}

/// A document is its text as it came, without what is around it, and one line where it is an item.
fn document(input: &[u8]) {
    let Some(document) = str::from_utf8(input).ok().and_then(|text| text.parse::<Json>().ok()) else {
        return;
    };
    assert_eq!(document.as_str().as_bytes(), input.trim_ascii());
    assert_eq!(encoded(Encoding::Json, &document), document.as_str().as_bytes());
    let mut line = Vec::new();
    Encoding::Json.item_encoder()(&document, &mut line).expect("what was decoded encodes");
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(document.as_str().len()));
    let (again, length) = Encoding::Json.item_decoder::<Json>()(&line).expect("it is an item");
    assert_eq!(
        (again.as_str().replace('\n', " "), length),
        (document.as_str().replace('\n', " "), line.len())
    );
}

fn arguments(input: &[u8]) {
    type Arguments = (String, Option<u64>, Vec<Way>);
    const NAMES: [&str; 3] = ["text", "count", "ways"];
    let decode = |bytes: &[u8]| Encoding::Json.decode_arguments::<Arguments>(bytes, NAMES.into_iter());
    let Ok(given) = decode(input) else { return };
    let named = NAMES.into_iter().zip([text(&given.0), text(&given.1), text(&given.2)]);
    let named: BTreeMap<&str, Json> = named.collect();
    assert_eq!(decode(&encoded(Encoding::Json, &given)).ok().as_ref(), Some(&given));
    assert_eq!(decode(&encoded(Encoding::Json, &named)).ok(), Some(given));
}

fn text<T: Serialize>(value: &T) -> Json {
    let text = String::from_utf8(encoded(Encoding::Json, value)).expect("JSON is text");
    text.parse().expect("what was encoded is a document")
}

/// Each item takes its bytes and its line feed, and none takes nothing.
fn items(mut input: &[u8]) {
    while let Ok((item, length)) = Encoding::Json.item_decoder::<Json>()(input) {
        let (taken, rest) = input.split_at_checked(length).expect("it is inside");
        assert_eq!(taken.strip_suffix(b"\n").map(<[u8]>::trim_ascii), Some(item.as_str().as_bytes()));
        input = rest;
    }
}

fn returns<T: Serialize + DeserializeOwned + Debug + PartialEq>(input: &[u8]) {
    let Ok(value) = Encoding::Json.decode::<T>(input) else { return };
    for encoding in [Encoding::Json, Encoding::Bincode] {
        let bytes = encoded(encoding, &value);
        assert_eq!(encoding.decode::<T>(&bytes).ok().as_ref(), Some(&value), "{encoding:?}");
    }
}

fn encoded<T: Serialize>(encoding: Encoding, value: &T) -> Vec<u8> {
    let mut payload = Payload::default();
    encoding.encode(value, &mut payload).expect("what was decoded encodes");
    payload.to_vec()
}
