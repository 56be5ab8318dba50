//! The types of arguments and results: owned, known by name, and a stream only where it stands alone.

use std::ptr;

use syn::visit::{self, Visit};
use syn::{GenericArgument, Ident, Lifetime, Path, PathArguments, Type, TypeImplTrait, TypeReference};

use super::Refusals;
use crate::contract::is_stream;

/// Refuses a type with anything inside it that cannot be sent and made anew on the far side, and every stream but
/// `alone`, which is in its place.
pub(crate) fn travels(ty: &Type, alone: Option<&Path>, refusals: &mut Refusals) {
    Walk { alone, refusals }.visit_type(ty);
}

struct Walk<'a> {
    alone: Option<&'a Path>,
    refusals: &'a mut Refusals,
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.refusals
            .add(reference, "a reference cannot travel: use an owned type, such as `String` for `&str`");
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.refusals.add(lifetime, "a borrowed type cannot travel: use an owned type");
        }
    }

    fn visit_type_impl_trait(&mut self, opaque: &'ast TypeImplTrait) {
        self.refusals.add(opaque, "`impl Trait` cannot travel: name the type that both sides know");
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.first().is_some_and(|segment| segment.ident == "Self") {
            self.refusals
                .add(path, "`Self` is another type on each side: name the type that both sides know");
        }
        if is_stream(path) && !self.alone.is_some_and(|alone| ptr::eq(alone, path)) {
            self.refusals.add(
                path,
                "a stream stands alone: as one whole argument, `name: Stream<T>`, or as the value of the result, \
                 `Result<Stream<T>, E>`",
            );
        }
        if let Some(collection) = counts_nothing(path) {
            self.refusals.add(
                path,
                format!(
                    "an element of a `{collection}` needs at least a byte, or a few bytes could claim any number of \
                     them: send the number"
                ),
            );
        }
        visit::visit_path(self, path);
    }
}

/// The collection whose elements are `()`, if this path names one.
fn counts_nothing(path: &Path) -> Option<&Ident> {
    const COLLECTIONS: [&str; 6] = ["Vec", "VecDeque", "LinkedList", "BinaryHeap", "HashSet", "BTreeSet"];
    let last = path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let is_unit = |argument: &GenericArgument| matches!(argument, GenericArgument::Type(Type::Tuple(tuple)) if tuple.elems.is_empty());
    let counts =
        COLLECTIONS.iter().any(|name| last.ident == name) && arguments.args.first().is_some_and(is_unit);
    counts.then_some(&last.ident)
}
