//! The `binder` program: serves names, or asks a binder that does.

use std::process::ExitCode;

mod program;

fn main() -> ExitCode {
    rpc_program::exit("binder", program::run(rpc_program::arguments::parse()))
}
