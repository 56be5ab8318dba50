//! The start handle: the trait's unary methods again, each returning before its result is there.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::client::procedure;
use super::names::{Names, ours, place};
use crate::contract::{Argument, Contract, Kind, Method};

/// The handle's type and its methods.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let names = Names::of(contract);
    let (visibility, start) = (&contract.visibility, &names.start);
    let doc =
        format!("Starts the procedures of [`{}`]: every method sends its call and returns.", contract.name);
    let methods = contract.methods.iter().enumerate();
    let methods = methods
        .filter(|(_, method)| method.kind() == Kind::Unary)
        .map(|(index, method)| started(contract, &names, index, method));
    quote! {
        #[doc = #doc]
        ///
        /// Started calls are unary: a procedure with a stream is called by the client alone.
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #start {
            client: ::rpc_core::Client,
        }

        impl #start {
            #(#methods)*
        }
    }
}

/// The parameters of `method` after `&self`, under the user's names.
pub(super) fn parameters(method: &Method) -> TokenStream {
    let parameters = method.arguments.iter().map(|Argument { name, ty, .. }| {
        let name = ours(name);
        quote!(#name: #ty)
    });
    quote!(#(#parameters),*)
}

/// A reference to the arguments of `method` but its stream as one tuple of references; none are the unit, which has
/// no bytes.
pub(super) fn arguments(method: &Method) -> TokenStream {
    let sent = method.arguments.iter().filter(|argument| !argument.streams);
    let names = sent.map(|argument| ours(&argument.name));
    quote_spanned!(place(method.name.span())=> &(#(&#names,)*))
}

fn started(contract: &Contract, names: &Names, index: usize, method: &Method) -> TokenStream {
    let visibility = &contract.visibility;
    let name = ours(&method.name);
    let docs = docs(method);
    let allow = allow_many_arguments(method);
    let parameters = parameters(method);
    let (value, error) = (&method.outcome.value, &method.outcome.error);
    let procedure = procedure(names, index);
    let arguments = arguments(method);
    quote! {
        #docs
        #allow
        #visibility fn #name(&self, #parameters) -> ::rpc_core::Pending<#value, #error> {
            ::rpc_core::Client::start(&self.client, #procedure, #arguments)
        }
    }
}

fn docs(method: &Method) -> TokenStream {
    let carried = &method.marks.carried;
    if !method.marks.text().is_empty() {
        return quote!(#(#carried)*);
    }
    let doc = format!("Starts `{}`.", method.procedure);
    quote!(#[doc = #doc] #(#carried)*)
}

/// Clippy counts `self` and allows seven; whether there are too many is said at the trait, once.
fn allow_many_arguments(method: &Method) -> Option<TokenStream> {
    let many = method.arguments.len() >= 7;
    many.then(|| quote!(#[allow(clippy::too_many_arguments, reason = "as many as the trait's method has")]))
}
