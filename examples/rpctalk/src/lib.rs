//! RPCtalk: senders talk through a room to displays. Everybody here serves or calls, and the room does both.
//!
//! ```text
//!   envia ──registra_entrada, envia, lista …──▶ sala ──exibe, termina──▶ exibe
//!                                                ▲                        │
//!                                                └─────registra_saida─────┘
//! ```
//! `contract` is what travels; `registry` and `command` are pure; the rest is thin.

pub mod contract;

pub mod command;
pub mod registry;

pub mod hall;
mod roundup;
pub mod whereabouts;

pub mod screen;
pub mod sender;
