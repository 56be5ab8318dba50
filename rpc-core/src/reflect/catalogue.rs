//! The procedures of one server, described when somebody asks.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::OnceLock;

use super::{CallKind, Description, Page, Parameter, Reflection, Summary, TypeOf};
use crate::service::{Kind, Passage, Procedure, Repetition, Shape};
use crate::shape::Types;
use crate::status::Status;

/// Procedures by name.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(BTreeMap<&'static str, Entry>);

#[derive(Debug)]
struct Entry {
    service: &'static str,
    procedure: &'static Procedure,
    /// Made when first asked for: to trace types costs many times what a call does.
    description: OnceLock<Description>,
}

/// Procedures of one page: with 200 bytes each that is less than the smallest frame.
const PAGE: usize = 256;

/// A summary is so long at most, in characters.
const LINE: usize = 120;

impl Catalogue {
    /// Procedures with the names of their services.
    pub(crate) fn of(procedures: impl Iterator<Item = (&'static str, &'static Procedure)>) -> Catalogue {
        let entry = |(service, procedure): (_, &'static Procedure)| {
            (procedure.name, Entry { service, procedure, description: OnceLock::new() })
        };
        Catalogue(procedures.map(entry).collect())
    }
}

impl Reflection for Catalogue {
    fn procedures(&self, after: Option<String>) -> Result<Page, Status> {
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut behind = self.0.range::<str, _>((from, Bound::Unbounded));
        let summaries = behind.by_ref().take(PAGE).map(|(_, entry)| summary(entry.service, entry.procedure));
        Ok(Page { procedures: summaries.collect(), more: behind.next().is_some() })
    }

    fn describe(&self, procedure: String) -> Result<Description, Status> {
        let Some(entry) = self.0.get(procedure.as_str()) else {
            let shown: String = procedure.chars().take(LINE).collect();
            return Err(Status::not_found(format!("this server has no procedure {shown:?}")));
        };
        let make = || description(entry.service, entry.procedure);
        Ok(entry.description.get_or_init(make).clone())
    }
}

fn summary(service: &str, procedure: &Procedure) -> Summary {
    Summary {
        name: procedure.name.to_owned(),
        service: service.to_owned(),
        kind: procedure.kind.into(),
        idempotent: procedure.repetition == Repetition::Idempotent,
        doc: first_sentence(procedure.doc),
    }
}

/// The first sentence of a documentation, on one line; of a long one the beginning.
fn first_sentence(doc: &str) -> String {
    let paragraph = doc.trim_start().lines().take_while(|line| !line.trim().is_empty());
    let text = paragraph.map(str::trim).collect::<Vec<_>>().join(" ");
    let end = text.find(". ").map_or(text.len(), |end| end + 1);
    let sentence = text.get(..end).unwrap_or_default();
    if sentence.chars().count() <= LINE {
        return sentence.to_owned();
    }
    sentence.chars().take(LINE - 1).chain(['…']).collect()
}

fn description(service: &str, procedure: &Procedure) -> Description {
    let mut types = Types::default();
    let mut type_of =
        |shape: &Shape| TypeOf { written: shape.written.to_owned(), shape: shape.trace(&mut types) };
    let parameters = procedure.parameters.iter().map(|parameter| Parameter {
        name: parameter.name.to_owned(),
        of: type_of(&parameter.shape),
        streams: parameter.passage == Passage::Stream,
    });
    let parameters = parameters.collect();
    let [result, error] = match &procedure.outcomes {
        Some([result, error]) => [Some(type_of(result)), Some(type_of(error))],
        None => [None, None],
    };
    Description {
        name: procedure.name.to_owned(),
        service: service.to_owned(),
        kind: procedure.kind.into(),
        idempotent: procedure.repetition == Repetition::Idempotent,
        doc: procedure.doc.to_owned(),
        parameters,
        result,
        error,
        types: types.into_named(),
    }
}

impl From<Kind> for CallKind {
    fn from(kind: Kind) -> CallKind {
        match kind {
            Kind::Unary => CallKind::Unary,
            Kind::ServerStream => CallKind::ServerStream,
            Kind::ClientStream => CallKind::ClientStream,
            Kind::Bidirectional => CallKind::Bidirectional,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn catalogue(count: usize) -> Catalogue {
        let made = |number: usize| -> &'static Procedure {
            Box::leak(Box::new(Procedure::new(format!("p{number:04}").leak(), Kind::Unary)))
        };
        Catalogue::of((0..count).map(|number| ("S", made(number))))
    }

    #[track_caller]
    fn check_pages(count: usize, expected: &[usize]) {
        let (catalogue, mut after, mut names, mut lengths) = (catalogue(count), None, Vec::new(), Vec::new());
        loop {
            let page = catalogue.procedures(after).unwrap();
            lengths.push(page.procedures.len());
            names.extend(page.procedures.into_iter().map(|summary| summary.name));
            if !page.more {
                break;
            }
            after = names.last().cloned();
        }
        assert_eq!(lengths, expected);
        assert!(names.is_sorted() && names.len() == count);
    }

    #[test]
    fn a_list_comes_in_pages_and_says_where_it_ends() {
        check_pages(0, &[0]);
        check_pages(PAGE, &[PAGE]);
        check_pages(PAGE + 1, &[PAGE, 1]);
        check_pages(3 * PAGE, &[PAGE; 3]);
    }

    #[test]
    fn what_comes_behind_a_name_that_is_none_is_listed() {
        let page = catalogue(3).procedures(Some("p0000~".to_owned())).unwrap();
        assert_eq!(
            page.procedures.iter().map(|summary| summary.name.as_str()).collect::<Vec<_>>(),
            ["p0001", "p0002"]
        );
    }

    #[test]
    fn a_summary_is_the_first_sentence_of_the_documentation() {
        let check = |doc: &str, expected: &str| assert_eq!(first_sentence(doc), expected);
        check("", "");
        check("Adds.\n\nAnd more.", "Adds.");
        check("Says that the caller\nwill end. Soon.", "Says that the caller will end.");
        check(&"x".repeat(LINE), &"x".repeat(LINE));
        check(&"é".repeat(LINE + 1), &("é".repeat(LINE - 1) + "…"));
    }

    /// Each call of `rpc.describe` once traced the types anew, 0.8 ms of a server's time for whoever asked.
    #[test]
    fn a_procedure_is_described_once_however_often_it_is_asked_for() {
        static TRACED: AtomicUsize = AtomicUsize::new(0);
        struct Traced;
        impl<'de> serde::Deserialize<'de> for Traced {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Traced, D::Error> {
                TRACED.fetch_add(1, Ordering::Relaxed);
                u8::deserialize(from).map(|_| Traced)
            }
        }
        static PARAMETERS: [crate::service::Parameter; 1] =
            [crate::service::Parameter::value("one", Shape::of::<Traced>("Traced"))];
        static PROCEDURE: Procedure = Procedure::new("p", Kind::Unary).taking(&PARAMETERS);
        let catalogue = Catalogue::of([("S", &PROCEDURE)].into_iter());
        let first = catalogue.describe("p".to_owned()).unwrap();
        let traced = TRACED.load(Ordering::Relaxed);
        assert!(traced > 0);
        assert_eq!(catalogue.describe("p".to_owned()).unwrap(), first);
        assert_eq!(TRACED.load(Ordering::Relaxed), traced);
    }

    #[test]
    fn a_procedure_that_is_not_there_is_not_found() {
        let refused = catalogue(1).describe("p".repeat(10_000)).unwrap_err();
        assert_eq!(refused.code(), crate::status::Code::NotFound);
        assert!(refused.message().len() < 200);
    }
}
