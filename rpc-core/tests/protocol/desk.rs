//! The procedures of the document's exchange.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::service::{Kind, Procedure};
use rpc_core::{Context, Server, Status, Stream, stream};
use serde::{Deserialize, Serialize};

#[rpc_core::service]
pub(crate) trait Desk {
    fn echo(&self, text: String) -> Result<String, Trouble>;
    fn withdraw(&self, amount: u64) -> Result<u64, Trouble>;
    /// 1 to 65.
    fn entries(&self) -> Result<Stream<u64>, Trouble>;
    fn deposit(&self, amounts: Stream<u64>) -> Result<u64, Trouble>;
    /// Waits until nobody waits for it.
    fn wait(&self) -> Result<String, Trouble>;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Trouble {
    Short { missing: u64 },
    Rpc(Status),
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Trouble {
        Trouble::Rpc(status)
    }
}

impl Trouble {
    #[track_caller]
    pub(crate) fn status(self) -> Status {
        match self {
            Trouble::Rpc(status) => status,
            Trouble::Short { missing } => panic!("not a status: {missing} are missing"),
        }
    }
}

/// A procedure that the desk does not have.
pub(crate) static REFUND: Procedure = Procedure::new("refund", Kind::Unary);

const BALANCE: u64 = 250;

struct Clerk {
    cancelled: Sender<()>,
}

impl Desk for Clerk {
    fn echo(&self, text: String) -> Result<String, Trouble> {
        Ok(text)
    }

    fn withdraw(&self, amount: u64) -> Result<u64, Trouble> {
        BALANCE.checked_sub(amount).ok_or(Trouble::Short { missing: amount.saturating_sub(BALANCE) })
    }

    fn entries(&self) -> Result<Stream<u64>, Trouble> {
        let (sink, entries) = stream();
        (1..=64).for_each(|entry| sink.try_send(entry).unwrap());
        // There is no room for the last one before the others have left together.
        drop(std::thread::Builder::new().spawn(move || sink.send(65)));
        Ok(entries)
    }

    fn deposit(&self, mut amounts: Stream<u64>) -> Result<u64, Trouble> {
        amounts.try_fold(0, |sum, amount| Ok(sum + amount?))
    }

    fn wait(&self) -> Result<String, Trouble> {
        // The channel carries nothing: it ends when the call is cancelled.
        Context::current().cancelled().recv().unwrap_err();
        self.cancelled.send(()).unwrap();
        Ok("for nobody".to_owned())
    }
}

/// A server of the desk, and who tells of every `wait` that was cancelled.
pub(crate) fn open() -> (Server, Receiver<()>) {
    let (cancelled, seen) = bounded(1);
    let desk = DeskService::new(Arc::new(Clerk { cancelled }));
    (Server::builder().service(desk).bind("127.0.0.1:0").unwrap(), seen)
}
