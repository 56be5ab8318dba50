//! The store client: buys with orders of payment, by lines.

use std::io::{self, BufRead};

use crate::contract::{Bank, Store, code};
use crate::conversation::{ConversationError, Course, each_line, tell};

/// Prints the price, then does what the lines of `input` say until `T`, `F` or their end: `C` buys with the wallet `own`,
/// `T` ends the store, `F` ends the wallet server. Other lines are passed over.
///
/// # Errors
/// [`ConversationError`], at the first failure, except that `C` prints [`code::NO_CONNECTION`] and goes on.
pub fn buy(
    own: &str,
    bank: &impl Bank,
    store: &impl Store,
    input: impl BufRead,
    print: impl Fn(&str) -> io::Result<()>,
) -> Result<(), ConversationError> {
    let price = store.lê_preço()?;
    tell(&print, price)?;
    each_line(input, |line| match line.chars().next() {
        Some('C') => {
            let order = bank.cria_ordem(own.to_owned(), price).unwrap_or(code::NO_CONNECTION);
            tell(&print, order)?;
            if order > 0 {
                tell(&print, store.venda(order).unwrap_or(code::NO_CONNECTION))?;
            }
            Ok(Course::On)
        }
        Some('T') => {
            tell(&print, store.fim_da_execução()?)?;
            Ok(Course::Over)
        }
        Some('F') => {
            tell(&print, bank.fim_da_execução()?)?;
            Ok(Course::Over)
        }
        _ => Ok(Course::On),
    })
}
