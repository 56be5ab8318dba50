//! The result of a method: `Result<T, E>`, written out.

use syn::{GenericArgument, PathSegment, ReturnType, Signature, Type};

use super::types;
use crate::checks::{self, Refusals};

/// What a call comes back with.
pub(crate) struct Outcome {
    /// The whole type as the user spells it.
    pub(crate) spelled: Type,
    pub(crate) value: Type,
    pub(crate) error: Type,
    /// Whether the value is a stream.
    pub(crate) streams: bool,
}

impl Outcome {
    /// Reads the result of `signature`, or refuses it and returns `None`.
    pub(super) fn read(signature: &Signature, refusals: &mut Refusals) -> Option<Self> {
        let ReturnType::Type(_, spelled) = &signature.output else {
            refusals.add(&signature.ident, always(FORM));
            return None;
        };
        match parameters(spelled) {
            Ok([value, error]) => {
                let stream = types::stream(value);
                checks::travels(spelled, stream, refusals);
                Some(Self {
                    spelled: (**spelled).clone(),
                    value: value.clone(),
                    error: error.clone(),
                    streams: stream.is_some(),
                })
            }
            Err(fault) => {
                checks::travels(spelled, types::stream(spelled), refusals);
                refusals.add(spelled, fault);
                None
            }
        }
    }
}

fn parameters(spelled: &Type) -> Result<[&Type; 2], String> {
    let segment = result_segment(spelled).ok_or_else(|| match types::stream(spelled) {
        Some(_) => always(STREAM_FORM),
        None => always(FORM),
    })?;
    match types::parameters(segment).as_slice() {
        [GenericArgument::Type(value), GenericArgument::Type(error)] => Ok([value, error]),
        _ => Err(format!("write {FORM} with both its types: an alias hides the error that travels")),
    }
}

fn result_segment(spelled: &Type) -> Option<&PathSegment> {
    types::path(spelled)?.segments.last().filter(|segment| segment.ident == "Result")
}

fn always(form: &str) -> String {
    format!("a method returns {form} with an `E: From<Status>`, for a call can always fail")
}

const FORM: &str = "`Result<T, E>`";

const STREAM_FORM: &str = "`Result<Stream<T>, E>`";
