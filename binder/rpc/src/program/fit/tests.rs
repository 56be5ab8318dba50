use rpc_core::reflect::{Field, Variant};

use super::*;

/// A post office: letters with lines, sent in ways that are an enum, and a box in a box without an end.
fn types() -> Vec<NamedType> {
    let field = |name: &str, shape: &str| Field { name: name.to_owned(), shape: shape.to_owned() };
    let variant = |name: &str, fields| Variant { name: name.to_owned(), fields };
    let named = |name: &str, form| NamedType { name: name.to_owned(), form };
    let letter = vec![
        field("lines", "seq<string>"),
        field("way", "Way"),
        field("stamps", "map<string,array<u8,2>>"),
        field("copy", "option<Letter>"),
    ];
    let ways = vec![
        variant("Road", Fields::None),
        variant("Air", Fields::One("u16".to_owned())),
        variant("Sea", Fields::Places(vec!["string".to_owned(), "i8".to_owned()])),
        variant("Rail", Fields::Named(vec![field("night", "bool")])),
    ];
    vec![
        named("Letter", Form::Struct(Fields::Named(letter))),
        named("Way", Form::Enum(ways)),
        named("Box", Form::Struct(Fields::One("Box".to_owned()))),
        named("Nothing", Form::Struct(Fields::None)),
    ]
}

#[track_caller]
fn check(shape: &str, document: &str, expected: Option<&str>) {
    let fit = Fit { shape: shape.to_owned(), types: types() };
    assert_eq!(fit.misfit(2, &document.parse().unwrap()).as_deref(), expected, "{shape}: {document}");
}

#[test]
fn an_item_of_another_kind_is_told_before_it_is_sent() {
    check("string", "5", Some("item 2 is a number, and the procedure takes a stream of string"));
    check("seq<string>", "{}", Some("item 2 is an object, and the procedure takes a stream of seq<string>"));
    check("u64", "\"5\"", Some("item 2 is a string, and the procedure takes a stream of u64"));
    check("Nothing", "false", Some("item 2 is false, and the procedure takes a stream of Nothing"));
}

/// Story: a bad value within an item was left to the server, which may end its stream there and say nothing.
#[test]
fn what_is_wrong_deep_in_an_item_is_told_with_its_place() {
    for (document, told) in [
        (r#"{"lines":["a",5]}"#, ".lines[1] in item 2 is a number, and the procedure takes string there"),
        (
            r#"{"way":{"Air":65536}}"#,
            ".way.Air in item 2 is the number 65536, and the procedure takes u16 there",
        ),
        (
            r#"{"way":{"Sea":["x"]}}"#,
            ".way.Sea in item 2 is an array of 1, and the procedure takes Way there",
        ),
        (
            r#"{"way":{"Sea":["x",-129]}}"#,
            ".way.Sea[1] in item 2 is the number -129, and the procedure takes i8 there",
        ),
        (
            r#"{"way":{"Rail":{"night":null}}}"#,
            ".way.Rail.night in item 2 is null, and the procedure takes bool there",
        ),
        (
            r#"{"stamps":{"de":[1,2.5]}}"#,
            ".stamps.de[1] in item 2 is the number 2.5, and the procedure takes u8 there",
        ),
        (
            r#"{"copy":{"copy":{"way":3}}}"#,
            ".copy.copy.way in item 2 is a number, and the procedure takes Way there",
        ),
        (
            r#"[[],"Road",[]]"#,
            "[2] in item 2 is an array of 0, and the procedure takes map<string,array<u8,2>> there",
        ),
    ] {
        check("Letter", document, Some(told));
    }
}

#[test]
fn what_may_fit_is_left_to_the_server() {
    for document in [
        "{}",
        r#"{"lines":[],"way":"Road","stamps":{"de":[0,255]},"copy":null,"other":5}"#,
        r#"{"way":{"Rail":[true]},"copy":{"way":{"Sea":["x",-128]}}}"#,
        r#"{"way":{"Air":65535}}"#,
        r#"{"way":{"Balloon":5}}"#,
        r#"{"way":"Balloon"}"#,
        "[]",
    ] {
        check("Letter", document, None);
    }
    for (shape, document) in [
        ("u64", "18446744073709551615"),
        ("i64", "-9223372036854775808"),
        ("u128", "340282366920938463463374607431768211455"),
        ("f64", "1"),
        ("char", "\"ä\""),
        ("bytes", "\"text\""),
        ("bytes", "[0,255]"),
        ("?", "5"),
        ("option<?>", "5"),
        ("tuple<u8,?>", "[1,\"x\"]"),
        ("Nothing", "null"),
        ("Box", "5"),
    ] {
        check(shape, document, None);
    }
}

/// Story: a place was made for each element that a server's description spoke of, before the item was looked at: 2⁶⁴ of them
/// stopped the program.
#[test]
fn an_array_as_long_as_a_server_likes_costs_nothing() {
    check(
        "array<u8,18446744073709551615>",
        "[5]",
        Some("item 2 is an array of 1, and the procedure takes a stream of array<u8,18446744073709551615>"),
    );
    check("array<u8,18446744073709551616>", "[5]", None);
}

#[test]
fn a_shape_is_taken_apart_at_its_own_commas() {
    assert_eq!(parts("map<u8,tuple<a,Page<b>>>"), ("map", vec!["u8", "tuple<a,Page<b>>"]));
    assert_eq!(parts("string"), ("string", Vec::new()));
    assert_eq!(parts("tuple<a,b,c>").1, ["a", "b", "c"]);
}
