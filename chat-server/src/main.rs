//! The `chat-server` program.

use std::process::ExitCode;

use clap::Parser;

mod program;

fn main() -> ExitCode {
    rpc_program::exit("chat-server", program::run(program::CommandLine::parse()))
}
