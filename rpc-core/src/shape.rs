//! What values of a type look like on the wire, found out by watching it being decoded.
//!
//! Types are named as PROTOCOL.md names them, `option<seq<string>>`; those with a name of their own are listed beside. serde
//! tells what a type asks for, not what it takes: so values are made up, several times over, and where a type refuses them
//! all the rest of it is [`UNKNOWN`]. Nothing here loops, panics or grows without an end.

mod access;
mod tracer;
mod types;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use self::types::Types;

/// A type as its trait spells it, and a way to find out its shape.
#[derive(Clone, Copy)]
pub struct Shape {
    /// As in the source: `Option<String>`.
    pub written: &'static str,
    trace: fn(&mut Types) -> String,
}

/// Stands for what could not be found out.
pub const UNKNOWN: &str = "?";

/// A type with a name, as values of it are in JSON. In bincode names do not travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedType {
    /// The type's name without its module, with its parameters: `Page<u8>`. Two of one name are told apart by a number.
    pub name: String,
    /// What is in it.
    pub form: Form,
}

/// What is in a type with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// A struct.
    Struct(Fields),
    /// An enum, its variants in order.
    Enum(Vec<Variant>),
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub fields: Fields,
}

/// The fields of a struct or a variant, each with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fields {
    /// None.
    None,
    /// One without a name.
    One(String),
    /// Several without names.
    Places(Vec<String>),
    /// With names.
    Named(Vec<Field>),
}

/// A field with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub shape: String,
}

impl Shape {
    /// The shape of `T`, which is spelled so.
    pub const fn of<T: DeserializeOwned>(written: &'static str) -> Shape {
        Shape { written, trace: tracer::trace::<T> }
    }

    /// The type in the words of PROTOCOL.md, and into `types` those that it names.
    pub(crate) fn trace(&self, types: &mut Types) -> String {
        (self.trace)(types)
    }
}

/// Of the same spelling: what finds a shape out has no equal.
impl PartialEq for Shape {
    fn eq(&self, other: &Shape) -> bool {
        self.written == other.written
    }
}

impl Eq for Shape {}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({})", self.written)
    }
}

#[cfg(test)]
mod tests;
