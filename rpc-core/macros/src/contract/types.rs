//! How a type is spelled. A macro sees no meaning: a stream is whatever is written `Stream<T>`, however qualified.

use quote::ToTokens;
use syn::{GenericArgument, Path, PathArguments, PathSegment, Type};

/// The path of `ty`, through parentheses and the groups that `macro_rules!` makes.
pub(crate) fn path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(ty) => Some(&ty.path),
        Type::Group(group) => path(&group.elem),
        Type::Paren(paren) => path(&paren.elem),
        _ => None,
    }
}

/// Whether `path` ends in `Stream<T>`.
pub(crate) fn is_stream(path: &Path) -> bool {
    let Some(last) = path.segments.last() else { return false };
    last.ident == "Stream" && matches!(parameters(last).as_slice(), [GenericArgument::Type(_)])
}

/// The path of `ty` if all of it is a stream.
pub(crate) fn stream(ty: &Type) -> Option<&Path> {
    path(ty).filter(|path| is_stream(path))
}

/// What a stream carries, if all of `ty` is one.
pub(crate) fn item(ty: &Type) -> Option<&Type> {
    let last = stream(ty)?.segments.last()?;
    parameters(last).into_iter().find_map(|parameter| match parameter {
        GenericArgument::Type(item) => Some(item),
        _ => None,
    })
}

/// The type as a person writes it: `Option<(u8, String)>`.
pub(crate) fn spelled(ty: &Type) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut text = String::new();
    for token in ty.to_token_stream().to_string().split_whitespace() {
        let apart = match (text.chars().next_back(), token.chars().next()) {
            (Some(last), Some(first)) => matches!(last, ',' | ';') || (is_word(last) && is_word(first)),
            _ => false,
        };
        if apart {
            text.push(' ');
        }
        text.push_str(token);
    }
    text
}

/// What stands between the angle brackets of `segment`.
pub(super) fn parameters(segment: &PathSegment) -> Vec<&GenericArgument> {
    match &segment.arguments {
        PathArguments::AngleBracketed(list) => list.args.iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[track_caller]
    fn check(ty: &Type, expected: bool) {
        assert_eq!(stream(ty).is_some(), expected);
    }

    #[test]
    fn a_type_is_spelled_as_a_person_writes_it() {
        let check = |ty: &Type, expected: &str| assert_eq!(spelled(ty), expected);
        check(&parse_quote!(Option<(u8, Vec<String>)>), "Option<(u8, Vec<String>)>");
        check(&parse_quote!([u8; 4]), "[u8; 4]");
        check(
            &parse_quote!(::std::collections::BTreeMap<String, u8>),
            "::std::collections::BTreeMap<String, u8>",
        );
        check(&parse_quote!(Box<dyn Any + 'static>), "Box<dyn Any+'static>");
        check(item(&parse_quote!(rpc_core::Stream<Vec<u8>>)).unwrap(), "Vec<u8>");
    }

    #[test]
    fn a_stream_is_known_by_its_last_segment_and_its_one_type() {
        check(&parse_quote!(Stream<u8>), true);
        check(&parse_quote!(::rpc_core::Stream<Vec<u8>>), true);
        check(&parse_quote!((rpc_core::stream::Stream<()>)), true);
        check(&parse_quote!(Stream), false);
        check(&parse_quote!(Stream), false);
        check(&parse_quote!(Stream<u8, u8>), false);
        check(&parse_quote!(Stream<7>), false);
        check(&parse_quote!(Stream<u8>::Item), false);
        check(&parse_quote!(Streams<u8>), false);
    }

    #[test]
    fn a_stream_inside_a_type_does_not_make_it_one() {
        check(&parse_quote!(Vec<Stream<u8>>), false);
        check(&parse_quote!((Stream<u8>,)), false);
        check(&parse_quote!(Box<dyn Stream<u8>>), false);
    }
}
