//! A decoder of nothing: it makes values up and notes what was asked for.

use std::any::type_name;
use std::cmp::Reverse;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use super::UNKNOWN;
use super::access::{Choice, Elements, Entry, Named};
use super::types::{Holds, PartId, Types};
use crate::panics;

/// Decodes one value that nobody has written.
pub(super) struct Tracer<'t> {
    pub(super) types: &'t mut Types,
    /// What the value turned out to be; left as it is if all is known of it.
    pub(super) shape: &'t mut String,
    pub(super) aim: Aim,
}

/// What a value is made up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// To find out more.
    Explore,
    /// Because another needs it: the simplest will do.
    Fill,
}

/// A value that could not be made up. Nobody reads why: what was found out until then counts.
#[derive(Debug)]
pub(super) struct Refused;

/// Runs for one type at most: each finds out about one more variant or field.
const RUNS: usize = 1024;

/// Texts that a type may take which does not take every text: one a run.
const WORDS: [&str; 8] = ["", "a", "0", "a.b", "a:1", "127.0.0.1", "127.0.0.1:1", "2000-01-01T00:00:00Z"];

/// After so many runs that found nothing out, nothing more is to be expected.
const IN_VAIN: usize = WORDS.len();

/// The shape of `T`.
pub(super) fn trace<T: DeserializeOwned>(types: &mut Types) -> String {
    let (mut best, mut in_vain) = (UNKNOWN.to_owned(), 0);
    for _ in 0..RUNS {
        let before = types.knowledge();
        types.begin_run();
        let mut shape = UNKNOWN.to_owned();
        // It is the user's code, and these are values that it never saw.
        let tracer = Tracer { types: &mut *types, shape: &mut shape, aim: Aim::Explore };
        panics::catch(|| T::deserialize(tracer).map(drop)).ok();
        let better = said(&shape) > said(&best);
        in_vain = if better || types.knowledge() > before { 0 } else { in_vain + 1 };
        if better {
            best = shape;
        }
        if types.is_complete(&best) || in_vain >= IN_VAIN {
            break;
        }
    }
    best
}

/// How much a shape says: fewer gaps first, then more of it.
fn said(shape: &str) -> (Reverse<usize>, usize) {
    (Reverse(shape.matches(UNKNOWN).count()), shape.len())
}

impl<'t> Tracer<'t> {
    fn is(&mut self, shape: &str) -> Result<(), Refused> {
        if self.aim == Aim::Explore {
            shape.clone_into(self.shape);
        }
        if self.types.step() { Ok(()) } else { Err(Refused) }
    }

