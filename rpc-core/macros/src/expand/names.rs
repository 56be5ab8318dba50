//! The names of generated items.

use proc_macro2::Span;
use quote::format_ident;
use syn::Ident;

use crate::contract::Contract;

/// The items that stand beside the trait.
pub(super) struct Names {
    pub(super) client: Ident,
    pub(super) start: Ident,
    pub(super) service: Ident,
}

impl Names {
    pub(super) fn of(contract: &Contract) -> Self {
        let beside = |suffix| ours(&format_ident!("{}{suffix}", contract.name));
        Self { client: beside("Client"), start: beside("Start"), service: beside("Service") }
    }
}

/// `name`, found where the user wrote it, but written by the macro.
pub(super) fn ours(name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(place(name.span()));
    name
}

/// The place of `span` in the user's file, for code that the macro writes.
pub(super) fn place(span: Span) -> Span {
    Span::call_site().located_at(span)
}
