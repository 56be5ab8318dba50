//! A procedure as its trait declares it.

pub use crate::shape::Shape;

/// One procedure as its trait declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Procedure {
    /// The name on the wire and in the binder: the method's name, or `prefix.method`. 1 to 255 bytes.
    pub name: &'static str,
    /// Where the method has streams.
    pub kind: Kind,
    /// What may happen to a call whose answer was lost.
    pub repetition: Repetition,
    /// The method's documentation.
    pub doc: &'static str,
    /// The method's arguments in their order, a stream among them included. A service that is written by hand may name
    /// none: then arguments in JSON come without names.
    pub parameters: &'static [Parameter],
    /// The types of its result, or of the items of the stream that it returns, and of its error; if it says so.
    pub outcomes: Option<[Shape; 2]>,
}

/// One argument of a [`Procedure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name in the trait.
    pub name: &'static str,
    /// How it is sent.
    pub passage: Passage,
    /// Its type, or that of its items.
    pub shape: Shape,
}

/// How an argument reaches its procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// In the call itself, with the others.
    Value,
    /// Item by item behind the call.
    Stream,
}

/// Where a method has a [`Stream`](crate::Stream).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nowhere.
    Unary,
    /// As its result.
    ServerStream,
    /// As an argument.
    ClientStream,
    /// As an argument and as its result.
    Bidirectional,
}

/// Whether a call that may have run can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Only a call that certainly did not run is tried again.
    Once,
    /// The trait marks the method `#[idempotent]`: running it twice is as good as once.
    Idempotent,
}

impl Procedure {
    /// A procedure that is called `name`, is not to be repeated, and says nothing of its arguments.
    pub const fn new(name: &'static str, kind: Kind) -> Procedure {
        Procedure { name, kind, repetition: Repetition::Once, doc: "", parameters: &[], outcomes: None }
    }

    /// The same procedure, which may run twice.
    #[must_use]
    pub const fn idempotent(self) -> Procedure {
        Procedure { repetition: Repetition::Idempotent, ..self }
    }

    /// The same procedure with this documentation.
    #[must_use]
    pub const fn documented(self, doc: &'static str) -> Procedure {
        Procedure { doc, ..self }
    }

    /// The same procedure with these arguments.
    #[must_use]
    pub const fn taking(self, parameters: &'static [Parameter]) -> Procedure {
        Procedure { parameters, ..self }
    }

    /// The same procedure with a result, or items, of the first type, and errors of the second.
    #[must_use]
    pub const fn giving(self, result: Shape, error: Shape) -> Procedure {
        Procedure { outcomes: Some([result, error]), ..self }
    }

    /// The names of the arguments that come in the call itself.
    pub(crate) fn values(&self) -> impl Iterator<Item = &'static str> + use<> {
        let values = self.parameters.iter().filter(|parameter| parameter.passage == Passage::Value);
        values.map(|parameter| parameter.name)
    }
}

impl Parameter {
    /// An argument that comes in the call itself.
    pub const fn value(name: &'static str, shape: Shape) -> Parameter {
        Parameter { name, passage: Passage::Value, shape }
    }

    /// An argument whose items come behind the call.
    pub const fn stream(name: &'static str, shape: Shape) -> Parameter {
        Parameter { name, passage: Passage::Stream, shape }
    }
}

impl Kind {
    /// Whether the caller sends a stream.
    pub(crate) fn takes_stream(self) -> bool {
        matches!(self, Kind::ClientStream | Kind::Bidirectional)
    }
}
