//! The `binder` program: serves names, or asks a binder that does.

use std::process::ExitCode;

mod program;

use rpc_program::completions;

use self::program::CommandLine;

fn main() -> ExitCode {
    completions::answer::<CommandLine>(program::names)
        .unwrap_or_else(|| rpc_program::exit("binder", program::run(rpc_program::arguments::parse())))
}
