//! What travels: the procedures of the two servers. Their names, parameters and numbers are the assignment's.

use rpc_core::Status;

/// The wallet server. What it answers below zero is a [`code`].
#[rpc_core::service]
pub trait Bank {
    /// A wallet's balance, or [`code::NO_WALLET`].
    #[idempotent]
    fn lê_saldo(&self, carteira: String) -> Result<i64, Status>;

    /// Makes an order of payment and debits the wallet at once: the order's number, [`code::NO_WALLET`], or
    /// [`code::NO_FUNDS`].
    fn cria_ordem(&self, carteira: String, valor: i64) -> Result<i64, Status>;

    /// Credits the wallet with an order, whose value the receiver says too, and removes the order: 0,
    /// [`code::NO_ORDER`], [`code::OTHER_VALUE`] or [`code::NO_RECEIVER`], in this order of tests.
    fn transferência(&self, ordem: i64, conferência: i64, carteira: String) -> Result<i64, Status>;

    /// Ends the server, which prints all wallets: how many orders were still to be paid.
    fn fim_da_execução(&self) -> Result<i64, Status>;
}

/// The store.
#[rpc_core::service]
pub trait Store {
    /// The price of what it sells.
    #[idempotent]
    fn lê_preço(&self) -> Result<i64, Status>;

    /// Takes an order as payment: what `transferência` answered, or [`code::NO_CONNECTION`].
    fn venda(&self, ordem: i64) -> Result<i64, Status>;

    /// Ends the wallet server and the store: the seller's balance, or [`code::NO_WALLET`].
    fn fim_da_execução(&self) -> Result<i64, Status>;
}

/// Answers that are no amount and no number of an order.
pub mod code {
    /// No wallet has this name.
    pub const NO_WALLET: i64 = -1;
    /// The wallet holds less than that, or the value is below zero.
    pub const NO_FUNDS: i64 = -2;
    /// The order was never made, or has been paid.
    pub const NO_ORDER: i64 = -1;
    /// The order has another value.
    pub const OTHER_VALUE: i64 = -2;
    /// No wallet has the receiver's name.
    pub const NO_RECEIVER: i64 = -3;
    /// The wallet server, or the store, cannot be reached.
    pub const NO_CONNECTION: i64 = -9;
}
