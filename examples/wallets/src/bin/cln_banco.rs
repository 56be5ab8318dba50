//! `cln_banco`: the wallet client.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use rpc_core::{Client, Endpoint};
use rpc_program::log;
use wallets::contract::BankClient;
use wallets::conversation::ConversationError;
use wallets::{customer, printing};

/// A wallet's client: does what the lines of standard input say, and prints each answer
///
///   S                      the balance
///   O VALUE                an order of payment: its number, or -1 (no wallet), -2 (no funds)
///   X ORDER CHECK WALLET   pays an order: 0, or -1 (no order), -2 (other value), -3 (no wallet)
///   F                      ends the server: how many orders were still to be paid
#[derive(Debug, Parser)]
#[command(name = "cln_banco", version, verbatim_doc_comment)]
struct CommandLine {
    /// Whose wallet
    #[arg(allow_hyphen_values = true)]
    wallet: String,

    /// The wallet server
    #[arg(value_name = "HOST:PORT")]
    bank: Endpoint,
}

fn main() -> ExitCode {
    rpc_program::exit("cln_banco", run(&CommandLine::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, ConversationError> {
    log::init(log::LevelFilter::ERROR);
    let bank = BankClient::new(Client::connect(line.bank.to_string()));
    customer::serve(&line.wallet, &bank, io::stdin().lock(), printing::to_standard_output)?;
    Ok(ExitCode::SUCCESS)
}
