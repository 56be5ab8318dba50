use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::Encoding;
use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(u32),
    Line(u16, u16),
    Text { size: u16, words: String },
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), text);
    assert_eq!(&decode::<T>(text.as_bytes()).unwrap(), value);
}

#[track_caller]
fn check_refused<T: DeserializeOwned + std::fmt::Debug>(text: impl AsRef<[u8]>, why: &str) {
    let error = decode::<T>(text.as_ref()).unwrap_err().to_string();
    assert!(error.contains(why), "{error:?} does not say {why:?}");
}

#[test]
fn values_have_the_documents_that_the_protocol_names() {
    check(&u64::MAX, "18446744073709551615");
    check(&i64::MIN, "-9223372036854775808");
    check(&u128::MAX, "340282366920938463463374607431768211455");
    check(&0.1f64, "0.1");
    check(&-0.0f64, "-0.0");
    check(&1.5f32, "1.5");
    check(&'é', "\"é\"");
    check(&"a\"\n\u{1}".to_owned(), r#""a\"\n\u0001""#);
    check(&crate::Bytes::from(vec![255u8, 0]), "[255,0]");
    check(&None::<u8>, "null");
    check(&Some(7u8), "7");
    check(&(), "null");
    check(&(7u8, "a".to_owned()), r#"[7,"a"]"#);
    check(&BTreeMap::from([(1u8, true)]), r#"{"1":true}"#);
    check(&Ok::<u8, String>(7), r#"{"Ok":7}"#);
    check(&Shape::Empty, r#""Empty""#);
    check(&Shape::Circle(7), r#"{"Circle":7}"#);
    check(&Shape::Line(1, 300), r#"{"Line":[1,300]}"#);
    check(&Shape::Text { size: 3, words: "a".to_owned() }, r#"{"Text":{"size":3,"words":"a"}}"#);
    check(&std::time::Duration::from_millis(1500), r#"{"secs":1,"nanos":500000000}"#);
}

#[test]
fn a_string_stands_for_its_bytes_where_bytes_are_wanted() {
    let bytes: crate::Bytes = decode("\"olá\"".as_bytes()).unwrap();
    assert_eq!(bytes.into_vec(), "olá".as_bytes());
}

#[test]
fn numbers_that_are_none_are_written_as_null_and_read_as_no_number() {
    let mut bytes = Vec::new();
    encode(&[f64::NAN, f64::INFINITY], &mut bytes).unwrap();
    assert_eq!(bytes, b"[null,null]");
    check_refused::<f64>("null", "invalid type: null");
    check_refused::<f64>("NaN", "expected value");
    check_refused::<f64>("1e999", "number out of range");
}

#[test]
fn a_document_that_is_not_the_value_is_refused_in_words() {
    check_refused::<u8>("256", "expected u8");
    check_refused::<u8>("1.0", "expected u8");
    check_refused::<u8>("1 2", "trailing characters");
    check_refused::<u8>("", "EOF");
    check_refused::<Shape>("\"Square\"", "unknown variant `Square`");
    check_refused::<Shape>(r#"{"Text":{"size":1,"size":2,"words":""}}"#, "duplicate field `size`");
    check_refused::<String>(b"\"\xff\"", "unicode");
    check_refused::<String>("\"\\ud800\"", "hex escape");
    check_refused::<String>("\"a\nb\"", "control character");
}

/// As deep as its document.
#[derive(Debug)]
struct Nested;

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Nested, D::Error> {
        Option::<Box<(Nested,)>>::deserialize(from).map(|_| Nested)
    }
}

/// The depth of a document is the depth of the stack that reads it.
#[test]
fn a_document_deeper_than_the_limit_is_refused() {
    let nested = |depth: usize| format!("{}null{}", "[".repeat(depth), "]".repeat(depth));
    decode::<Nested>(nested(127).as_bytes()).unwrap();
    check_refused::<Nested>(nested(128), "recursion limit");
    check_refused::<Nested>("[".repeat(1 << 20), "recursion limit");
}

/// What is skipped is read without a stack, so its depth costs nothing.
#[test]
fn what_is_skipped_may_be_deeper_than_the_limit() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Small {
        size: u8,
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let text = format!(r#"{{"nobody knows":{deep},"size":3}}"#);
    assert_eq!(decode::<Small>(text.as_bytes()).unwrap(), Small { size: 3 });
}

/// The cause once stood in the sentence and behind it too: who tells all causes of an error told this one twice.
#[test]
fn text_that_is_no_json_is_told_with_its_cause_once() {
    let refused = "{".parse::<Json>().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this is not a JSON document: EOF while parsing an object at line 1 column 1"
    );
    assert!(std::error::Error::source(&refused).is_none());
}

/// `{"x":1}` was answered with "invalid type: map, expected unit", which names nothing that a caller knows.
#[test]
fn a_procedure_without_arguments_says_that_there_are_none() {
    for text in ["1", "{\"x\":1}", "[1]"] {
        let refused = Encoding::Json.decode_arguments::<()>(text.as_bytes(), [].into_iter()).unwrap_err();
        let expected = "there are no arguments; none are written as {}, [], null or nothing";
        assert_eq!(refused.to_string(), expected);
    }
    let by_hand = Encoding::Json.decode_arguments::<(u8,)>(b"[\"x\"]", [].into_iter()).unwrap_err();
    assert!(by_hand.to_string().contains("expected u8"), "{by_hand}");
}

/// The place of an error within its argument was told as one within the document.
#[test]
fn what_is_wrong_with_an_argument_is_told_without_a_place_that_is_none() {
    let text = br#"{"size":3,"room":7}"#;
    let refused = Encoding::Json.decode_arguments::<Said>(text, NAMES.into_iter()).unwrap_err();
    assert_eq!(refused.to_string(), "the argument \"room\": invalid type: integer `7`, expected a string");
}

type Said = (String, u32, Option<u8>);

const NAMES: [&str; 3] = ["room", "size", "after"];

#[track_caller]
fn check_arguments(text: &str, expected: Result<(&str, u32, Option<u8>), &str>) {
    let decoded = Encoding::Json.decode_arguments::<Said>(text.as_bytes(), NAMES.into_iter());
    match (decoded, expected) {
        (Ok((room, size, after)), Ok(expected)) => assert_eq!((room.as_str(), size, after), expected),
        (Err(error), Err(why)) => {
            let error = error.to_string();
            assert!(error.contains(why), "{error:?} does not say {why:?}");
        }
        (decoded, expected) => panic!("{decoded:?} is not {expected:?}"),
    }
}

#[test]
fn arguments_come_by_name_in_any_order_or_in_order_without_names() {
    check_arguments(r#"{"size":3,"room":"x","after":1}"#, Ok(("x", 3, Some(1))));
    check_arguments(r#" ["x", 3, null] "#, Ok(("x", 3, None)));
    check_arguments(r#"{"r\u006fom":"\u0078","size":3,"after":null}"#, Ok(("x", 3, None)));
}

#[test]
fn an_argument_that_may_be_none_may_be_left_out() {
    check_arguments(r#"{"room":"x","size":3}"#, Ok(("x", 3, None)));
}

#[test]
fn what_is_wrong_with_arguments_is_named_with_what_is_allowed() {
    let unknown = "there is no argument \"sice\"; the arguments are room, size, after";
    check_arguments(r#"{"room":"x","sice":3}"#, Err(unknown));
    let missing = "the argument \"size\" is missing; the arguments are room, size, after";
    check_arguments(r#"{"room":"x"}"#, Err(missing));
    check_arguments(r#"{"room":"x","room":"y","size":3}"#, Err("the argument \"room\" came twice"));
    check_arguments(r#"{"room":7,"size":3}"#, Err("the argument \"room\": invalid type: integer `7`"));
    check_arguments(r#"["x",3]"#, Err("2 arguments came in an array of room, size, after"));
    check_arguments(r#"["x",3,null,4]"#, Err("more arguments came than there are: room, size, after"));
    check_arguments("\"x\"", Err("or as an array: room, size, after"));
    check_arguments("", Err("EOF"));
    check_arguments(r#"{"room":"x","size":3} 1"#, Err("trailing characters"));
}

#[test]
fn hostile_arguments_are_refused_without_their_depth_or_their_length() {
    check_arguments(&format!("{{\"{}\":1}}", "é".repeat(5000)), Err("ééé\"; the arguments are"));
    check_arguments(&format!("{{\"size\":{}", "[".repeat(1 << 20)), Err("EOF"));
    let deep = format!("{{\"room\":\"x\",\"size\":{}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    check_arguments(&deep, Err("the argument \"size\": invalid type"));
}

#[test]
fn no_arguments_are_nothing_null_or_an_empty_object_or_array() {
    for text in ["", " \n", "null", "{}", "[ ]"] {
        Encoding::Json.decode_arguments::<()>(text.as_bytes(), [].into_iter()).unwrap();
    }
    for text in ["1", "{\"a\":1}", "[1]", "{} 1", "{"] {
        Encoding::Json.decode_arguments::<()>(text.as_bytes(), [].into_iter()).unwrap_err();
    }
}

#[test]
fn items_are_documents_with_a_line_feed_behind_each() {
    let mut bytes = Vec::new();
    encode_item(&1u8, &mut bytes).unwrap();
    let in_lines = RawValue::from_string("[\n \"a\\n\"\n]".to_owned()).unwrap();
    encode_item(&in_lines, &mut bytes).unwrap();
    assert_eq!(bytes, b"1\n[  \"a\\n\" ]\n");
    assert_eq!(decode_item::<u8>(&bytes).unwrap(), (1, 2));
    assert_eq!(decode_item::<Vec<String>>(&bytes[2..]).unwrap(), (vec!["a\n".to_owned()], 11));
    assert!(decode_item::<u8>(b"1").unwrap_err().to_string().contains("line feed"));
    assert!(decode_item::<u8>(b"\n").is_err());
}
