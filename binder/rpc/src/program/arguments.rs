//! The command line.

use clap::{Parser, Subcommand};
use rpc_program::papers::Papers;

use super::{bench, call, describe, gen_cert, health, list};

/// Calls procedures by hand, and looks at the servers that have them
#[derive(Debug, Parser)]
#[command(name = "rpc", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) papers: Papers,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show which procedures there are
    #[command(after_help = list::HELP)]
    List(list::Arguments),
    /// Show what a procedure does, takes and returns
    #[command(after_help = describe::HELP)]
    Describe(describe::Arguments),
    /// Call a procedure, with JSON in and JSON out
    #[command(after_help = call::HELP)]
    Call(call::Arguments),
    /// Say whether a server or a service of it serves
    #[command(after_help = health::HELP)]
    Health(health::Arguments),
    /// Say it now, and again at each change, until Ctrl-C or the server's end
    #[command(after_help = health::HELP)]
    Watch(health::Arguments),
    /// Call a procedure again and again, and show how long that took
    #[command(after_help = bench::HELP)]
    Bench(bench::Arguments),
    /// Make an authority and certificates, to try TLS out with
    #[command(after_help = gen_cert::HELP)]
    GenCert(gen_cert::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  rpc list                                        what the binder at 127.0.0.1:5000 knows
  rpc describe create_room
  rpc call create_room '{\"room_name\":\"lobby\"}'
  rpc list --to 127.0.0.1:5000                    what one server offers: the binder itself
  rpc bench list_rooms --duration 5s

Exit codes: 0 done, 1 failed (the procedure's own error, or something here), 2 the command line is wrong, 3 no answer
(not reached, or too late), 4 the server refused the call; for `health`, 1 is a service that does not serve. Why is one
line on standard error, with the name of the status if there is one.";
