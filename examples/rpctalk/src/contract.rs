//! What travels: the procedures of the room and of a display. Their names, parameters and numbers are the assignment's.

use std::fmt;

use rpc_core::Status;
use serde::{Deserialize, Serialize};

/// The metadata key under which a sender's calls carry his id, for procedures that must know who calls.
pub const CALLER: &str = "id";

/// The display that stands for all of them.
pub const EVERYONE: &str = "todos";

/// What [`Room`] answers to an id that is in use.
pub const TAKEN: i64 = -1;

/// The room: programs register, senders speak.
#[rpc_core::service]
pub trait Room {
    /// Registers a sender: how many there are now, or [`TAKEN`] among senders.
    fn registra_entrada(&self, id: String) -> Result<i64, Status>;

    /// Registers a display that serves at this host and port: how many there are now, or [`TAKEN`] among displays.
    fn registra_saida(&self, id: String, host: String, port: u16) -> Result<i64, Status>;

    /// All programs, in the order in which they registered.
    fn lista(&self) -> Result<Vec<Program>, Status>;

    /// Forgets the [`CALLER`]; a display of the same id is forgotten too and ended: 1 if there was one, else 0.
    fn finaliza_registro(&self) -> Result<i64, Status>;

    /// Ends every display, and then the room: 0.
    fn termina(&self) -> Result<i64, Status>;

    /// Shows a message of the [`CALLER`] on one display, or on [`EVERYONE`]'s: on how many.
    fn envia(&self, mensagem: String, destino: String) -> Result<i64, Status>;
}

/// A display. The room calls it.
#[rpc_core::service]
pub trait Display {
    /// Shows a message: 0.
    fn exibe(&self, mensagem: String, origem: String) -> Result<i64, Status>;

    /// Ends the display: 0.
    fn termina(&self) -> Result<i64, Status>;
}

/// A registered program. Its text is what `L` prints: `entrada ana`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Senders and displays have name spaces of their own.
    pub kind: Kind,
    /// As it was registered.
    pub id: String,
}

/// What a program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// It sends what it reads: `entrada`.
    Sender,
    /// It shows what it is sent: `saida`.
    Display,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Sender => "entrada",
            Kind::Display => "saida",
        };
        write!(f, "{kind} {}", self.id)
    }
}
