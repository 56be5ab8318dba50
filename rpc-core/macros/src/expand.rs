//! The generated code: the trait, its client, its start handle and its service.
//!
//! Everything of ours is named by its public path from `::rpc_core`. Generated items stand at the user's names
//! but belong to the macro, so lints about unused or oddly cased items stay with what the user wrote.

mod client;
mod contract_trait;
mod names;
mod procedures;
mod serving;
mod start;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Item, ItemTrait, Result};

use crate::checks::Refusals;
use crate::contract::Contract;
use crate::options::Options;

/// Expands the attribute. A trait that is refused stays in place, so that its uses are not refused too.
pub(crate) fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Trait(contract)) => expand_trait(options, contract),
        Ok(other) => with_error(other, &not_a_trait()),
        Err(error) => with_error(item, &error),
    }
}

fn expand_trait(options: TokenStream, mut item: ItemTrait) -> TokenStream {
    let contract = read(options, &item);
    contract_trait::complete(&mut item);
    match contract {
        Ok(contract) => beside(&contract, &item),
        Err(error) => with_error(item, &error),
    }
}

fn read(options: TokenStream, item: &ItemTrait) -> Result<Contract> {
    let mut refusals = Refusals::default();
    let options = Options::read(options).unwrap_or_else(|error| {
        refusals.push(error);
        Options::default()
    });
    let contract = Contract::read(item, &options, &mut refusals);
    refusals.into_result().map(|()| contract)
}

fn beside(contract: &Contract, item: &ItemTrait) -> TokenStream {
    let client = client::expand(contract);
    let start = start::expand(contract);
    let serving = serving::expand(contract);
    quote!(#item #client #start #serving)
}

fn with_error(item: impl ToTokens, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

fn not_a_trait() -> Error {
    Error::new(proc_macro2::Span::call_site(), "`#[service]` goes on a trait: its methods are the procedures")
}
