//! The `rpc` program: calls procedures by hand, and looks at the servers that have them.

use std::process::ExitCode;

mod program;

use rpc_program::completions;

use self::program::CommandLine;

fn main() -> ExitCode {
    completions::answer::<CommandLine>(program::names)
        .unwrap_or_else(|| program::exit(program::run(rpc_program::arguments::parse())))
}
