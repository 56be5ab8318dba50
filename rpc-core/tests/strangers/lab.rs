//! The service that strangers meet, and what a test sees of it.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::{Bytes, Client, Context, Limits, Server, Status};

#[rpc_core::service]
pub(crate) trait Lab {
    fn echo(&self, text: String) -> Result<String, Status>;
    /// So many bytes.
    fn bulk(&self, size: u32) -> Result<Bytes, Status>;
    /// Waits for the gate or the caller's loss of interest.
    fn wait(&self) -> Result<String, Status>;
    /// Waits for the caller's loss of interest.
    fn hold(&self) -> Result<(), Status>;
    /// Waits for the gate, whoever has gone meanwhile.
    fn insist(&self) -> Result<String, Status>;
}

struct Bench {
    gate: Receiver<()>,
    entered: Sender<()>,
    cancelled: Sender<()>,
}

impl Lab for Bench {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn bulk(&self, size: u32) -> Result<Bytes, Status> {
        self.entered.try_send(()).ok();
        Ok(vec![7; usize::try_from(size).unwrap()].into())
    }

    fn wait(&self) -> Result<String, Status> {
        self.entered.send(()).unwrap();
        crossbeam_channel::select! {
            recv(self.gate) -> _ => Ok("through".to_owned()),
            recv(Context::current().cancelled()) -> _ => {
                self.cancelled.send(()).unwrap();
                Err(Status::cancelled("nobody waits"))
            }
        }
    }

    fn hold(&self) -> Result<(), Status> {
        // The channel carries nothing: it ends.
        Context::current().cancelled().recv().unwrap_err();
        Err(Status::cancelled("nobody waits"))
    }

    fn insist(&self) -> Result<String, Status> {
        self.entered.send(()).unwrap();
        self.gate.recv().unwrap();
        Ok("through".to_owned())
    }
}

pub(crate) struct Stand {
    pub(crate) lab: LabClient,
    pub(crate) server: Server,
    pub(crate) gate: Sender<()>,
    pub(crate) entered: Receiver<()>,
    pub(crate) cancelled: Receiver<()>,
}

pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) fn stand() -> Stand {
    stand_with(Limits::default())
}

pub(crate) fn stand_with(limits: Limits) -> Stand {
    let (gate, through) = bounded(1000);
    let (entered, seen) = bounded(1000);
    let (cancelled, gone) = bounded(1000);
    let bench = Arc::new(Bench { gate: through, entered, cancelled });
    let server =
        Server::builder().service(LabService::new(bench)).limits(limits).bind("127.0.0.1:0").unwrap();
    let lab = LabClient::new(Client::connect(server.address().to_string()));
    Stand { lab, server, gate, entered: seen, cancelled: gone }
}

impl Stand {
    /// The server answers others, whatever the test has done to it.
    #[track_caller]
    pub(crate) fn check_serves(&self) {
        assert_eq!(self.lab.echo("still there".to_owned()), Ok("still there".to_owned()));
    }
}
