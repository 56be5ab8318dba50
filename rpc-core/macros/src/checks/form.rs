//! The form of a service trait, and of its methods: `fn name(&self, argument: Type, …) -> Result<T, E>;`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    FnArg, Generics, ItemTrait, Pat, PatIdent, PatType, Receiver, ReceiverKind, Safety, Signature,
    TraitItemFn,
};

use super::{Refusals, travels};
use crate::contract::stream;

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
            "a service trait has no generic parameters, for both sides must know its types: name them",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        refusals.add(clause, "a service trait has no `where` clause: remove it");
    }
}

/// Refuses everything about a method but its arguments and its result.
pub(crate) fn signature(function: &TraitItemFn, refusals: &mut Refusals) {
    let signature = &function.sig;
    qualifiers(signature, refusals);
    if let Some(token) = &function.modifiers.defaultness {
        refusals.add(token, "a method of a service has no qualifiers: remove `default`");
    }
    generics(&signature.generics, refusals);
    match signature.receiver() {
        Some(receiver) => self::receiver(receiver, refusals),
        None => refusals.add(first_input(signature), "a method of a service begins with `&self`"),
    }
    if let Some(variadic) = &signature.variadic {
        refusals.add(variadic, "a method of a service names every argument");
    }
    if let Some(body) = &function.default {
        refusals.add(
            body,
            "a method of a service has no body here: end it with `;` and implement it on the server",
        );
    }
}

/// Refuses an argument that is not `name: Type` with a type that travels.
pub(crate) fn argument(argument: &PatType, refusals: &mut Refusals) {
    for attribute in &argument.attrs {
        refusals.add(attribute, "an argument has no attributes: remove this one");
    }
    if !is_plain(&argument.pat) {
        refusals.add(&argument.pat, "an argument is a plain name: `name: Type`");
    }
    travels(&argument.ty, stream(&argument.ty), refusals);
}

/// Refuses more arguments than serde writes as one tuple.
pub(crate) fn count(function: &TraitItemFn, refusals: &mut Refusals) {
    let mut typed = function.sig.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
    if let Some(first_too_many) = typed.nth(ARGUMENTS_LIMIT) {
        refusals.add(
            first_too_many,
            format_args!("a method has at most {ARGUMENTS_LIMIT} arguments: put them into a struct"),
        );
    }
}

fn qualifiers(signature: &Signature, refusals: &mut Refusals) {
    if let Some(token) = &signature.asyncness {
        refusals.add(token, "a method of a service blocks its own thread: remove `async`");
    }
    if let Some(token) = &signature.constness {
        refusals.add(token, "a method of a service has no qualifiers: remove `const`");
    }
    if let Safety::Safe(_) | Safety::Unsafe(_) = &signature.safety {
        refusals.add(&signature.safety, "a method of a service is safe to call: remove `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        refusals.add(abi, "a method of a service has no qualifiers: remove `extern`");
    }
}

fn generics(generics: &Generics, refusals: &mut Refusals) {
    if !generics.params.is_empty() {
        refusals.add(
            &generics.params,
            "a method of a service has no generic parameters, for both sides must know its types: name them",
        );
    }
    if let Some(clause) = &generics.where_clause {
        refusals.add(clause, "a method of a service has no `where` clause: remove it");
    }
}

fn receiver(receiver: &Receiver, refusals: &mut Refusals) {
    let plain =
        receiver.mutability.is_none() && matches!(receiver.kind, ReceiverKind::Reference(_, None, None));
    if !plain {
        refusals.add(
            receiver,
            "a method of a service takes `&self`, for calls run at the same time, on many threads: keep what changes behind a lock",
        );
    }
}

fn is_plain(pattern: &Pat) -> bool {
    let Pat::Ident(PatIdent { by_ref, mutability, subpat, .. }) = pattern else { return false };
    by_ref.is_none() && mutability.is_none() && subpat.is_none()
}

fn first_input(signature: &Signature) -> TokenStream {
    signature.inputs.first().map_or_else(|| signature.ident.to_token_stream(), ToTokens::to_token_stream)
}

/// Serde implements its traits for tuples of up to sixteen elements.
const ARGUMENTS_LIMIT: usize = 16;

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[track_caller]
    fn check(refusals: Refusals, sentence: &str) {
        let error = refusals.into_result().expect_err("it is refused");
        let sentences: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
        assert_eq!(sentences, [sentence]);
    }

    #[track_caller]
    fn check_method(function: &TraitItemFn, sentence: &str) {
        let mut refusals = Refusals::default();
        signature(function, &mut refusals);
        check(refusals, sentence);
    }

    /// What the compiler refuses beside the macro, in words that change from version to version, is not for `tests/ui`.
    #[test]
    fn what_rust_itself_does_not_take_yet_is_refused_in_sentences() {
        let mut refusals = Refusals::default();
        header(&parse_quote!(auto trait Chat {}), &mut refusals);
        check(refusals, "a service trait is implemented by hand: remove `auto`");
        let constant = parse_quote!(
            const fn f(&self) -> Result<(), E>;
        );
        check_method(&constant, "a method of a service has no qualifiers: remove `const`");
        let variadic = parse_quote!(
            fn f(&self, count: u32, ...) -> Result<(), E>;
        );
        check_method(&variadic, "a method of a service names every argument");
    }
}
