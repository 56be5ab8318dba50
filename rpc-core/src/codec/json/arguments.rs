//! The arguments of a procedure: an object by name, or an array in order.
//!
//! First the arguments are told apart, undecoded, each in its place; then the procedure's tuple takes them one after the
//! other. So the order in an object does not matter, and every complaint names its argument.

use std::fmt;

use serde::de::value::UnitDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;
use serde_json::value::RawValue;

use super::{DecodeError, malformed};

/// The tuple of the arguments that are called `names`, in this order. One that is left out of an object is `None` if its
/// type has that.
pub(crate) fn decode_arguments<A: DeserializeOwned>(bytes: &[u8], names: &[&str]) -> Result<A, DecodeError> {
    let decoded = match names {
        [] if is_empty(bytes) => A::deserialize(UnitDeserializer::new()),
        [] => decode_unnamed(bytes),
        names => decode_named(bytes, names),
    };
    decoded.map_err(|error| malformed(&error))
}

fn decode_named<A: DeserializeOwned>(bytes: &[u8], names: &[&str]) -> Result<A, Error> {
    let mut document = serde_json::Deserializer::from_slice(bytes);
    let given = document.deserialize_any(Sorting(names))?;
    document.end()?;
    A::deserialize(given)
}

/// There are none to give, or a service written by hand knows them.
fn decode_unnamed<A: DeserializeOwned>(bytes: &[u8]) -> Result<A, Error> {
    let decoded: Result<A, Error> = serde_json::from_slice(bytes);
    let takes_none = || A::deserialize(UnitDeserializer::<Error>::new()).is_ok();
    match decoded {
        Err(error) if error.is_data() && takes_none() => {
            Err(Error::custom("there are no arguments; none are written as {}, [], null or nothing"))
        }
        decoded => decoded,
    }
}

/// Whether a document is nothing, `null`, or an object or array with nothing inside.
fn is_empty(document: &[u8]) -> bool {
    match document.trim_ascii() {
        b"" | b"null" => true,
        [b'{', inside @ .., b'}'] | [b'[', inside @ .., b']'] => inside.trim_ascii().is_empty(),
        _ => false,
    }
}

/// Puts each argument into its place.
struct Sorting<'n>(&'n [&'n str]);

/// Arguments in the order of their names, as far as they were given.
struct Given<'n, 'de> {
    names: &'n [&'n str],
    values: std::vec::IntoIter<Option<&'de RawValue>>,
}

impl<'n> Sorting<'n> {
    fn given<'de>(&self, values: Vec<Option<&'de RawValue>>) -> Given<'n, 'de> {
        Given { names: self.0, values: values.into_iter() }
    }
}

impl<'n, 'de> Visitor<'de> for Sorting<'n> {
    type Value = Given<'n, 'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the arguments as an object by their names, or as an array: {}", Listed(self.0))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut pairs: M) -> Result<Given<'n, 'de>, M::Error> {
        let mut values = vec![None; self.0.len()];
        while let Some(key) = pairs.next_key::<String>()? {
            let index = self.0.iter().position(|name| *name == key);
            let Some(place) = index.and_then(|index| values.get_mut(index)) else {
                let shown: String = key.chars().take(SHOWN).collect();
                let message = format!("there is no argument {shown:?}; the arguments are {}", Listed(self.0));
                return Err(M::Error::custom(message));
            };
            if place.replace(pairs.next_value::<&RawValue>()?).is_some() {
                return Err(M::Error::custom(format!("the argument {key:?} came twice")));
            }
        }
        Ok(self.given(values))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Given<'n, 'de>, S::Error> {
        let mut values = Vec::with_capacity(self.0.len());
        while let Some(value) = elements.next_element::<&RawValue>()? {
            if values.len() == self.0.len() {
                let message = format!("more arguments came than there are: {}", Listed(self.0));
                return Err(S::Error::custom(message));
            }
            values.push(Some(value));
        }
        if values.len() < self.0.len() {
            let message = format!("{} arguments came in an array of {}", values.len(), Listed(self.0));
            return Err(S::Error::custom(message));
        }
        Ok(self.given(values))
    }
}

impl<'de> Deserializer<'de> for Given<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Given<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let index = self.names.len() - self.values.len();
        let (Some(value), Some(name)) = (self.values.next(), self.names.get(index)) else { return Ok(None) };
        let Some(value) = value else {
            return seed.deserialize(Missing { name, names: self.names }).map(Some);
        };
        let decoded = seed.deserialize(&mut serde_json::Deserializer::from_str(value.get()));
        let refusal = |error| Error::custom(format!("the argument {name:?}: {}", unplaced(&error)));
        decoded.map(Some).map_err(refusal)
    }
}

/// What an error says without its place, which counts from where its argument begins and not the document.
fn unplaced(error: &Error) -> String {
    let (sentence, place) =
        (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    sentence.strip_suffix(&place).map_or_else(|| sentence.clone(), str::to_owned)
}

/// An argument that was left out.
struct Missing<'n> {
    name: &'n str,
    names: &'n [&'n str],
}

impl<'de> Deserializer<'de> for Missing<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        let Missing { name, names } = self;
        Err(Error::custom(format!("the argument {name:?} is missing; the arguments are {}", Listed(names))))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Names with commas between them.
struct Listed<'n>(&'n [&'n str]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Characters that are shown of a name that is none.
const SHOWN: usize = 64;
