//! How a type is spelled. A macro sees no meaning: a stream is whatever is written `Stream<T>`, however qualified.

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
