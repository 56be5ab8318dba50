//! What a server offers, for those who do not have its traits: built-in procedures that every server answers.
//!
//! They say what the traits say, no more: names, kinds, documentation, types. So a server offers them unless it is told not
//! to ([`ServerBuilder::without_reflection`](crate::ServerBuilder::without_reflection)), and whoever may call nothing else
//! is kept from them by the same layer. They are not registered with a binder: they belong to an address.

mod catalogue;

use serde::{Deserialize, Serialize};

pub(crate) use self::catalogue::Catalogue;
pub use crate::shape::{Field, Fields, Form, NamedType, UNKNOWN, Variant};
use crate::status::Status;

/// Begins the names of built-in procedures; no service may use it.
pub const RESERVED: &str = "rpc.";

/// The built-in procedures that describe all others: `rpc.procedures` and `rpc.describe`.
#[crate::service(prefix = "rpc")]
pub trait Reflection {
    /// The procedures of this server in the order of their names, those behind `after`: at most 256, and whether there are
    /// more.
    #[idempotent]
    fn procedures(&self, after: Option<String>) -> Result<Page, Status>;

    /// All that is known of a procedure. Refused with `NotFound`.
    #[idempotent]
    fn describe(&self, procedure: String) -> Result<Description, Status>;
}

/// Some procedures of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// In the order of their names.
    pub procedures: Vec<Summary>,
    /// Whether others come behind the last one.
    pub more: bool,
}

/// A procedure in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As it is called.
    pub name: String,
    /// The service it belongs to; empty if that has no name.
    pub service: String,
    /// Where it has streams.
    pub kind: CallKind,
    /// Whether it may run twice.
    pub idempotent: bool,
    /// The first sentence of its documentation, of a long one the beginning.
    pub doc: String,
}

/// A procedure with its types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// As it is called.
    pub name: String,
    /// The service it belongs to; empty if that has no name.
    pub service: String,
    /// Where it has streams.
    pub kind: CallKind,
    /// Whether it may run twice.
    pub idempotent: bool,
    /// Its documentation, in Markdown.
    pub doc: String,
    /// Its arguments in order, a stream among them included.
    pub parameters: Vec<Parameter>,
    /// What it returns, or the items of the stream that it returns; `None` if its service does not say.
    pub result: Option<TypeOf>,
    /// Its error; `None` if its service does not say.
    pub error: Option<TypeOf>,
    /// The types with a name in all these, by name.
    pub types: Vec<NamedType>,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, as an argument in JSON has it.
    pub name: String,
    /// Its type, or that of its items.
    pub of: TypeOf,
    /// Whether it is a stream, whose items follow the call.
    pub streams: bool,
}

/// A type, twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeOf {
    /// As the trait spells it: `Option<Mark>`.
    pub written: String,
    /// In the words of PROTOCOL.md, with the names of [`Description::types`]: `option<Mark>`. [`UNKNOWN`] stands for what a
    /// type does not tell.
    pub shape: String,
}

/// Where a procedure has streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CallKind {
    /// Nowhere.
    Unary,
    /// As its result.
    ServerStream,
    /// As an argument.
    ClientStream,
    /// As an argument and as its result.
    Bidirectional,
}
