//! `svc_loja`: the store.

use std::process::ExitCode;

use clap::Parser;
use crossbeam_channel::bounded;
use rpc_core::{Client, Endpoint, Status};
use rpc_program::log;
use thiserror::Error;
use wallets::contract::BankClient;
use wallets::printing;
use wallets::serving::{ServingError, serve};
use wallets::shop::{BANK_TIME, Shop};

/// The store: sells at one price, and is paid through the wallet server
#[derive(Debug, Parser)]
#[command(name = "svc_loja", version)]
struct CommandLine {
    /// What everything costs
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    price: i64,

    /// Where it listens, on all interfaces
    #[arg(value_parser = clap::value_parser!(u16).range(2048..))]
    port: u16,

    /// Whose wallet is paid
    #[arg(allow_hyphen_values = true)]
    seller: String,

    /// The wallet server
    #[arg(value_name = "HOST:PORT")]
    bank: Endpoint,
}

#[derive(Debug, Error)]
enum Failure {
    #[error("the wallet server does not tell the seller's balance")]
    Bank(#[from] Status),
    #[error(transparent)]
    Serving(#[from] ServingError),
}

fn main() -> ExitCode {
    rpc_program::exit("svc_loja", run(&CommandLine::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, Failure> {
    log::init(log::LevelFilter::ERROR);
    let bank = BankClient::new(Client::connect(line.bank.to_string())).with_deadline(BANK_TIME);
    let (ended, end) = bounded(1);
    let shop = Shop::open(line.price, &line.seller, bank, Box::new(printing::to_standard_output), ended)?;
    Ok(serve(shop.server(), line.port, &end)?)
}
