//! The `chat-server` program.

use std::process::ExitCode;

mod program;

fn main() -> ExitCode {
    rpc_program::exit("chat-server", program::run(rpc_program::arguments::parse()))
}
