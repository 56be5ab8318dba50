//! The wallet server at work: a ledger behind a lock.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;
use rpc_core::{Limits, Server, ServerBuilder, Status};

use crate::contract::{Bank, BankService, code};
use crate::ledger::{Ledger, NoOrder, NotPaid};
use crate::printing::Print;
use crate::statement;

/// Serves [`Bank`].
pub struct Teller {
    books: Mutex<Books>,
    print: Print,
    ended: Sender<io::Result<()>>,
}

struct Books {
    ledger: Ledger,
    closed: bool,
}

impl Teller {
    /// A teller of this ledger. At the end it prints all wallets with `print`, and sends to `ended` whether it could.
    pub fn new(ledger: Ledger, print: Print, ended: Sender<io::Result<()>>) -> Teller {
        Teller { books: Mutex::new(Books { ledger, closed: false }), print, ended }
    }

    /// A server of this teller, not bound yet. Names are short, so frames are at most 64 KiB.
    pub fn server(self) -> ServerBuilder {
        let limits = Limits { frame: 64 << 10, ..Limits::default() };
        Server::builder().service(BankService::new(Arc::new(self))).limits(limits)
    }

    /// The books, for a change or a look. When they are closed they have been printed, and what they say must stay.
    fn open(&self) -> Result<MutexGuard<'_, Books>, Status> {
        let books = self.books();
        if books.closed {
            return Err(Status::failed_precondition("the wallet server is ending"));
        }
        Ok(books)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bank for Teller {
    fn lê_saldo(&self, carteira: String) -> Result<i64, Status> {
        Ok(self.open()?.ledger.balance(&carteira).unwrap_or(code::NO_WALLET))
    }

    fn cria_ordem(&self, carteira: String, valor: i64) -> Result<i64, Status> {
        match self.open()?.ledger.order(&carteira, valor) {
            Ok(order) => Ok(order),
            Err(NoOrder::NoWallet) => Ok(code::NO_WALLET),
            Err(NoOrder::NoFunds) => Ok(code::NO_FUNDS),
            Err(full @ NoOrder::Full) => Err(Status::resource_exhausted(full.to_string())),
        }
    }

    fn transferência(&self, ordem: i64, conferência: i64, carteira: String) -> Result<i64, Status> {
        Ok(match self.open()?.ledger.transfer(ordem, conferência, &carteira) {
            Ok(()) => 0,
            Err(NotPaid::NoOrder) => code::NO_ORDER,
            Err(NotPaid::OtherValue) => code::OTHER_VALUE,
            Err(NotPaid::NoReceiver) => code::NO_RECEIVER,
        })
    }

    fn fim_da_execução(&self) -> Result<i64, Status> {
        let mut books = self.books();
        let pending = i64::try_from(books.ledger.pending()).unwrap_or(i64::MAX);
        if std::mem::replace(&mut books.closed, true) {
            return Ok(pending);
        }
        let statement = statement::write(&books.ledger);
        drop(books);
        // Who receives shuts the server down, which waits for the answer of this call.
        self.ended.try_send((self.print)(&statement)).ok();
        Ok(pending)
    }
}
