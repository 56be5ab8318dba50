//! Everybody who is connected, and what they say, in one order.
//!
//! Each client has a thread that listens to it. What they hear goes through one channel to one thread, which gives it to
//! the broadcast and to the log: that is the common order, and no lock is held while anything is sent.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::threads::{self, Thread};
use rpc_core::{Broadcast, Lag, Limits, Server, ServerBuilder, Status, Stream, SubscriberId};

use crate::contract::{Chat, ChatService, Message};
use crate::log::Log;

/// A chat, and the owner of its threads. Dropping it closes it, and waits for them.
pub struct Circle {
    members: Members,
    _order: Thread,
}

/// Serves [`Chat`]. Owns no thread for longer than its client stays: a stream keeps its server's services, so the last
/// listener may be who drops this.
#[derive(Clone)]
struct Members {
    everyone: Arc<Broadcast<Message>>,
    door: Arc<Mutex<Door>>,
}

struct Door {
    listeners: HashMap<SubscriberId, Thread>,
    /// `None` when the chat is closed.
    said: Option<Sender<Said>>,
}

enum Said {
    Message(Message),
    /// The client's stream has ended, in whatever way.
    Left(SubscriberId),
}

/// How far a client may be behind before it is let go: 1,000 messages, or 1 MiB of them.
pub const LAG: Lag = Lag { items: 1000, bytes: 1 << 20 };

/// What was said and is not passed on yet: 64 messages. Then listeners wait, and with them the clients that say more.
const SAID: usize = 64;

/// A client needs one call, and a message is a line: so a stranger costs little.
const LIMITS: fn() -> Limits = || Limits { frame: 64 << 10, calls_in_flight: 4, ..Limits::default() };

impl Circle {
    /// A circle of nobody, which logs each message, and each client that leaves, as a line to `log`. It never waits for the
    /// log's reader.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub fn open(log: Sender<String>) -> io::Result<Circle> {
        let everyone = Arc::new(Broadcast::with_lag(LAG));
        let (said, heard) = bounded(SAID);
        let (speaking, log) = (everyone.clone(), Log::to(log));
        let order = threads::spawn("chat-order", move || pass_on(&heard, &speaking, log))?;
        let door = Arc::new(Mutex::new(Door { listeners: HashMap::new(), said: Some(said) }));
        Ok(Circle { members: Members { everyone, door }, _order: order })
    }

    /// A server of this circle, not bound yet.
    pub fn server(&self) -> ServerBuilder {
        Server::builder().service(ChatService::new(Arc::new(self.members.clone()))).limits(LIMITS())
    }

    /// Lets nobody in any more, and ends what everybody hears, in order: clients that hear the end leave.
    pub fn close(&self) {
        let mut door = self.members.door();
        door.said = None;
        let everybody: Vec<SubscriberId> = door.listeners.keys().copied().collect();
        drop(door);
        self.members.everyone.end(&everybody, Ok(()));
    }
}

impl Drop for Circle {
    fn drop(&mut self) {
        self.close();
        let listeners = std::mem::take(&mut self.members.door().listeners);
        // Waits for each. Then nobody has anything to say, and the order ends too.
        drop(listeners);
    }
}

impl Chat for Members {
    fn Chat(&self, said: Stream<Message>) -> Result<Stream<Message>, Status> {
        let (id, heard) = self.everyone.subscribe();
        self.listen(id, said)?;
        Ok(heard)
    }
}

impl Members {
    /// Starts the thread that listens to one client.
    fn listen(&self, id: SubscriberId, words: Stream<Message>) -> Result<(), Status> {
        // The thread takes itself off the list, for which it waits until it is there.
        let mut door = self.door();
        let said = door.said.clone().ok_or_else(|| Status::unavailable("the chat is ending"))?;
        let members = self.clone();
        let listener = threads::spawn("chat-listener", move || {
            let messages = words.map_while(Result::ok).map(Said::Message);
            // The other end lives as long as any listener.
            messages.chain([Said::Left(id)]).for_each(|heard| said.send(heard).unwrap_or_default());
            drop(members.door().listeners.remove(&id));
        });
        let no_thread = |_| Status::resource_exhausted("the server has no thread for another client");
        door.listeners.insert(id, listener.map_err(no_thread)?);
        Ok(())
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pass_on(heard: &Receiver<Said>, everyone: &Broadcast<Message>, mut log: Log) {
    for said in heard {
        match said {
            Said::Message(message) => {
                // A message fitted a frame when it came, so it fits one when it leaves.
                everyone.send(&message).ok();
                log.note(message.to_string());
            }
            Said::Left(id) => {
                everyone.end(&[id], Ok(()));
                log.note("Cliente desconectado".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests;
