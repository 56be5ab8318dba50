//! The service: any implementation of the trait, made callable by number.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use super::names::{Names, place};
use crate::contract::{Argument, Contract, Method};

/// The service's type and its implementation of `rpc_core::service::Service`.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let names = Names::of(contract);
    let item = item(contract, &names);
    let implementation = implementation(contract, &names);
    quote!(#item #implementation)
}

fn item(contract: &Contract, names: &Names) -> TokenStream {
    let (visibility, name, service) = (&contract.visibility, &contract.name, &names.service);
    let doc = format!("Serves an implementation of [`{name}`]; a clone serves the same one.");
    quote! {
        #[doc = #doc]
        #visibility struct #service<T: #name + ?::core::marker::Sized> {
            implementation: ::std::sync::Arc<T>,
        }

        impl<T: #name + ?::core::marker::Sized> #service<T> {
            /// Makes a service whose procedures are the methods of `implementation`.
            #visibility fn new(implementation: ::std::sync::Arc<T>) -> Self {
                Self { implementation }
            }
        }

        impl<T: #name + ?::core::marker::Sized> ::core::clone::Clone for #service<T> {
            fn clone(&self) -> Self {
                Self { implementation: ::core::clone::Clone::clone(&self.implementation) }
            }
        }
    }
}

fn implementation(contract: &Contract, names: &Names) -> TokenStream {
    let (name, client, service) = (&contract.name, &names.client, &names.service);
    let call = call(contract);
    let called = &contract.called;
    quote! {
        impl<T: #name + ?::core::marker::Sized> ::rpc_core::service::Service for #service<T> {
            fn name(&self) -> &'static str {
                #called
            }

            fn procedures(&self) -> &'static [::rpc_core::service::Procedure] {
                #client::PROCEDURES
            }

            #call
        }
    }
}

fn call(contract: &Contract) -> TokenStream {
    let arms = contract.methods.iter().enumerate().map(|(index, method)| arm(contract, index, method));
    let allow = allow_deprecated(contract);
    quote! {
        #allow
        fn call(
            &self,
            number: usize,
            arguments: ::rpc_core::service::Arguments<'_>,
            reply: &mut ::rpc_core::service::Reply<'_>,
        ) -> ::core::result::Result<(), ::rpc_core::Status> {
            match number {
                #(#arms)*
                _ => ::core::result::Result::Err(::rpc_core::Status::unimplemented(
                    "this service has no procedure of that number",
                )
                .not_run()),
            }
        }
    }
}

/// The types of the arguments are left to inference, so that none of the user's can clash with `T`.
fn arm(contract: &Contract, index: usize, method: &Method) -> TokenStream {
    let (contract, name) = (&contract.name, &method.name);
    let index = Literal::usize_unsuffixed(index);
    let locals: Vec<Ident> = method.arguments.iter().enumerate().map(local).collect();
    let (input, sent): (Vec<&Ident>, Vec<&Ident>) = locals.iter().partition(|local| *local == INPUT);
    let span = place(name.span());
    let finish = Ident::new(if method.outcome.streams { "finish_stream" } else { "finish" }, span);
    quote_spanned! {span=>
        #index => {
            #(let #input = arguments.stream()?;)*
            let (#(#sent,)*) = arguments.decode()?;
            reply.#finish(<T as #contract>::#name(&self.implementation, #(#locals),*))
        }
    }
}

fn local((number, argument): (usize, &Argument)) -> Ident {
    let name = if argument.streams { INPUT.to_owned() } else { format!("argument_{number}") };
    Ident::new(&name, place(argument.name.span()))
}

/// The local that holds the stream which the caller fills.
const INPUT: &str = "input";

fn allow_deprecated(contract: &Contract) -> Option<TokenStream> {
    let deprecated = contract.methods.iter().any(|method| method.marks.deprecated);
    deprecated.then(|| {
        quote!(#[allow(deprecated, reason = "a deprecated procedure is served as long as it is in the trait")])
    })
}
