//! What a type with parts takes its parts from.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::UNKNOWN;
use super::tracer::{Aim, Refused, Tracer};
use super::types::{Holds, PartId, Types};

/// Elements in order: of a part of a type, or of what has no name.
pub(super) struct Elements<'t> {
    types: &'t mut Types,
    into: Into<'t>,
    next: usize,
    length: usize,
    aim: Aim,
}

/// Where the shapes of elements are kept.
enum Into<'t> {
    Shapes(&'t mut Vec<String>),
    Part(PartId),
}

impl<'t> Elements<'t> {
    pub(super) fn unnamed(
        types: &'t mut Types,
        shapes: &'t mut Vec<String>,
        length: usize,
        aim: Aim,
    ) -> Elements<'t> {
        Elements { types, into: Into::Shapes(shapes), next: 0, length, aim }
    }

    pub(super) fn of(types: &'t mut Types, part: PartId, length: usize, aim: Aim) -> Elements<'t> {
        Elements { types, into: Into::Part(part), next: 0, length, aim }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.next >= self.length {
            return Ok(None);
        }
        let index = self.next;
        self.next += 1;
        match &mut self.into {
            Into::Part(part) => place(self.types, *part, index, self.aim, seed).map(Some),
            Into::Shapes(shapes) => {
                let mut shape = UNKNOWN.to_owned();
                let decoded =
                    seed.deserialize(Tracer { types: self.types, shape: &mut shape, aim: self.aim });
                if self.aim == Aim::Explore {
                    shapes.push(shape);
                }
                decoded.map(Some)
            }
        }
    }
}

/// Decodes the value at one place of a type, and notes what it is.
fn place<'de, S: DeserializeSeed<'de>>(
    types: &mut Types,
    part: PartId,
    index: usize,
    aim: Aim,
    seed: S,
) -> Result<S::Value, Refused> {
    let aim = if types.is_settled(part, index) { Aim::Fill } else { aim };
    let mut shape = UNKNOWN.to_owned();
    let decoded = seed.deserialize(Tracer { types: &mut *types, shape: &mut shape, aim });
    if aim == Aim::Explore {
        types.note_place(part, index, shape);
    }
    decoded
}

/// Fields by name, those first of which least is known: what is refused ends the struct.
pub(super) struct Named<'t> {
    types: &'t mut Types,
    part: PartId,
    fields: &'static [&'static str],
    order: std::vec::IntoIter<usize>,
    now: usize,
    aim: Aim,
}

impl<'t> Named<'t> {
    pub(super) fn new(
        types: &'t mut Types,
        part: PartId,
        fields: &'static [&'static str],
        aim: Aim,
    ) -> Named<'t> {
        let order = types.order(part).into_iter();
        Named { types, part, fields, order, now: 0, aim }
    }
}

impl<'de> MapAccess<'de> for Named<'_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        let Some(index) = self.order.next() else { return Ok(None) };
        self.now = index;
        let name = self.fields.get(index).ok_or(Refused)?;
        let key: StrDeserializer<'_, Refused> = name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        place(self.types, self.part, self.now, self.aim, seed)
    }
}

/// One entry of a map; none if it is only to be there.
pub(super) struct Entry<'t> {
    types: &'t mut Types,
    shapes: &'t mut [String; 2],
    given: bool,
    aim: Aim,
}

impl<'t> Entry<'t> {
    pub(super) fn new(types: &'t mut Types, shapes: &'t mut [String; 2], aim: Aim) -> Entry<'t> {
        Entry { types, shapes, given: aim == Aim::Fill, aim }
    }
}

impl<'de> MapAccess<'de> for Entry<'_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if std::mem::replace(&mut self.given, true) {
            return Ok(None);
        }
        let [shape, _] = &mut *self.shapes;
        seed.deserialize(Tracer { types: self.types, shape, aim: self.aim }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let [_, shape] = &mut *self.shapes;
        seed.deserialize(Tracer { types: self.types, shape, aim: self.aim })
    }
}

/// One variant of an enum.
pub(super) struct Choice<'t> {
    pub(super) types: &'t mut Types,
    pub(super) part: PartId,
    pub(super) variant: &'static str,
    pub(super) aim: Aim,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let name: StrDeserializer<'_, Refused> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        self.types.list_places(self.part, Holds::One, [""].into_iter());
        place(self.types, self.part, 0, self.aim, seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Refused> {
        self.types.list_places(self.part, Holds::Places, std::iter::repeat_n("", length));
        visitor.visit_seq(Elements::of(self.types, self.part, length, self.aim))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.types.list_places(self.part, Holds::Names, fields.iter().copied());
        visitor.visit_map(Named::new(self.types, self.part, fields, self.aim))
    }
}
