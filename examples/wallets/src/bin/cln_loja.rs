//! `cln_loja`: the store client.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use rpc_core::{Client, Endpoint};
use rpc_program::log;
use wallets::contract::{BankClient, StoreClient};
use wallets::conversation::ConversationError;
use wallets::{buyer, printing};

/// A buyer: prints the price, then does what the lines of standard input say
///
///   C   buys: prints the order's number, then 0; or what went wrong, -9 for a server that cannot be reached
///   T   ends the store and the wallet server: prints the seller's balance
///   F   ends the wallet server: prints how many orders were still to be paid
#[derive(Debug, Parser)]
#[command(name = "cln_loja", version, verbatim_doc_comment)]
struct CommandLine {
    /// Whose wallet pays
    #[arg(allow_hyphen_values = true)]
    wallet: String,

    /// The wallet server
    #[arg(value_name = "HOST:PORT")]
    bank: Endpoint,

    /// The store
    #[arg(value_name = "HOST:PORT")]
    store: Endpoint,
}

fn main() -> ExitCode {
    rpc_program::exit("cln_loja", run(&CommandLine::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, ConversationError> {
    log::init(log::LevelFilter::ERROR);
    let bank = BankClient::new(Client::connect(line.bank.to_string()));
    let store = StoreClient::new(Client::connect(line.store.to_string()));
    buyer::buy(&line.wallet, &bank, &store, io::stdin().lock(), printing::to_standard_output)?;
    Ok(ExitCode::SUCCESS)
}
