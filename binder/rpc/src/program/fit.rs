//! Whether an item of a stream can be what the procedure takes, told from the outside of both: of which kind of JSON a
//! shape is. What is inside is the server's to read.

use rpc_core::Json;
use rpc_core::reflect::{Description, Fields, Form};

/// What the items of a procedure's stream must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    shape: String,
    kinds: &'static [Kind],
}

/// Kinds of JSON, told apart by the first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

impl Fit {
    /// Of the stream that the procedure takes; `None` where its shape does not tell a kind.
    pub(super) fn of(description: &Description) -> Option<Fit> {
        let stream = description.parameters.iter().find(|parameter| parameter.streams)?;
        let shape = &stream.of.shape;
        let named = description.types.iter().find(|named| named.name == *shape);
        let kinds: &'static [Kind] = match named.map(|named| &named.form) {
            // Fields go by name or by place.
            Some(Form::Struct(Fields::Named(_))) => &[Kind::Object, Kind::Array],
            Some(Form::Struct(_)) => return None,
            Some(Form::Enum(_)) => &[Kind::Text, Kind::Object],
            None => kinds(shape)?,
        };
        Some(Fit { shape: shape.clone(), kinds })
    }

    /// What the document is, and what it should be; `None` if it may fit.
    pub(super) fn misfit(&self, document: &Json) -> Option<String> {
        let kind = Kind::of(document)?;
        let shape = &self.shape;
        (!self.kinds.contains(&kind))
            .then(|| format!("{}, and the procedure takes a stream of {shape}", kind.name()))
    }
}

/// Of a shape without a name of its own.
fn kinds(shape: &str) -> Option<&'static [Kind]> {
    let outside = shape.split_once('<').map_or(shape, |(outside, _)| outside);
    Some(match outside {
        "bool" => &[Kind::Bool],
        "u8" | "u16" | "u32" | "u64" | "u128" | "i8" | "i16" | "i32" | "i64" | "i128" => &[Kind::Number],
        "string" | "char" => &[Kind::Text],
        "seq" | "array" => &[Kind::Array],
        "map" => &[Kind::Object],
        "unit" => &[Kind::Null],
        _ => return None,
    })
}

impl Kind {
    fn of(document: &Json) -> Option<Kind> {
        Some(match document.as_str().bytes().next()? {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'"' => Kind::Text,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => Kind::Number,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "true or false",
            Kind::Number => "a number",
            Kind::Text => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfit(shape: &str, document: &str) -> Option<String> {
        let fit = Fit { shape: shape.to_owned(), kinds: kinds(shape).unwrap() };
        fit.misfit(&document.parse().unwrap())
    }

    #[test]
    fn an_item_of_another_kind_is_told_before_it_is_sent() {
        let told = misfit("string", "5");
        assert_eq!(told.as_deref(), Some("a number, and the procedure takes a stream of string"));
        assert!(misfit("seq<string>", "{}").is_some() && misfit("u64", "\"5\"").is_some());
    }

    #[test]
    fn what_may_fit_is_left_to_the_server() {
        for (shape, document) in [("u8", "-1"), ("string", "\"\""), ("seq<u8>", "[{}]"), ("map<u8,u8>", "{}")]
        {
            assert_eq!(misfit(shape, document), None, "{shape} {document}");
        }
        for shape in ["option<u8>", "bytes", "f64", "?", "tuple<u8>"] {
            assert_eq!(kinds(shape), None);
        }
    }
}
