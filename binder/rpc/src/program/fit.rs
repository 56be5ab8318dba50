//! Whether an item of a stream can be what the procedure takes, and if not, what is wrong where in it.
//!
//! Only what is sure to be refused is told: a kind of JSON that a shape is never written in, a number out of its range, an array
//! of another length. The rest, such as names that a type may have other words for, is the server's to judge.

use std::iter;

use rpc_core::Json;
use rpc_core::reflect::{Description, Fields, Form, NamedType};
use serde_json::Value;

/// What the items of a procedure's stream must be.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    shape: String,
    types: Vec<NamedType>,
}

/// What cannot be part of what the procedure takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Misfit {
    /// From the item on, the last step first: `.text`, `[3]`. Empty for the item itself.
    steps: Vec<String>,
    found: String,
    shape: String,
}

impl Fit {
    /// Of the stream that the procedure takes, if it takes one.
    pub(super) fn of(description: &Description) -> Option<Fit> {
        let stream = description.parameters.iter().find(|parameter| parameter.streams)?;
        Some(Fit { shape: stream.of.shape.clone(), types: description.types.clone() })
    }

    /// What is wrong with the item of this number, in a sentence; `None` if it may fit.
    pub(super) fn misfit(&self, number: u64, document: &Json) -> Option<String> {
        let document: Value = serde_json::from_str(document.as_str()).ok()?;
        let Misfit { steps, found, shape } = self.judge(&document, &self.shape, DEEPEST)?;
        if steps.is_empty() {
            return Some(format!("item {number} is {found}, and the procedure takes a stream of {shape}"));
        }
        let place: String = steps.into_iter().rev().collect();
        Some(format!("{place} in item {number} is {found}, and the procedure takes {shape} there"))
    }

    /// `left` is how many shapes may still be gone into: a type may stand within itself.
    fn judge(&self, value: &Value, shape: &str, left: usize) -> Option<Misfit> {
        let left = left.checked_sub(1)?;
        if let Some(named) = self.types.iter().find(|named| named.name == shape) {
            return match &named.form {
                Form::Struct(fields) => self.fields(value, fields, shape, left),
                Form::Enum(_) if value.is_string() => None,
                Form::Enum(variants) => {
                    let Some(object) = value.as_object() else { return Some(Misfit::of(value, shape)) };
                    let known = |name: &str| variants.iter().find(|variant| variant.name == name);
                    let mut chosen =
                        object.iter().filter_map(|(name, value)| Some((name, value, known(name)?)));
                    chosen.find_map(|(name, value, variant)| {
                        Some(self.fields(value, &variant.fields, shape, left)?.within(format!(".{name}")))
                    })
                }
            };
        }
        let (outside, inside) = parts(shape);
        match (outside, inside.as_slice()) {
            ("option", [_]) if value.is_null() => None,
            ("option", [inside]) => self.judge(value, inside, left),
            ("seq", [inside]) => self.elements(value, iter::repeat(*inside), shape, left),
            ("array", [inside, length]) => {
                let length = length.parse().ok()?;
                self.places(value, iter::repeat_n(*inside, length), shape, left)
            }
            ("tuple", inside) => self.places(value, inside.iter().copied(), shape, left),
            ("map", [_, inside]) => match value.as_object() {
                None => Some(Misfit::of(value, shape)),
                Some(object) => object.iter().find_map(|(key, value)| {
                    Some(self.judge(value, inside, left)?.within(format!(".{key}")))
                }),
            },
            _ => (!is_plain(value, shape)).then(|| Misfit::of(value, shape)),
        }
    }

    fn fields(&self, value: &Value, fields: &Fields, shape: &str, left: usize) -> Option<Misfit> {
        match (fields, value) {
            (Fields::None, Value::Null) => None,
            (Fields::One(inside), value) => self.judge(value, inside, left),
            (Fields::Places(places), value) => {
                self.places(value, places.iter().map(String::as_str), shape, left)
            }
            (Fields::Named(fields), Value::Object(object)) => fields.iter().find_map(|field| {
                let misfit = self.judge(object.get(&field.name)?, &field.shape, left)?;
                Some(misfit.within(format!(".{}", field.name)))
            }),
            // Fields go by their places, too; those at the end may be left out, if the type says so.
            (Fields::Named(fields), value) => {
                self.elements(value, fields.iter().map(|field| field.shape.as_str()), shape, left)
            }
            (Fields::None, value) => Some(Misfit::of(value, shape)),
        }
    }

