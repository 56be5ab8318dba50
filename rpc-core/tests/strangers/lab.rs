//! The service that strangers meet, and what a test sees of it.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rpc_core::{Bytes, Client, Context, Limits, Server, Status};

use crate::gate::Gate;

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
    gate: Gate,
}

impl Lab for Bench {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn bulk(&self, size: u32) -> Result<Bytes, Status> {
        self.gate.entered.try_send(()).ok();
        Ok(vec![7; usize::try_from(size).unwrap()].into())
    }

    fn wait(&self) -> Result<String, Status> {
        self.gate.pass()?;
        Ok("through".to_owned())
    }

    fn hold(&self) -> Result<(), Status> {
        // The channel carries nothing: it ends.
        Context::current().cancelled().recv().unwrap_err();
        Err(Status::cancelled("nobody waits"))
    }

    fn insist(&self) -> Result<String, Status> {
        self.gate.entered.send(()).unwrap();
        self.gate.opened.recv().unwrap();
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
    let (gate, opens, [entered, cancelled]) = Gate::new();
    let bench = Arc::new(Bench { gate });
    let server =
        Server::builder().service(LabService::new(bench)).limits(limits).bind("127.0.0.1:0").unwrap();
    let lab = LabClient::new(Client::connect(server.address().to_string()));
    Stand { lab, server, gate: opens, entered, cancelled }
}

impl Stand {
    /// The server answers others, whatever the test has done to it.
    #[track_caller]
    pub(crate) fn check_serves(&self) {
        assert_eq!(self.lab.echo("still there".to_owned()), Ok("still there".to_owned()));
    }
}
