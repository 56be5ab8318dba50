//! The `rpc` program: calls procedures by hand, and looks at the servers that have them.

use std::process::ExitCode;

mod program;

fn main() -> ExitCode {
    program::exit(program::run(rpc_program::arguments::parse()))
}