    /// As many as there are shapes. How many that is a server says: nothing is made of it.
    fn places<'s>(
        &self,
        value: &Value,
        shapes: impl ExactSizeIterator<Item = &'s str>,
        shape: &str,
        left: usize,
    ) -> Option<Misfit> {
        if value.as_array().is_none_or(|elements| elements.len() != shapes.len()) {
            return Some(Misfit::of(value, shape));
        }
        self.elements(value, shapes, shape, left)
    }

    fn elements<'s>(
        &self,
        value: &Value,
        shapes: impl Iterator<Item = &'s str>,
        shape: &str,
        left: usize,
    ) -> Option<Misfit> {
        let Some(elements) = value.as_array() else { return Some(Misfit::of(value, shape)) };
        elements
            .iter()
            .zip(shapes)
            .enumerate()
            .find_map(|(at, (value, shape))| Some(self.judge(value, shape, left)?.within(format!("[{at}]"))))
    }
}

impl Misfit {
    fn of(value: &Value, shape: &str) -> Misfit {
        let found = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) if is_integer(shape) => format!("the number {number}"),
            Value::Number(_) => "a number".to_owned(),
            Value::String(_) => "a string".to_owned(),
            Value::Array(elements) => format!("an array of {}", elements.len()),
            Value::Object(_) => "an object".to_owned(),
        };
        Misfit { steps: Vec::new(), found, shape: shape.to_owned() }
    }

    fn within(mut self, step: String) -> Misfit {
        self.steps.push(step);
        self
    }
}

/// The outside of a shape, and the shapes in it: `map<u8,seq<u8>>` is `map` with `u8` and `seq<u8>`.
fn parts(shape: &str) -> (&str, Vec<&str>) {
    let Some((outside, inside)) = shape.split_once('<').filter(|_| shape.ends_with('>')) else {
        return (shape, Vec::new());
    };
    let (mut depth, mut parts, mut rest) = (0_usize, Vec::new(), inside);
    for (at, letter) in inside.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' | ',' if depth == 0 => {
                let begun = inside.len() - rest.len();
                parts.extend(inside.get(begun..at));
                rest = inside.get(at + 1..).unwrap_or_default();
            }
            '>' => depth -= 1,
            _ => {}
        }
    }
    (outside, parts)
}

/// Whether a shape without others in it may be written so; what is not known may.
fn is_plain(value: &Value, shape: &str) -> bool {
    match shape {
        "unit" => value.is_null(),
        "bool" => value.is_boolean(),
        "u8" => fits::<u8>(value),
        "u16" => fits::<u16>(value),
        "u32" => fits::<u32>(value),
        "u64" => fits::<u64>(value),
        "i8" => fits::<i8>(value),
        "i16" => fits::<i16>(value),
        "i32" => fits::<i32>(value),
        "i64" => fits::<i64>(value),
        "u128" | "i128" | "f32" | "f64" => value.is_number(),
        "string" => value.is_string(),
        "char" => value.as_str().is_some_and(|text| text.chars().count() == 1),
        "bytes" => {
            value.as_array().map_or(value.is_string(), |bytes| bytes.iter().all(|byte| is_plain(byte, "u8")))
        }
        _ => true,
    }
}

fn fits<T: TryFrom<i128>>(value: &Value) -> bool {
    let number = value.as_u64().map(i128::from).or_else(|| value.as_i64().map(i128::from));
    number.is_some_and(|number| T::try_from(number).is_ok())
}

fn is_integer(shape: &str) -> bool {
    shape.starts_with(['u', 'i']) && shape.ends_with(|last: char| last.is_ascii_digit())
}

/// Shapes within each other that are gone into: as many as the levels of a document that the codec reads.
const DEEPEST: usize = 127;

#[cfg(test)]
mod tests;
