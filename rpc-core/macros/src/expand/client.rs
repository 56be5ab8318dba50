//! The client: it implements the trait by calling the far side.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::names::{Names, ours, place};
use super::start;
use crate::contract::{Argument, Contract, Kind, Method, item, spelled};

/// The client's type, its own methods and its implementation of the trait.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let names = Names::of(contract);
    let structure = structure(contract, &names);
    let own = own_methods(contract, &names);
    let options = options(contract);
    let implementation = implementation(contract, &names);
    let client = &names.client;
    quote! {
        #structure
        impl #client { #own #options }
        #implementation
    }
}

/// The entry of method number `index`, looked up by the compiler.
pub(super) fn procedure(names: &Names, index: usize) -> TokenStream {
    let client = &names.client;
    let index = Literal::usize_unsuffixed(index);
    quote!(const { &#client::PROCEDURES[#index] })
}

fn structure(contract: &Contract, names: &Names) -> TokenStream {
    let (visibility, name, client) = (&contract.visibility, &contract.name, &names.client);
    let doc = format!("Calls the procedures of [`{name}`] on the far side: it implements the trait itself.");
    quote! {
        #[doc = #doc]
        ///
        /// A clone is cheap and shares the connections.
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #client {
            client: ::rpc_core::Client,
        }
    }
}

fn own_methods(contract: &Contract, names: &Names) -> TokenStream {
    let visibility = &contract.visibility;
    let table = table(contract);
    let start = &names.start;
    quote! {
        #table

        /// Makes a client that calls through `client`.
        #visibility fn new(client: ::rpc_core::Client) -> Self {
            Self { client }
        }

        /// The client beneath, which knows no procedures.
        #visibility fn client(&self) -> &::rpc_core::Client {
            &self.client
        }

        /// The unary methods again, but each returns at once and its result is waited for later.
        #visibility fn start(&self) -> #start {
            #start { client: ::core::clone::Clone::clone(&self.client) }
        }
    }
}

/// The table of procedures, which belongs to the client since that has no parameters.
fn table(contract: &Contract) -> TokenStream {
    let (visibility, name) = (&contract.visibility, &contract.name);
    let doc = format!("The procedures of [`{name}`], in the order of its methods.");
    let entries = contract.methods.iter().map(entry);
    quote! {
        #[doc = #doc]
        #visibility const PROCEDURES: &'static [::rpc_core::service::Procedure] = &[#(#entries),*];
    }
}

fn entry(method: &Method) -> TokenStream {
    let (name, doc) = (&method.procedure, method.marks.text());
    let kind = kind(method);
    let idempotent = method.marks.idempotent.is_some().then(|| quote!(.idempotent()));
    let parameters = method.arguments.iter().map(parameter);
    let (result, error) = (shape(&method.outcome.value), shape(&method.outcome.error));
    quote! {
        ::rpc_core::service::Procedure::new(#name, ::rpc_core::service::Kind::#kind)
            #idempotent
            .documented(#doc)
            .taking(&[#(#parameters),*])
            .giving(#result, #error)
    }
}

fn parameter(argument: &Argument) -> TokenStream {
    let name = argument.name.unraw().to_string();
    let passage = if argument.streams { quote!(stream) } else { quote!(value) };
    let shape = shape(&argument.ty);
    quote!(::rpc_core::service::Parameter::#passage(#name, #shape))
}

/// How a type is spelled, and what finds out its shape; of a stream those of its items.
fn shape(ty: &Type) -> TokenStream {
    let ty = item(ty).unwrap_or(ty);
    let written = spelled(ty);
    quote_spanned!(place(ty.span())=> ::rpc_core::service::Shape::of::<#ty>(#written))
}

fn kind(method: &Method) -> TokenStream {
    match method.kind() {
        Kind::Unary => quote!(Unary),
        Kind::ServerStream => quote!(ServerStream),
        Kind::ClientStream => quote!(ClientStream),
        Kind::Bidirectional => quote!(Bidirectional),
    }
}

fn options(contract: &Contract) -> TokenStream {
    let visibility = &contract.visibility;
    quote! {
        /// A client whose calls end after `deadline` at the latest, counted from the start of each.
        #[must_use]
        #visibility fn with_deadline(&self, deadline: ::core::time::Duration) -> Self {
            Self { client: self.client.with_deadline(deadline) }
        }

        /// A client whose calls carry `value` under `key`, in place of what they carried there. What breaks a limit
        /// of [`Metadata`](::rpc_core::Metadata) fails its calls with `InvalidArgument`.
        #[must_use]
        #visibility fn with_metadata(
            &self,
            key: &str,
            value: impl ::core::convert::Into<::std::vec::Vec<u8>>,
        ) -> Self {
            Self { client: self.client.with_metadata(key, value) }
        }

        /// A client whose calls wait until their deadline for a far side that is not there yet.
        #[must_use]
        #visibility fn wait_for_ready(&self) -> Self {
            Self { client: self.client.wait_for_ready() }
        }
    }
}

fn implementation(contract: &Contract, names: &Names) -> TokenStream {
    let (name, client) = (&contract.name, &names.client);
    let methods = contract.methods.iter().enumerate().map(|(index, method)| call(names, index, method));
    quote! {
        impl #name for #client {
            #(#methods)*
        }
    }
}

fn call(names: &Names, index: usize, method: &Method) -> TokenStream {
    let (name, spelled) = (&method.name, &method.outcome.spelled);
    let parameters = start::parameters(method);
    let procedure = procedure(names, index);
    let arguments = start::arguments(method);
    let input = method.input().map(|argument| ours(&argument.name)).into_iter();
    let span = place(method.outcome.error.span());
    let call = Ident::new(client_call(method), span);
    let body = quote_spanned! {span=>
        ::rpc_core::Client::#call(&self.client, #procedure, #arguments #(, #input)*)
    };
    quote!(fn #name(&self, #parameters) -> #spelled { #body })
}

/// The method of `rpc_core::Client` that makes such a call.
fn client_call(method: &Method) -> &'static str {
    match method.kind() {
        Kind::Unary => "call",
        Kind::ServerStream => "call_for_stream",
        Kind::ClientStream => "call_with_stream",
        Kind::Bidirectional => "call_with_streams",
    }
}
