//! The result of a method: `Result<T, E>`, written out.

use syn::{GenericArgument, PathArguments, PathSegment, ReturnType, Signature, Type};

use crate::checks::{self, Refusals};

/// What a call comes back with.
pub(crate) struct Outcome {
    /// The whole type as the user spells it.
    pub(crate) spelled: Type,
    pub(crate) value: Type,
    pub(crate) error: Type,
}

impl Outcome {
    /// Reads the result of `signature`, or refuses it and returns `None`.
    pub(super) fn read(signature: &Signature, refusals: &mut Refusals) -> Option<Self> {
        let ReturnType::Type(_, spelled) = &signature.output else {
            refusals
                .add(&signature.ident, format_args!("a method returns {FORM}, for a call can always fail"));
            return None;
        };
        checks::travels(spelled, refusals);
        match parameters(spelled) {
            Ok([value, error]) => {
                Some(Self { spelled: (**spelled).clone(), value: value.clone(), error: error.clone() })
            }
            Err(fault) => {
                refusals.add(spelled, fault);
                None
            }
        }
    }
}

fn parameters(spelled: &Type) -> Result<[&Type; 2], String> {
    let segment = result_segment(spelled)
        .ok_or_else(|| format!("a method returns {FORM}, for a call can always fail"))?;
    let types = match &segment.arguments {
        PathArguments::AngleBracketed(list) => list.args.iter().collect(),
        _ => Vec::new(),
    };
    match types.as_slice() {
        [GenericArgument::Type(value), GenericArgument::Type(error)] => Ok([value, error]),
        _ => Err(format!("write {FORM} with both its types: an alias hides the error that travels")),
    }
}

fn result_segment(spelled: &Type) -> Option<&PathSegment> {
    match spelled {
        Type::Path(path) => path.path.segments.last().filter(|segment| segment.ident == "Result"),
        Type::Group(group) => result_segment(&group.elem),
        Type::Paren(paren) => result_segment(&paren.elem),
        _ => None,
    }
}

const FORM: &str = "`Result<T, E>`";
