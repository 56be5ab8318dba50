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

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the expansion of a trait with only `method` has all `fragments`.
    #[track_caller]
    fn check(method: &TokenStream, fragments: &[TokenStream]) {
        let expanded = service(quote!(), quote!(trait Chat { #method })).to_string();
        for fragment in fragments {
            assert!(expanded.contains(&fragment.to_string()), "no {fragment}\n in {expanded}");
        }
    }

    #[test]
    fn a_unary_method_sends_all_its_arguments() {
        check(
            &quote!(
                fn say(&self, room: String, text: String) -> Result<u8, E>;
            ),
            &[
                quote!(::rpc_core::service::Kind::Unary),
                quote!(::rpc_core::Client::call(
                    &self.client,
                    const { &ChatClient::PROCEDURES[0] },
                    &(&room, &text,)
                )),
                quote!(let (argument_0, argument_1,) = arguments.decode()?;),
                quote!(reply.finish(<T as Chat>::say(&self.implementation, argument_0, argument_1))),
                quote!(fn say(&self, room: String, text: String) -> ::rpc_core::Pending<u8, E>),
            ],
        );
    }

    #[test]
    fn a_server_stream_is_called_for_and_finished_as_a_stream() {
        check(
            &quote!(
                fn events(&self, room: String) -> Result<Stream<u8>, E>;
            ),
            &[
                quote!(::rpc_core::service::Kind::ServerStream),
                quote!(::rpc_core::Client::call_for_stream(
                    &self.client,
                    const { &ChatClient::PROCEDURES[0] },
                    &(&room,)
                )),
                quote!(0 => {
                    let (argument_0,) = arguments.decode()?;
                    reply.finish_stream(<T as Chat>::events(&self.implementation, argument_0))
                }),
            ],
        );
    }

    #[test]
    fn a_client_stream_goes_beside_the_other_arguments() {
        check(
            &quote!(
                fn upload(&self, name: String, parts: Stream<u8>, size: u64) -> Result<u8, E>;
            ),
            &[
                quote!(::rpc_core::service::Kind::ClientStream),
                quote!(::rpc_core::Client::call_with_stream(
                    &self.client,
                    const { &ChatClient::PROCEDURES[0] },
                    &(&name, &size,),
                    parts
                )),
                quote!(0 => {
                    let input = arguments.stream()?;
                    let (argument_0, argument_2,) = arguments.decode()?;
                    reply.finish(<T as Chat>::upload(&self.implementation, argument_0, input, argument_2))
                }),
            ],
        );
    }

    #[test]
    fn a_bidirectional_call_may_have_no_arguments_but_its_stream() {
        check(
            &quote!(
                fn talk(&self, said: rpc_core::Stream<u8>) -> Result<Stream<u8>, E>;
            ),
            &[
                quote!(::rpc_core::service::Kind::Bidirectional),
                quote!(::rpc_core::Client::call_with_streams(
                    &self.client,
                    const { &ChatClient::PROCEDURES[0] },
                    &(),
                    said
                )),
                quote!(0 => {
                    let input = arguments.stream()?;
                    let () = arguments.decode()?;
                    reply.finish_stream(<T as Chat>::talk(&self.implementation, input))
                }),
            ],
        );
    }

    #[test]
    fn a_call_with_a_stream_cannot_be_started() {
        check(
            &quote!(
                fn events(&self) -> Result<Stream<u8>, E>;
            ),
            &[quote!(impl ChatStart {}), quote!(fn start(&self) -> ChatStart)],
        );
    }
}
