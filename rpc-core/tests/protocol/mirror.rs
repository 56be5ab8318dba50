//! Procedures that say what they understood, and give it back: one for every type of the vectors.
#![expect(dead_code, reason = "the vectors give bytes: no typed client calls these procedures")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::{Bytes, Server, Status};
use serde::{Deserialize, Serialize};

/// A value's JSON, and the value.
#[derive(Serialize, Deserialize)]
pub(crate) struct Shown<T>(String, T);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Shape {
    Empty,
    Circle(u32),
    Line(u16, u16),
    Text { size: u16, words: String },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Drawing {
    title: String,
    shapes: Vec<Shape>,
    at: Option<Point>,
}

struct Glass;

macro_rules! mirror {
    ($($name:ident: $type:ty,)*) => {
        #[rpc_core::service]
        pub(crate) trait Mirror {
            $(fn $name(&self, value: $type) -> Result<Shown<$type>, Status>;)*
        }

        impl Mirror for Glass {
            $(fn $name(&self, value: $type) -> Result<Shown<$type>, Status> {
                Ok(Shown(serde_json::to_string(&value).unwrap(), value))
            })*
        }
    };
}

mirror! {
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    bool: bool,
    f32: f32,
    f64: f64,
    char: char,
    string: String,
    bytes: Bytes,
    unit: (),
    option_u8: Option<u8>,
    result_u8_string: Result<u8, String>,
    seq_u8: Vec<u8>,
    seq_u16: Vec<u16>,
    seq_string: Vec<String>,
    seq_seq_u16: Vec<Vec<u16>>,
    tuple_u8_string: (u8, String),
    array_u16_3: [u16; 3],
    map_string_u8: BTreeMap<String, u8>,
    map_u8_bool: BTreeMap<u8, bool>,
    point: Point,
    shape: Shape,
    drawing: Drawing,
    duration: Duration,
    status: Status,
}

/// The procedure of a type as the document writes it: `map<string,u8>` is `map_string_u8`.
pub(crate) fn procedure(of_type: &str) -> String {
    of_type.replace(['<', ','], "_").replace('>', "")
}

pub(crate) fn open() -> Server {
    Server::builder().service(MirrorService::new(Arc::new(Glass))).bind("127.0.0.1:0").unwrap()
}
