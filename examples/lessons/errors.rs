//! Errors arrive typed: the method's own, and what became of a call that did not come back.
//!
//! ```text
//! 70 are left
//! refused: only 70 are there
//! not reached, and it did not run
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::{Client, Code, Execution, Server, Status};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[derive(Debug, Error, Serialize, Deserialize)]
enum BankError {
    #[error("only {balance} are there")]
    TooLittle { balance: u64 },
    #[error(transparent)]
    Call(#[from] Status),
}

#[rpc_core::service]
trait Bank {
    /// Takes this much, and says what is left.
    fn withdraw(&self, amount: u64) -> Result<u64, BankError>;
}

struct Account(Mutex<u64>);

impl Bank for Account {
    fn withdraw(&self, amount: u64) -> Result<u64, BankError> {
        let mut balance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *balance = balance.checked_sub(amount).ok_or(BankError::TooLittle { balance: *balance })?;
        Ok(*balance)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let account = Account(Mutex::new(100));
    let server = Server::builder().service(BankService::new(Arc::new(account))).bind("127.0.0.1:0")?;
    let bank = BankClient::new(Client::connect(server.address().to_string()));
    println!("{} are left", bank.withdraw(30)?);
    if let Err(refused @ BankError::TooLittle { .. }) = bank.withdraw(80) {
        println!("refused: {refused}");
    }
    drop(server);
    match bank.withdraw(10) {
        Err(BankError::Call(status)) if status.code() == Code::Unavailable => {
            let ran = status.execution() == Execution::MayHaveRun;
            println!("not reached, and it {}", if ran { "may have run" } else { "did not run" });
        }
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}
