//! The four programs, each started as a user would.

use std::process::Command;

use system_tests::{Ended, Transcript};

pub(crate) const SVC_BANCO: &str = env!("CARGO_BIN_EXE_svc_banco");
pub(crate) const CLN_BANCO: &str = env!("CARGO_BIN_EXE_cln_banco");
pub(crate) const SVC_LOJA: &str = env!("CARGO_BIN_EXE_svc_loja");
pub(crate) const CLN_LOJA: &str = env!("CARGO_BIN_EXE_cln_loja");

pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// A running wallet server.
pub(crate) struct Bank {
    pub(crate) server: Transcript,
    pub(crate) port: u16,
}

impl Bank {
    #[track_caller]
    pub(crate) fn open(wallets: &str) -> Bank {
        let (server, port) = Transcript::serve(wallets, |port| command(SVC_BANCO, &[&port.to_string()]));
        Bank { server, port }
    }

    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A client whose lines are typed by the test.
    #[track_caller]
    pub(crate) fn client(&self, wallet: &str) -> Transcript {
        Transcript::start(&mut command(CLN_BANCO, &[wallet, &self.address()]))
    }

    /// A client that has these lines and no more, until its end.
    #[track_caller]
    pub(crate) fn run(&self, wallet: &str, lines: &str) -> Ended {
        let mut client = self.client(wallet);
        client.type_in(lines);
        client.ended()
    }

    /// Ends it by its client; it prints these wallets.
    #[track_caller]
    pub(crate) fn close(self, pending: &str, wallets: &str) {
        printed(&self.run("nobody", "F\n"), pending);
        self.server.ends_with(wallets);
    }
}

/// A running store.
pub(crate) struct Store {
    pub(crate) server: Transcript,
    pub(crate) port: u16,
}

impl Store {
    #[track_caller]
    pub(crate) fn open(price: &str, seller: &str, bank: &str) -> Store {
        let (server, port) =
            Transcript::serve("", |port| command(SVC_LOJA, &[price, &port.to_string(), seller, bank]));
        Store { server, port }
    }

    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    #[track_caller]
    pub(crate) fn buyer(&self, wallet: &str, bank: &str) -> Transcript {
        Transcript::start(&mut command(CLN_LOJA, &[wallet, bank, &self.address()]))
    }

    #[track_caller]
    pub(crate) fn run(&self, wallet: &str, bank: &str, lines: &str) -> Ended {
        let mut buyer = self.buyer(wallet, bank);
        buyer.type_in(lines);
        buyer.ended()
    }
}

/// The end of a client that printed this and nothing else.
#[track_caller]
pub(crate) fn printed(ended: &Ended, stdout: &str) {
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), stdout, ""));
}

/// The end of a program that failed with this output, and one line of words.
#[track_caller]
pub(crate) fn refused(ended: &Ended, stdout: &str, words: &str) {
    assert_eq!((ended.code, &*ended.stdout), (Some(1), stdout), "{ended:?}");
    assert!(ended.stderr.contains(words) && ended.stderr.lines().count() == 1, "{ended:?}");
}
