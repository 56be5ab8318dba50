//! The types with a name that tracing has met, and how much of each is known.

use std::collections::{BTreeSet, HashMap};

use super::tracer::Aim;
use super::{Field, Fields, Form, NamedType, UNKNOWN, Variant};

/// Types by the compiler's name for them, which two never share.
#[derive(Debug, Default)]
pub(crate) struct Types {
    met: Vec<Met>,
    by_id: HashMap<&'static str, usize>,
    /// Those that are being decoded right now, the outermost first.
    open: Vec<usize>,
    /// Counts runs, so that what failed in one is tried otherwise in the next.
    pub(super) run: usize,
    /// Values that were made up in this run.
    steps: usize,
}

/// A type and its parts: the fields of a struct, or the variants of an enum with theirs.
#[derive(Debug)]
struct Met {
    name: String,
    is_enum: bool,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    name: String,
    holds: Holds,
    places: Vec<Place>,
    /// It was decoded at least once.
    seen: bool,
    /// It was decoded without an error.
    worked: bool,
}

/// How the places of a part are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Nothing,
    One,
    Places,
    Names,
}

/// A place for a value inside a type.
#[derive(Debug)]
struct Place {
    name: String,
    shape: String,
    seen: bool,
}

/// Names a type in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(usize);

/// Names a part of a type: a variant, or all of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartId(pub(super) Id, pub(super) usize);

/// Types with a name in one description at most; a trait has a few dozen.
const TYPES: usize = 256;

/// Fields or variants of one type at most.
const PARTS: usize = 1024;

/// Values that are made up in one run at most.
const STEPS: usize = 20_000;

/// Types within each other at most.
const DEPTH: usize = 64;

impl Types {
    /// The types that were met, by name.
    pub(crate) fn into_named(self) -> Vec<NamedType> {
        let mut named: Vec<NamedType> = self.met.into_iter().map(Met::into_named).collect();
        named.sort_by(|a, b| a.name.cmp(&b.name));
        named
    }

    pub(super) fn begin_run(&mut self) {
        self.run += 1;
        self.steps = 0;
        self.open.clear();
    }

