//! The store at work: it asks the wallet server for its money, and counts what it sold itself.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use rpc_core::{Context, Limits, Server, ServerBuilder, Status};

use crate::contract::{Bank, Store, StoreService, code};
use crate::printing::Print;

/// Serves [`Store`], paid through `B`.
pub struct Shop<B> {
    price: i64,
    seller: String,
    bank: B,
    till: Mutex<Till>,
    /// Told after each sale.
    sold: Condvar,
    print: Print,
    ended: Sender<io::Result<()>>,
}

struct Till {
    /// What the seller had at the start, and a price for each sale. `None` for a seller without a wallet.
    balance: Option<i64>,
    /// Sales under way.
    selling: usize,
    closing: bool,
}

/// How long the wallet server may take to answer: 10 s, so that a buyer, who waits for 30 s, is told what happened.
pub const BANK_TIME: Duration = Duration::from_secs(10);

impl<B: Bank> Shop<B> {
    /// A store of this seller; asks what he holds. At the end it prints the orders still to be paid with `print`, and sends
    /// to `ended` whether it could.
    ///
    /// # Errors
    /// When the wallet server cannot be asked.
    pub fn open(
        price: i64,
        seller: &str,
        bank: B,
        print: Print,
        ended: Sender<io::Result<()>>,
    ) -> Result<Shop<B>, Status> {
        let held = bank.lê_saldo(seller.to_owned())?;
        let balance = (held != code::NO_WALLET).then_some(held);
        let till = Mutex::new(Till { balance, selling: 0, closing: false });
        Ok(Shop { price, seller: seller.to_owned(), bank, till, sold: Condvar::new(), print, ended })
    }

    /// A server of this store, not bound yet.
    pub fn server(self) -> ServerBuilder {
        let limits = Limits { frame: 64 << 10, ..Limits::default() };
        Server::builder().service(StoreService::new(Arc::new(self))).limits(limits)
    }

    /// What the end tells, once no sale is under way: then the count is what it was at the end.
    fn final_balance(&self) -> (Option<i64>, Turn) {
        let mut till = self.till();
        let turn = if std::mem::replace(&mut till.closing, true) { Turn::Later } else { Turn::First };
        // A sale takes as long as the wallet server may at the most.
        let waited = self.sold.wait_timeout_while(till, BANK_TIME, |till| till.selling > 0);
        let (till, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (till.balance, turn)
    }

    fn till(&self) -> MutexGuard<'_, Till> {
        self.till.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of several who end the store, the first does it.
#[derive(PartialEq, Eq)]
enum Turn {
    First,
    Later,
}

impl<B: Bank> Store for Shop<B> {
    fn lê_preço(&self) -> Result<i64, Status> {
        Ok(self.price)
    }

    fn venda(&self, ordem: i64) -> Result<i64, Status> {
        let mut till = self.till();
        if till.closing {
            return Err(Status::failed_precondition("the store is ending"));
        }
        till.selling += 1;
        drop(till);
        // A buyer that goes away meanwhile does not end it: what was paid is counted.
        let pay = || self.bank.transferência(ordem, self.price, self.seller.clone());
        let answer = Context::background().scope(pay).unwrap_or(code::NO_CONNECTION);
        let mut till = self.till();
        till.selling -= 1;
        if answer == 0 {
            till.balance = till.balance.map(|balance| balance.saturating_add(self.price));
        }
        drop(till);
        self.sold.notify_all();
        Ok(answer)
    }

    fn fim_da_execução(&self) -> Result<i64, Status> {
        let (balance, turn) = self.final_balance();
        if turn == Turn::First {
            let ended = Context::background().scope(|| self.bank.fim_da_execução());
            let pending = ended.unwrap_or(code::NO_CONNECTION);
            // Who receives shuts the server down, which waits for the answer of this call.
            self.ended.try_send((self.print)(&format!("{pending}\n"))).ok();
        }
        Ok(balance.unwrap_or(code::NO_WALLET))
    }
}

#[cfg(test)]
mod tests;
