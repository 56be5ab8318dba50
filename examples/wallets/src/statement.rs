//! Wallets as text, in and out: `ID VALUE`, one a line.

use std::io::{self, BufRead};

use thiserror::Error;

use crate::ledger::{Ledger, TooMuch, Wallet};

/// Why wallets cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// A line is neither empty nor a wallet.
    #[error(
        "line {line} is {text:?}: expected a wallet's name, a blank and its balance, from 0 to {}",
        i64::MAX
    )]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The line's first 60 characters.
        text: String,
    },
    /// The balances are too large together.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// The input cannot be read, or is no text.
    #[error("the wallets cannot be read")]
    Input(#[from] io::Error),
}

/// Reads wallets until the end of the input. Empty lines are passed over.
///
/// # Errors
/// [`StatementError`], at the first line that is wrong.
pub fn read(input: impl BufRead) -> Result<Ledger, StatementError> {
    let mut wallets = Vec::new();
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = || StatementError::Line { line: number + 1, text: line.chars().take(60).collect() };
        wallets.push(wallet(&line).ok_or_else(wrong)?);
    }
    Ok(Ledger::open(wallets)?)
}

fn wallet(line: &str) -> Option<Wallet> {
    let mut words = line.split_whitespace();
    let (id, balance) = (words.next()?, words.next()?.parse().ok()?);
    (words.next().is_none() && balance >= 0).then(|| Wallet { id: id.to_owned(), balance })
}

/// All wallets, in the format in which they are read.
pub fn write(ledger: &Ledger) -> String {
    ledger.wallets().iter().map(|wallet| format!("{} {}\n", wallet.id, wallet.balance)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(write(&read(text.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn wallets_read_as_they_are_written() {
        check("", "");
        check("ana 10\nbia 0\n", "ana 10\nbia 0\n");
        check("ana 10\nbia 0", "ana 10\nbia 0\n");
        check("\nana 1\r\n\r\n  \nbia 2147483648\r\n", "ana 1\nbia 2147483648\n");
        check("ção🦀 5\nana 1\nção🦀 7\n", "ção🦀 7\nana 1\n");
    }

    #[test]
    fn a_line_that_is_no_wallet_is_told_with_its_number() {
        for line in ["ana", "ana x", "ana -1", "ana 1 2", "ana 9223372036854775808"] {
            let refused = read(format!("bia 1\n\n{line}\n").as_bytes()).unwrap_err().to_string();
            assert!(
                refused.starts_with(&format!("line 3 is {line:?}: expected a wallet's name")),
                "{refused}"
            );
        }
        let refused = read(&b"ana 9223372036854775807\nbia 1\n"[..]).unwrap_err();
        assert_eq!(refused.to_string(), "all wallets together hold more than 9223372036854775807");
        assert!(matches!(read(&b"an\xe9 1\n"[..]), Err(StatementError::Input(_))));
    }
}
