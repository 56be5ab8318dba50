//! The types of arguments and results: owned, known by name, and without streams for now.

use syn::visit::{self, Visit};
use syn::{Lifetime, Path, PathArguments, PathSegment, Type, TypeImplTrait, TypeReference};

use super::Refusals;

/// Refuses a type with anything inside it that cannot be sent and made anew on the far side.
pub(crate) fn travels(ty: &Type, refusals: &mut Refusals) {
    Walk { refusals }.visit_type(ty);
}

struct Walk<'a> {
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
        visit::visit_path(self, path);
    }

    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        if segment.ident == "Stream" && matches!(segment.arguments, PathArguments::AngleBracketed(_)) {
            self.refusals.add(segment, "streaming calls are not available yet in this version: use `Vec<T>`");
        }
        visit::visit_path_segment(self, segment);
    }
}
