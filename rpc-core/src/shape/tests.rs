use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use super::*;

#[track_caller]
fn check<T: DeserializeOwned>(shape: &str, named: &[&str]) {
    let mut types = Types::default();
    assert_eq!(Shape::of::<T>("T").trace(&mut types), shape);
    let shown: Vec<String> = types.into_named().iter().map(shown).collect();
    assert_eq!(shown, named);
}

fn shown(named: &NamedType) -> String {
    let form = match &named.form {
        Form::Struct(fields) => in_words(fields),
        Form::Enum(variants) => {
            let variant = |variant: &Variant| format!("{}{}", variant.name, in_words(&variant.fields));
            variants.iter().map(variant).collect::<Vec<_>>().join("|")
        }
    };
    format!("{}={form}", named.name)
}

fn in_words(fields: &Fields) -> String {
    match fields {
        Fields::None => String::new(),
        Fields::One(shape) => format!("({shape})"),
        Fields::Places(shapes) => format!("({})", shapes.join(" ")),
        Fields::Named(fields) => {
            let field = |field: &Field| format!("{}:{}", field.name, field.shape);
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn plain_types_are_named_as_in_the_protocol() {
    check::<u8>("u8", &[]);
    check::<i128>("i128", &[]);
    check::<f32>("f32", &[]);
    check::<String>("string", &[]);
    check::<crate::Bytes>("bytes", &[]);
    check::<Vec<u8>>("seq<u8>", &[]);
    check::<()>("unit", &[]);
    check::<Option<Vec<Option<bool>>>>("option<seq<option<bool>>>", &[]);
    check::<(u8, String)>("tuple<u8,string>", &[]);
    check::<[u16; 3]>("array<u16,3>", &[]);
    check::<BTreeMap<String, HashSet<char>>>("map<string,seq<char>>", &[]);
    check::<Duration>("Duration", &["Duration={secs:u64 nanos:u32}"]);
    check::<IpAddr>("string", &[]);
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
enum Move {
    Rest,
    To(Point),
    By(i8, i8),
    Jump { over: Option<Point>, name: Name },
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
struct Point {
    x: i32,
    y: i32,
}

/// Takes no text that anybody would make up.
struct Name;

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
        let text = String::deserialize(from)?;
        if text == "Rumpelstiltskin" { Ok(Name) } else { Err(serde::de::Error::custom("guess again")) }
    }
}

#[test]
fn every_variant_of_an_enum_is_met_with_the_types_in_it() {
    check::<Vec<Move>>(
        "seq<Move>",
        &["Move=Rest|To(Point)|By(i8 i8)|Jump{over:option<Point> name:string}", "Point={x:i32 y:i32}"],
    );
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
struct Picky {
    first: Name,
    second: Move,
    third: Option<Name>,
    last: Vec<Name>,
}

#[test]
fn a_field_that_takes_no_value_hides_no_other() {
    check::<Picky>(
        "Picky",
        &[
            "Move=Rest|To(Point)|By(i8 i8)|Jump{over:option<Point> name:string}",
            "Picky={first:string second:Move third:option<string> last:seq<string>}",
            "Point={x:i32 y:i32}",
        ],
    );
}

#[test]
fn what_stands_behind_a_value_that_was_refused_is_unknown() {
    check::<(Name, u8)>("tuple<string,?>", &[]);
    check::<serde_json::Value>("?", &[]);
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
struct Tree {
    leaf: u8,
    left: Option<Box<Tree>>,
    all: Vec<Tree>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
struct Endless(Box<Endless>);

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
enum Sum {
    Of(Box<Sum>, Box<Sum>),
    Number(u8),
}

#[test]
fn types_within_themselves_come_to_an_end() {
    check::<Tree>("Tree", &["Tree={leaf:u8 left:option<Tree> all:seq<Tree>}"]);
    check::<Endless>("Endless", &["Endless=(Endless)"]);
    check::<Sum>("Sum", &["Sum=Of(Sum Sum)|Number(u8)"]);
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "its shape is what counts")]
struct Page<T> {
    items: Vec<T>,
}

mod other {
    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "its shape is what counts")]
    pub(super) struct Point(pub(super) f64);
}

#[test]
fn types_of_one_name_are_told_apart() {
    check::<(Page<u8>, Page<Point>, other::Point)>(
        "tuple<Page<u8>,Page<Point>,Point#2>",
        &[
            "Page<Point>={items:seq<Point>}",
            "Page<u8>={items:seq<u8>}",
            "Point={x:i32 y:i32}",
            "Point#2=(f64)",
        ],
    );
}

/// Panics at what it never saw.
struct Nervous;

impl<'de> Deserialize<'de> for Nervous {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Nervous, D::Error> {
        let number = u32::deserialize(from)?;
        assert_ne!(number, 1, "one is never sent");
        Ok(Nervous)
    }
}

#[test]
fn a_type_that_panics_is_known_as_far_as_it_went() {
    check::<Nervous>("u32", &[]);
    check::<Page<Nervous>>("Page<Nervous>", &["Page<Nervous>={items:?}"]);
}
