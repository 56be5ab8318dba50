//! The trait as the user wrote it, with what every service must be.

use syn::{ItemTrait, TraitItem, parse_quote};

use crate::contract::Marks;

/// Adds the supertraits and takes off the marks that the compiler does not know.
pub(super) fn complete(item: &mut ItemTrait) {
    item.colon_token.get_or_insert_default();
    item.supertraits.push(parse_quote!(::core::marker::Send));
    item.supertraits.push(parse_quote!(::core::marker::Sync));
    item.supertraits.push(parse_quote!('static));
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item {
            function.attrs.retain(|attribute| !Marks::owns(attribute));
        }
    }
}
