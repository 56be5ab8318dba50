//! The trait itself, before its braces.

use syn::ItemTrait;

use super::Refusals;

/// Refuses whatever makes a trait more than a list of procedures.
pub(crate) fn header(item: &ItemTrait, refusals: &mut Refusals) {
    if let Some(token) = &item.unsafety {
        refusals.add(token, "a service trait is safe to implement: remove `unsafe`");
    }
    if let Some(token) = &item.modifiers.auto_token {
        refusals.add(token, "a service trait is implemented by hand: remove `auto`");
    }
    if !item.generics.params.is_empty() {
        refusals.add(
            &item.generics.params,
            "a service trait has no generic parameters: both sides must know its types",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        refusals.add(clause, "a service trait has no `where` clause");
    }
}
