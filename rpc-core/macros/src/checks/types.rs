//! The types of arguments and results: owned, known by name, and a stream only where it stands alone.

use std::ptr;

use syn::visit::{self, Visit};
use syn::{Lifetime, Path, Type, TypeImplTrait, TypeReference};

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
        visit::visit_path(self, path);
    }
}
