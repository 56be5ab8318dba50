//! What a service trait promises: the model that reading fills and the expansion writes out.
//!
//! It holds only what both sides of the wire must agree on, with the spans to point at. It does not know how a
//! call is made.

mod method;
mod result;
mod types;

use syn::ext::IdentExt;
use syn::{Ident, ItemTrait, TraitItem, Visibility};

pub(crate) use self::method::{Argument, Kind, Marks, Method};
pub(crate) use self::result::Outcome;
pub(crate) use self::types::{is_stream, item, spelled, stream};
use crate::checks::{self, Refusals};
use crate::options::Options;

/// A service trait that was read.
pub(crate) struct Contract {
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    /// What the service is called in lists: its prefix, or the trait's name.
    pub(crate) called: String,
    pub(crate) methods: Vec<Method>,
}

impl Contract {
    /// Reads `item`. Every fault is added to `refusals`; the contract is whole only if there is none.
    pub(crate) fn read(item: &ItemTrait, options: &Options, refusals: &mut Refusals) -> Self {
        checks::header(item, refusals);
        let methods: Vec<Method> =
            item.items.iter().filter_map(|item| read_item(item, options, refusals)).collect();
        checks::names(&methods, refusals);
        let name = item.ident.clone();
        let called = options.prefix().map_or_else(|| name.unraw().to_string(), str::to_owned);
        Self { visibility: item.vis.clone(), name, called, methods }
    }
}

fn read_item(item: &TraitItem, options: &Options, refusals: &mut Refusals) -> Option<Method> {
    let fault = match item {
        TraitItem::Fn(function) => return Method::read(function, options, refusals),
        TraitItem::Const(_) => "a service has methods only: put the constant beside the trait",
        TraitItem::Type(_) => "a service has methods only: write the type out where it is used",
        TraitItem::Macro(_) => "a service has methods only: write out what this macro stands for",
        _ => "a service has methods only: `fn name(&self, argument: Type) -> Result<T, E>;`",
    };
    refusals.add(item, fault);
    None
}
