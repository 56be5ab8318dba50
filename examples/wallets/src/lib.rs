//! Wallets, and a store that is paid from them.
//!
//! ```text
//!   cln_banco ──── S O X F ───────────▶ svc_banco ◀───┐
//!                                           ▲         │ transferência
//!   cln_loja ─┬─── cria_ordem ──────────────┘         │
//!             └─── venda ────────────────────────▶ svc_loja
//! ```
//! `contract` is what travels; `ledger` is pure and holds every coin; the rest is thin.

pub mod contract;

pub mod ledger;
pub mod statement;

pub mod printing;

pub mod shop;
pub mod teller;

pub mod conversation;

pub mod buyer;
pub mod customer;

pub mod serving;
