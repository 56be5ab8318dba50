//! The program `rpc` against the real binder and chat server, and against servers that mean no good.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

#[path = "rpc_tool/calls.rs"]
mod calls;
#[path = "rpc_tool/completing.rs"]
mod completing;
#[path = "../../rpc-core/tests/waits/eventually.rs"]
mod eventually;
#[path = "rpc_tool/load.rs"]
mod load;
#[path = "rpc_tool/looking.rs"]
mod looking;
#[path = "rpc_tool/strangers.rs"]
mod strangers;

use std::io::Write;
use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use self::eventually::eventually;
use system_tests::{BinderProgram, Process, ServerProgram, command};

const SOON: Duration = Duration::from_secs(30);

/// What a run of the program left.
struct Ran {
    code: i32,
    out: String,
    told: String,
}

/// Runs `rpc`, with nothing on its standard input.
#[track_caller]
fn rpc(arguments: &[&str]) -> Ran {
    rpc_with(arguments, "")
}

/// Runs `rpc` with this on its standard input; it ends soon, or the test fails.
#[track_caller]
fn rpc_with(arguments: &[&str], input: &str) -> Ran {
    let mut rpc = command("rpc");
    rpc.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = rpc.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that does not read it closes the pipe.
    let typing = thread::Builder::new().spawn(move || drop(stdin.write_all(input.as_bytes()))).unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    let id = child.id();
    let waiting = thread::Builder::new().spawn(move || drop(sender.send(child.wait_with_output()))).unwrap();
    let output = ended.recv_timeout(SOON).unwrap_or_else(|_| {
        std::process::Command::new("kill").arg(id.to_string()).status().unwrap();
        panic!("rpc {arguments:?} did not end")
    });
    typing.join().unwrap();
    waiting.join().unwrap();
    let Output { status, stdout, stderr } = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), told: text(stderr) }
}

impl Ran {
    /// What it printed, if it ended well.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.told.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// That it failed with this code, and said this in one line.
    #[track_caller]
    fn failed(self, code: i32, says: &str) {
        assert_eq!(self.code, code, "{}", self.told);
        assert!(self.told.contains(says) && self.told.lines().count() == 1, "{}", self.told);
    }
}

/// A binder and a chat server.
struct House {
    binder: BinderProgram,
    chat: ServerProgram,
}

impl House {
    fn open() -> House {
        let binder = BinderProgram::start();
        let chat = ServerProgram::start(&binder);
        House { binder, chat }
    }

    /// Runs `rpc` through the binder.
    #[track_caller]
    fn rpc(&self, arguments: &[&str]) -> Ran {
        let binder = self.binder.address.to_string();
        rpc(&[arguments, &["--binder", &binder]].concat())
    }
}
