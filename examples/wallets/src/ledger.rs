//! Wallets and orders of payment: all the money there is, without sockets, threads or locks.
//!
//! **Invariant:** what the wallets and the pending orders hold together never changes.

use std::collections::HashMap;

use thiserror::Error;

/// Wallets in the order in which they were opened, and the orders that are still to be paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    wallets: Vec<Wallet>,
    pending: HashMap<i64, i64>,
    last_order: i64,
}

/// Whose money, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// A name without blanks.
    pub id: String,
    /// Never below zero.
    pub balance: i64,
}

/// Orders that may be pending at the same time: 100,000. An order of 0 costs nothing, so their number needs a bound.
pub const PENDING: usize = 100_000;

/// Why no order was made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoOrder {
    /// No wallet has the name.
    #[error("there is no such wallet")]
    NoWallet,
    /// The wallet holds less, or the value is below zero.
    #[error("the wallet does not hold that much")]
    NoFunds,
    /// There are [`PENDING`].
    #[error("{PENDING} orders are to be paid, and no more may be")]
    Full,
}

/// Why an order was not paid. It stays as it is.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotPaid {
    /// It was never made, or has been paid.
    #[error("there is no such order")]
    NoOrder,
    /// It has another value than the receiver says.
    #[error("the order has another value")]
    OtherValue,
    /// No wallet has the receiver's name.
    #[error("there is no such wallet")]
    NoReceiver,
}

/// Money that cannot be counted in 63 bits.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("all wallets together hold more than {}", i64::MAX)]
pub struct TooMuch;

impl Ledger {
    /// A ledger of these wallets. Of a name that comes twice the last balance counts, at the first one's place.
    ///
    /// # Errors
    /// [`TooMuch`], so that no later sum can overflow.
    pub fn open(wallets: impl IntoIterator<Item = Wallet>) -> Result<Ledger, TooMuch> {
        let mut ledger = Ledger::default();
        for wallet in wallets {
            match ledger.wallet(&wallet.id) {
                Some(known) => known.balance = wallet.balance,
                None => ledger.wallets.push(wallet),
            }
        }
        let mut balances = ledger.wallets.iter().map(|wallet| wallet.balance);
        balances.try_fold(0, i64::checked_add).ok_or(TooMuch)?;
        Ok(ledger)
    }

    /// What a wallet holds.
    pub fn balance(&self, id: &str) -> Option<i64> {
        self.wallets.iter().find(|wallet| wallet.id == id).map(|wallet| wallet.balance)
    }

    /// Debits a wallet with the value of a new order: the order's number, from 1 on and never the same again.
    ///
    /// # Errors
    /// [`NoOrder`], and nothing has changed.
    pub fn order(&mut self, id: &str, value: i64) -> Result<i64, NoOrder> {
        let is_full = self.pending.len() >= PENDING;
        let wallet = self.wallet(id).ok_or(NoOrder::NoWallet)?;
        if value < 0 || value > wallet.balance {
            return Err(NoOrder::NoFunds);
        }
        if is_full {
            return Err(NoOrder::Full);
        }
        wallet.balance -= value;
        self.last_order += 1;
        self.pending.insert(self.last_order, value);
        Ok(self.last_order)
    }

    /// Credits a wallet with an order, which is then gone. The receiver may be who pays.
    ///
    /// # Errors
    /// [`NotPaid`], tested in the order of its variants, and nothing has changed.
    pub fn transfer(&mut self, order: i64, check: i64, id: &str) -> Result<(), NotPaid> {
        let value = *self.pending.get(&order).ok_or(NotPaid::NoOrder)?;
        if value != check {
            return Err(NotPaid::OtherValue);
        }
        let wallet = self.wallet(id).ok_or(NotPaid::NoReceiver)?;
        // Cannot overflow: all the money together fits.
        wallet.balance += value;
        self.pending.remove(&order);
        Ok(())
    }

    /// All wallets, in the order in which they were opened.
    pub fn wallets(&self) -> &[Wallet] {
        &self.wallets
    }

    /// How many orders are still to be paid.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// All the money: what wallets hold, and what orders do.
    pub fn total(&self) -> i64 {
        self.wallets.iter().map(|wallet| wallet.balance).chain(self.pending.values().copied()).sum()
    }

    fn wallet(&mut self, id: &str) -> Option<&mut Wallet> {
        self.wallets.iter_mut().find(|wallet| wallet.id == id)
    }
}

#[cfg(test)]
mod tests;
