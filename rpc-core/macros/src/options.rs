//! What stands between the parentheses of `#[service(…)]`.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{LitStr, Result, Token};

/// The options of one service: defaults, unless the attribute names them.
#[derive(Debug, Default)]
pub(crate) struct Options {
    prefix: Option<String>,
}

impl Options {
    /// Reads the attribute's own tokens; an option that is unknown or given twice is an error.
    pub(crate) fn read(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        syn::meta::parser(|meta| options.read_one(&meta)).parse2(tokens)?;
        Ok(options)
    }

    /// The name under which the method `method` is called.
    pub(crate) fn procedure(&self, method: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}.{method}"),
            None => method.to_owned(),
        }
    }

    /// What stands before the names of all methods.
    pub(crate) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    fn read_one(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if !meta.path.is_ident("prefix") {
            return Err(meta.error("unknown option: `#[service]` takes `prefix = \"name\"` and nothing else"));
        }
        if self.prefix.is_some() {
            return Err(meta.error("`prefix` is given twice: keep one"));
        }
        if !meta.input.peek(Token![=]) {
            return Err(meta.error("`prefix` has a value: write `prefix = \"name\"`"));
        }
        let value = meta.value()?;
        let literal: LitStr = value
            .parse()
            .map_err(|_| value.error("a prefix is text: write `prefix = \"name\"`, with its quotes"))?;
        self.prefix = Some(prefix(&literal)?);
        Ok(())
    }
}

fn prefix(literal: &LitStr) -> Result<String> {
    let text = literal.value();
    if text.split('.').all(|word| syn::parse_str::<syn::Ident>(word).is_ok()) {
        return Ok(text);
    }
    Err(syn::Error::new(
        literal.span(),
        "a prefix is an identifier, or several joined by dots: `wallet`, `bank.wallet`",
    ))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[track_caller]
    fn check(tokens: TokenStream, expected: &str) {
        let options = Options::read(tokens).expect("the options are well formed");
        assert_eq!(options.procedure("add"), expected);
    }

    #[test]
    fn a_prefix_stands_before_the_method() {
        check(quote!(), "add");
        check(quote!(prefix = "wallet"), "wallet.add");
        check(quote!(prefix = "bank.wallet",), "bank.wallet.add");
    }
}
