//! The `binder` program: serves names, or asks a binder that does.

use std::process::ExitCode;

use clap::Parser;

mod program;

fn main() -> ExitCode {
    rpc_program::exit("binder", program::run(program::CommandLine::parse()))
}
