//! The binder and the chat server, started on free ports.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process::Process;

/// A command for one of the workspace's programs, built if it is not.
#[track_caller]
pub fn command(program: &str) -> Command {
    let mut command = Command::new(programs().join(program));
    for (key, _) in std::env::vars() {
        if ["CHAT_", "BINDER_", "RPC_"].iter().any(|own| key.starts_with(own)) || key == "RUST_LOG" {
            command.env_remove(key);
        }
    }
    // What is pinned is English, whatever the machine speaks.
    command.env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
    command
}

/// Builds all programs once, with the compiler and profile of the test, and says where they are.
fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = std::env::current_exe().unwrap();
        let folder = folder.ancestors().nth(2).unwrap().to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args([
            "build",
            "--quiet",
            "--workspace",
            "--bins",
        ]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the programs do not build");
        folder
    })
}

/// A port that was free a moment ago, for programs that must come back at one.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running `binder`.
pub struct BinderProgram {
    pub process: Process,
    pub address: SocketAddr,
}

impl BinderProgram {
    /// On any free port.
    #[track_caller]
    pub fn start() -> BinderProgram {
        BinderProgram::start_with(&[])
    }

    /// On any free port, with more options.
    #[track_caller]
    pub fn start_with(options: &[&str]) -> BinderProgram {
        BinderProgram::start_on("127.0.0.1:0", options)
    }

    /// At this address.
    #[track_caller]
    pub fn start_at(listen: &str) -> BinderProgram {
        BinderProgram::start_on(listen, &[])
    }

    /// At this address, with more options.
    #[track_caller]
    pub fn start_on(listen: &str, options: &[&str]) -> BinderProgram {
        let mut process =
            Process::start("binder", command("binder").args(["--listen", listen]).args(options));
        let address = listening(&mut process);
        BinderProgram { process, address }
    }

    /// Kills the binder and starts another at its address, without options.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.kill();
        *self = BinderProgram::start_at(&self.address.to_string());
    }
}

/// A running `chat-server`, registered with its binder.
pub struct ServerProgram {
    pub process: Process,
    pub address: SocketAddr,
}

impl ServerProgram {
    #[track_caller]
    pub fn start(binder: &BinderProgram) -> ServerProgram {
        ServerProgram::start_with(binder, &[])
    }

    /// With more options.
    #[track_caller]
    pub fn start_with(binder: &BinderProgram, options: &[&str]) -> ServerProgram {
        let binder = binder.address.to_string();
        let mut chat_server = command("chat-server");
        let mut process =
            Process::start("chat-server", chat_server.args(["--binder", &binder]).args(options));
        let address = listening(&mut process);
        process.complaint("registered");
        ServerProgram { process, address }
    }
}

/// The address that a server says it listens on.
#[track_caller]
fn listening(process: &mut Process) -> SocketAddr {
    let line = process.complaint("listening on ");
    let (_, rest) = line.rsplit_once("listening on ").unwrap();
    rest.split_whitespace().next().unwrap().trim_end_matches(['.', ',']).parse().unwrap()
}
