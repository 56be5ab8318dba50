//! A binder as it is asked.

use std::process::Command;

use binder::{Binder as _, BinderClient, INCARNATION_KEY, INSTANCE_KEY, Renewal};
use rpc_core::Client;

use super::Asked;
use super::process::{Process, free_port};

/// A running `binder`, with `chat` registered.
pub(crate) struct Binder {
    pub(crate) process: Process,
    pub(crate) address: String,
}

/// Its renewals.
pub(crate) struct Renewals(String);

impl Binder {
    pub(crate) fn start(options: &[&str]) -> Binder {
        let binder = Binder::start_at(&format!("127.0.0.1:{}", free_port()), options);
        binder.client().register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
        binder
    }

    pub(crate) fn start_at(address: &str, options: &[&str]) -> Binder {
        let mut command = Command::new(env!("CARGO_BIN_EXE_binder"));
        command.args(["--listen", address, "--lease", "5m"]).args(options);
        let process = Process::start(command, address).unwrap();
        Binder { process, address: address.to_owned() }
    }

    pub(crate) fn client(&self) -> BinderClient {
        BinderClient::new(Client::connect(&self.address))
    }

    pub(crate) fn renewals(&self) -> Renewals {
        Renewals(self.address.clone())
    }

    /// 64 questions under way on one connection.
    pub(crate) fn pipeline(&self) -> Box<dyn FnMut() -> u64 + Send> {
        let client = self.client();
        Box::new(move || {
            let started: Vec<_> = (0..64).map(|_| client.start().lookup_procedure("chat".into())).collect();
            started.into_iter().map(|pending| u64::from(pending.wait().is_ok())).sum()
        })
    }
}

impl Asked for Binder {
    fn question(&self) -> Box<dyn FnMut() + Send> {
        let client = self.client();
        Box::new(move || assert_eq!(client.lookup_procedure("chat".into()).unwrap().port, 4000))
    }
}

impl Asked for Renewals {
    fn question(&self) -> Box<dyn FnMut() + Send> {
        let id: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
        let client = Client::connect(&self.0).with_metadata(INSTANCE_KEY, id);
        let client = BinderClient::new(client.with_metadata(INCARNATION_KEY, [0; 8]));
        let name = format!("renewed/{:x}", u128::from_le_bytes(id));
        client.register_procedure(name, "127.0.0.1".into(), 4000).unwrap();
        Box::new(move || assert!(matches!(client.renew(), Ok(Renewal::Renewed { .. }))))
    }
}
