//! The generated code: the trait, its client, its start handle and its service.
//!
//! Everything of ours is named by its public path from `::rpc_core`. Generated items stand at the user's names
//! but belong to the macro, so lints about unused or oddly cased items stay with what the user wrote.

mod client;
mod names;
mod serving;
mod start;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Item, ItemTrait, Result, TraitItem, parse_quote};

use crate::checks::Refusals;
use crate::contract::{Contract, Marks};
use crate::options::Options;

/// Expands the attribute. A trait that is refused stays in place, so that its uses are not refused too.
pub(crate) fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Trait(contract)) => expand_trait(options, contract),
        Ok(other) => with_error(&other, &not_a_trait(&other)),
        Err(error) => with_error(item, &error),
    }
}

fn expand_trait(options: TokenStream, mut item: ItemTrait) -> TokenStream {
    let contract = read(options, &item);
    complete(&mut item);
    match contract {
        Ok(contract) => beside(&contract, &item),
        Err(error) => with_error(item, &error),
    }
}

/// Adds the supertraits and takes off the marks that the compiler does not know. Items that are no Rust have been
/// refused by now and go too, so that the compiler does not refuse them again.
fn complete(item: &mut ItemTrait) {
    item.colon_token.get_or_insert_default();
    item.supertraits.push(parse_quote!(::core::marker::Send));
    item.supertraits.push(parse_quote!(::core::marker::Sync));
    item.supertraits.push(parse_quote!('static));
    item.items.retain(|item| !matches!(item, TraitItem::Verbatim(_)));
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item {
            function.attrs.retain(|attribute| !Marks::owns(attribute));
        }
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

fn not_a_trait(item: &Item) -> Error {
    Error::new_spanned(item, "`#[service]` goes on a trait: its methods are the procedures")
}