    /// Whether one more value may be made up.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps <= STEPS && self.open.len() <= DEPTH
    }

    /// The type of this id and, if it is new, this name; `None` past the limit.
    pub(super) fn meet(&mut self, id: &'static str, name: &str, is_enum: bool) -> Option<Id> {
        if let Some(known) = self.by_id.get(id) {
            return Some(Id(*known));
        }
        if self.met.len() >= TYPES {
            return None;
        }
        let name = self.free_name(id, name);
        let new = self.met.len();
        self.met.push(Met { name, is_enum, parts: Vec::new() });
        self.by_id.insert(id, new);
        Some(Id(new))
    }

    fn free_name(&self, id: &str, name: &str) -> String {
        let name = if id.contains('<') { without_modules(id) } else { name.to_owned() };
        let taken = |name: &str| self.met.iter().any(|met| met.name == name);
        if !taken(&name) {
            return name;
        }
        let numbered = (2..).map(|number| format!("{name}#{number}"));
        numbered.into_iter().find(|name| !taken(name)).unwrap_or(name)
    }

    pub(super) fn name(&self, id: Id) -> String {
        self.met.get(id.0).map_or_else(|| UNKNOWN.to_owned(), |met| met.name.clone())
    }

    /// Lists the variants of an enum, once.
    pub(super) fn list_variants(&mut self, id: Id, names: &[&str]) {
        if let Some(met) = self.met.get_mut(id.0).filter(|met| met.parts.is_empty()) {
            met.parts = names.iter().take(PARTS).map(|name| Part::new(name)).collect();
        }
    }

    /// The one part of a struct.
    pub(super) fn whole(&mut self, id: Id) -> PartId {
        if let Some(met) = self.met.get_mut(id.0).filter(|met| met.parts.is_empty()) {
            met.parts.push(Part::new(""));
        }
        PartId(id, 0)
    }

    /// Says what a part holds, once: so many places, with these names.
    pub(super) fn list_places<'n>(
        &mut self,
        part: PartId,
        holds: Holds,
        names: impl Iterator<Item = &'n str>,
    ) {
        if let Some(part) = self.part_mut(part).filter(|part| part.places.is_empty()) {
            let place = |name: &str| Place { name: name.to_owned(), shape: UNKNOWN.to_owned(), seen: false };
            part.holds = holds;
            part.places = names.take(PARTS).map(place).collect();
        }
    }

    /// A value of this type is begun; whether it stands in no other of its own.
    pub(super) fn open(&mut self, id: Id) -> bool {
        let outermost = !self.open.contains(&id.0);
        self.open.push(id.0);
        outermost
    }

    pub(super) fn close(&mut self) {
        self.open.pop();
    }

    /// What was found at a place; what is known of it better stays.
    pub(super) fn note_place(&mut self, part: PartId, index: usize, shape: String) {
        if let Some(place) = self.part_mut(part).and_then(|part| part.places.get_mut(index)) {
            place.seen = true;
            if gaps(&shape) <= gaps(&place.shape) {
                place.shape = shape;
            }
        }
    }

    pub(super) fn note_part(&mut self, part: PartId, worked: bool) {
        if let Some(part) = self.part_mut(part) {
            part.seen = true;
            part.worked |= worked;
        }
    }

    /// Whether nothing new can come of decoding this place again.
    pub(super) fn is_settled(&self, part: PartId, index: usize) -> bool {
        self.part(part).and_then(|part| part.places.get(index)).is_some_and(|place| self.settles(place))
    }

    /// Whether all is known of a type as it is written: it has no gap, and neither have the types that it names.
    pub(super) fn is_complete(&self, shape: &str) -> bool {
        self.completes(shape, &mut BTreeSet::new())
    }

    /// In which order the places of a part are tried: new ones, then those of which more may be found out, then the rest.
    pub(super) fn order(&self, part: PartId) -> Vec<usize> {
        let Some(part) = self.part(part) else { return Vec::new() };
        let length = part.places.len().max(1);
        let mut order: Vec<usize> = (0..part.places.len()).collect();
        order.sort_by_key(|index| match part.places.get(*index) {
            Some(place) if !place.seen => (0, *index),
            Some(place) if !self.settles(place) => (1, (index + self.run) % length),
            _ => (2, *index),
        });
        order
    }

    /// The variant to try next: a new one, one of which more may be found out, or else the simplest that works.
    pub(super) fn variant(&self, id: Id) -> Option<(usize, Aim)> {
        let met = self.met.get(id.0)?;
        let length = met.parts.len().max(1);
        let rank = |(index, part): &(usize, &Part)| {
            let open = !part.places.iter().all(|place| self.settles(place));
            match (part.seen, open) {
                (false, _) => (0, *index),
                (true, true) => (1, (index + self.run) % length),
                (true, false) => (if part.worked { 2 } else { 3 }, part.places.len()),
            }
        };
        let (index, part) = met.parts.iter().enumerate().min_by_key(rank)?;
        let settled = part.seen && part.places.iter().all(|place| self.settles(place));
        Some((index, if settled { Aim::Fill } else { Aim::Explore }))
    }

    /// The simplest variant of an enum of which all is known.
    pub(super) fn simplest(&self, id: Id) -> Option<usize> {
        let parts = self.met.get(id.0)?.parts.iter().enumerate();
        parts.min_by_key(|(_, part)| (!part.worked, part.places.len())).map(|(index, _)| index)
    }

    /// Grows whenever something was found out.
    pub(super) fn knowledge(&self) -> usize {
        let of_part = |part: &Part| {
            let places = part
                .places
                .iter()
                .map(|place| usize::from(place.seen) + usize::from(gaps(&place.shape) == 0));
            usize::from(part.seen) + usize::from(part.worked) + places.sum::<usize>()
        };
        let of_type = |met: &Met| 1 + met.parts.iter().map(of_part).sum::<usize>();
        self.met.iter().map(of_type).sum()
    }

    fn settles(&self, place: &Place) -> bool {
        place.seen && self.completes(&place.shape, &mut BTreeSet::new())
    }

    /// `passed` are types on the way, which are looked at already.
    fn completes(&self, shape: &str, passed: &mut BTreeSet<usize>) -> bool {
        if gaps(shape) > 0 {
            return false;
        }
        let named = self.met.iter().enumerate().filter(|(_, met)| mentions(shape, &met.name));
        for (index, met) in named {
            let known = |place: &Place, passed: &mut BTreeSet<usize>| {
                place.seen && self.completes(&place.shape, passed)
            };
            if passed.insert(index)
                && !met
                    .parts
                    .iter()
                    .all(|part| part.seen && part.places.iter().all(|place| known(place, passed)))
            {
                return false;
            }
        }
        true
    }

    fn part(&self, part: PartId) -> Option<&Part> {
        self.met.get(part.0.0)?.parts.get(part.1)
    }

    fn part_mut(&mut self, part: PartId) -> Option<&mut Part> {
        self.met.get_mut(part.0.0)?.parts.get_mut(part.1)
    }
}

impl Part {
    fn new(name: &str) -> Part {
        Part { name: name.to_owned(), holds: Holds::Nothing, places: Vec::new(), seen: false, worked: false }
    }

    fn fields(self) -> Fields {
        let field = |place: Place| Field { name: place.name, shape: place.shape };
        let mut places = self.places.into_iter();
        match self.holds {
            Holds::Nothing => Fields::None,
            Holds::One => places.next().map_or(Fields::None, |place| Fields::One(place.shape)),
            Holds::Places => Fields::Places(places.map(|place| place.shape).collect()),
            Holds::Names => Fields::Named(places.map(field).collect()),
        }
    }
}

impl Met {
    fn into_named(self) -> NamedType {
        let Met { name, is_enum, parts } = self;
        let mut parts = parts.into_iter();
        let form = if is_enum {
            let variant = |part: Part| Variant { name: part.name.clone(), fields: part.fields() };
            Form::Enum(parts.map(variant).collect())
        } else {
            Form::Struct(parts.next().map_or(Fields::None, Part::fields))
        };
        NamedType { name, form }
    }
}

/// How many parts of a type are unknown.
fn gaps(shape: &str) -> usize {
    shape.matches(UNKNOWN).count()
}

/// Whether a type has this name in it, and not as a part of another name.
fn mentions(shape: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '#';
    shape.match_indices(name).any(|(at, found)| {
        let before = shape.get(..at).and_then(|text| text.chars().next_back());
        let after = shape.get(at + found.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// A type's name without the modules before each of its words.
fn without_modules(path: &str) -> String {
    let mut short = String::new();
    let mut word = 0;
    let mut rest = path;
    while let Some(next) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("::") {
            short.truncate(word);
            rest = behind;
            continue;
        }
        short.push(next);
        if !(next.is_alphanumeric() || next == '_') {
            word = short.len();
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    short
}
