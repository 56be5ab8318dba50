//! The table of procedures, in the order of the trait's methods.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::names::Names;
use crate::contract::{Contract, Method};

/// The associated constant that owns the table.
pub(super) fn table(contract: &Contract) -> TokenStream {
    let (visibility, name) = (&contract.visibility, &contract.name);
    let doc = format!("The procedures of [`{name}`], in the order of its methods.");
    let entries = contract.methods.iter().map(entry);
    quote! {
        #[doc = #doc]
        #visibility const PROCEDURES: &'static [::rpc_core::service::Procedure] = &[#(#entries),*];
    }
}

/// The entry of method number `index`, looked up by the compiler.
pub(super) fn constant(names: &Names, index: usize) -> TokenStream {
    let client = &names.client;
    let index = Literal::usize_unsuffixed(index);
    quote!(const { &#client::PROCEDURES[#index] })
}

fn entry(method: &Method) -> TokenStream {
    let (name, doc) = (&method.procedure, method.marks.text());
    let repetition = if method.marks.idempotent { quote!(Idempotent) } else { quote!(Once) };
    quote! {
        ::rpc_core::service::Procedure {
            name: #name,
            repetition: ::rpc_core::service::Repetition::#repetition,
            doc: #doc,
        }
    }
}