    /// Decodes the fields of a struct under the type's name.
    fn whole<R>(
        mut self,
        (id, name): (&'static str, &str),
        (holds, places): (Holds, &[&'static str]),
        decode: impl FnOnce(&mut Types, PartId, Aim) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let met = self.types.meet(id, name, false).ok_or(Refused)?;
        self.is(&self.types.name(met))?;
        let part = self.types.whole(met);
        self.types.list_places(part, holds, places.iter().copied());
        let aim = if self.types.open(met) { self.aim } else { Aim::Fill };
        let decoded = decode(self.types, part, aim);
        self.types.close();
        self.types.note_part(part, decoded.is_ok());
        decoded
    }

    /// Decodes several values of no name into a tuple's shape.
    fn unnamed<'de, V: Visitor<'de>>(mut self, length: usize, visitor: V) -> Result<V::Value, Refused> {
        self.is(UNKNOWN)?;
        let mut shapes = Vec::new();
        let elements = Elements::unnamed(self.types, &mut shapes, length, self.aim);
        let decoded = visitor.visit_seq(elements);
        if self.aim == Aim::Explore {
            shapes.resize(length.min(shapes.len() + MOST_UNKNOWN), UNKNOWN.to_owned());
            *self.shape = tuple(&shapes);
        }
        decoded
    }
}

/// Places behind one that was refused that are shown as unknown.
const MOST_UNKNOWN: usize = 16;

fn tuple(shapes: &[String]) -> String {
    match shapes {
        [] => "unit".to_owned(),
        [first, _, ..] if shapes.len() > 2 && shapes.iter().all(|shape| shape == first) => {
            format!("array<{first},{}>", shapes.len())
        }
        _ => format!("tuple<{}>", shapes.join(",")),
    }
}

macro_rules! plain {
    ($($deserialize:ident, $shape:literal => $visit:ident($($value:expr)?);)*) => {$(
        fn $deserialize<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
            self.is($shape)?;
            visitor.$visit($($value)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Refused;

    plain! {
        deserialize_bool, "bool" => visit_bool(false);
        deserialize_u8, "u8" => visit_u8(1);
        deserialize_u16, "u16" => visit_u16(1);
        deserialize_u32, "u32" => visit_u32(1);
        deserialize_u64, "u64" => visit_u64(1);
        deserialize_u128, "u128" => visit_u128(1);
        deserialize_i8, "i8" => visit_i8(1);
        deserialize_i16, "i16" => visit_i16(1);
        deserialize_i32, "i32" => visit_i32(1);
        deserialize_i64, "i64" => visit_i64(1);
        deserialize_i128, "i128" => visit_i128(1);
        deserialize_f32, "f32" => visit_f32(1.0);
        deserialize_f64, "f64" => visit_f64(1.0);
        deserialize_char, "char" => visit_char('a');
        deserialize_bytes, "bytes" => visit_bytes(&[]);
        deserialize_byte_buf, "bytes" => visit_byte_buf(Vec::new());
        deserialize_unit, "unit" => visit_unit();
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.is("string")?;
        visitor.visit_str(WORDS.get(self.types.run % WORDS.len()).unwrap_or(&""))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.is("option<?>")?;
        if self.aim == Aim::Fill {
            return visitor.visit_none();
        }
        let mut inner = UNKNOWN.to_owned();
        let decoded = visitor.visit_some(Tracer { types: self.types, shape: &mut inner, aim: self.aim });
        *self.shape = format!("option<{inner}>");
        decoded
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.is("seq<?>")?;
        let mut shapes = Vec::new();
        let length = usize::from(self.aim == Aim::Explore);
        let decoded = visitor.visit_seq(Elements::unnamed(self.types, &mut shapes, length, self.aim));
        if let Some(inner) = shapes.first() {
            *self.shape = format!("seq<{inner}>");
        }
        decoded
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.is("map<?,?>")?;
        let mut shapes = [UNKNOWN.to_owned(), UNKNOWN.to_owned()];
        let decoded = visitor.visit_map(Entry::new(self.types, &mut shapes, self.aim));
        if self.aim == Aim::Explore {
            *self.shape = format!("map<{}>", shapes.join(","));
        }
        decoded
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Refused> {
        self.unnamed(length, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.whole((type_name::<V::Value>(), name), (Holds::Nothing, &[]), |_, _, _| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.whole((type_name::<V::Value>(), name), (Holds::One, &["0"]), |types, part, aim| {
            let (mut shape, aim) =
                (UNKNOWN.to_owned(), if types.is_settled(part, 0) { Aim::Fill } else { aim });
            let decoded = visitor.visit_newtype_struct(Tracer { types: &mut *types, shape: &mut shape, aim });
            if aim == Aim::Explore {
                types.note_place(part, 0, shape);
            }
            decoded
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let places = vec![""; length];
        self.whole((type_name::<V::Value>(), name), (Holds::Places, &places), |types, part, aim| {
            visitor.visit_seq(Elements::of(types, part, length, aim))
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.whole((type_name::<V::Value>(), name), (Holds::Names, fields), |types, part, aim| {
            visitor.visit_map(Named::new(types, part, fields, aim))
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let met = self.types.meet(type_name::<V::Value>(), name, true).ok_or(Refused)?;
        self.is(&self.types.name(met))?;
        self.types.list_variants(met, variants);
        let outermost = self.types.open(met);
        let (index, aim) = match self.aim {
            Aim::Explore if outermost => self.types.variant(met).ok_or(Refused)?,
            _ => (self.types.simplest(met).ok_or(Refused)?, Aim::Fill),
        };
        let variant = variants.get(index).copied().ok_or(Refused)?;
        let part = PartId(met, index);
        let decoded = visitor.visit_enum(Choice { types: &mut *self.types, part, variant, aim });
        self.types.close();
        self.types.note_part(part, decoded.is_ok());
        decoded
    }

    /// A type that decides by what it finds: there is nothing to find.
    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Refused> {
        Err(Refused)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }
}

impl Error for Refused {
    fn custom<T: fmt::Display>(_message: T) -> Refused {
        Refused
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such value can be made up")
    }
}
