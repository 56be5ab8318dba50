//! A display's output: the number of its registration first, then each message as one whole line.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, select};
use rpc_core::{Context, Status};

use crate::contract::Display;

/// Serves [`Display`] by writing to `W`.
#[derive(Debug)]
pub struct Screen<W> {
    /// Disconnected when the display has printed its number: until then messages wait.
    opened: Receiver<Infallible>,
    /// Held while a line is written, so that lines are whole.
    output: Mutex<W>,
    ended: Sender<io::Result<()>>,
}

impl<W: Write> Screen<W> {
    /// A screen that shows nothing until `opened` is disconnected. To `ended` it sends why the display is to end: it was
    /// told to, or nobody can read it.
    pub fn new(opened: Receiver<Infallible>, output: W, ended: Sender<io::Result<()>>) -> Screen<W> {
        Screen { opened, output: Mutex::new(output), ended }
    }

    fn show(&self, line: &str) -> io::Result<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(line.as_bytes())?;
        output.flush()
    }
}

impl<W: Write + Send + 'static> Display for Screen<W> {
    fn exibe(&self, mensagem: String, origem: String) -> Result<i64, Status> {
        select! {
            recv(self.opened) -> _ => {}
            recv(Context::current().cancelled()) -> _ => return Err(Status::cancelled("nobody waits for it any more")),
        }
        self.show(&format!("Mensagem de {origem}: {mensagem}\n")).map(|()| 0).map_err(|error| {
            let status = Status::unavailable(format!("the display cannot be written to: {error}"));
            // One place: the first reason to end is the one.
            self.ended.try_send(Err(error)).ok();
            status
        })
    }

    fn termina(&self) -> Result<i64, Status> {
        self.ended.try_send(Ok(())).ok();
        Ok(0)
    }
}

#[cfg(test)]
mod tests;
