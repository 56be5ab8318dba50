//! The wallet client: one person's wallet, by lines.

use std::io::{self, BufRead};
use std::str::FromStr;

use crate::contract::Bank;
use crate::conversation::{ConversationError, Course, each_line, tell};

/// What a line asks for; its first character says it.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    /// `S`: the balance.
    Balance,
    /// `O VALUE`: an order of payment.
    Order(i64),
    /// `X ORDER CHECK WALLET`: an order paid into a wallet.
    Transfer { order: i64, check: i64, wallet: &'a str },
    /// `F`: the server's end.
    End,
}

/// Does what the lines of `input` say, for the wallet `own`, until `F` or their end. Other lines are passed over.
///
/// # Errors
/// [`ConversationError`], at the first failure.
pub fn serve(
    own: &str,
    bank: &impl Bank,
    input: impl BufRead,
    print: impl Fn(&str) -> io::Result<()>,
) -> Result<(), ConversationError> {
    each_line(input, |line| {
        let (answer, course) = match Request::parse(line) {
            None => return Ok(Course::On),
            Some(Request::Balance) => (bank.lê_saldo(own.to_owned())?, Course::On),
            Some(Request::Order(value)) => (bank.cria_ordem(own.to_owned(), value)?, Course::On),
            Some(Request::Transfer { order, check, wallet }) => {
                (bank.transferência(order, check, wallet.to_owned())?, Course::On)
            }
            Some(Request::End) => (bank.fim_da_execução()?, Course::Over),
        };
        tell(&print, answer)?;
        Ok(course)
    })
}

impl<'a> Request<'a> {
    fn parse(line: &'a str) -> Option<Request<'a>> {
        let mut rest = line.chars();
        let letter = rest.next()?;
        let mut words = rest.as_str().split_whitespace();
        let mut number = || words.next().and_then(|word| i64::from_str(word).ok());
        match letter {
            'S' => Some(Request::Balance),
            'F' => Some(Request::End),
            'O' => Some(Request::Order(number()?)),
            'X' => {
                let (order, check) = (number()?, number()?);
                Some(Request::Transfer { order, check, wallet: words.next()? })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_says_what_a_line_asks_for() {
        assert_eq!(Request::parse("S"), Some(Request::Balance));
        assert_eq!(Request::parse("F"), Some(Request::End));
        assert_eq!(Request::parse("O 2147483648"), Some(Request::Order(2_147_483_648)));
        let transfer = Request::Transfer { order: 1, check: 5, wallet: "ção🦀" };
        assert_eq!(Request::parse("X 1 5 ção🦀"), Some(transfer));
    }

    #[test]
    fn every_other_line_is_none() {
        for line in
            ["", " ", " S", "s", "o 5", "x 1 5 ana", "f", "C", "T", "?", "O", "O x", "X", "X 1 5", "X 1 y z"]
        {
            assert_eq!(Request::parse(line), None, "{line:?}");
        }
    }
}
