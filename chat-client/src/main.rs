//! The `chat-client` program: a person or a script in a chat.

use std::error::Error;
use std::process::ExitCode;

use chat_client::program::{self, CommandLine};
use rpc_program::log::{self, LevelFilter};
use rpc_program::signals;

fn main() -> ExitCode {
    rpc_program::exit("chat-client", run(&rpc_program::arguments::parse()))
}

fn run(line: &CommandLine) -> Result<ExitCode, Box<dyn Error>> {
    if line.papers.write::<CommandLine>()? {
        return Ok(ExitCode::SUCCESS);
    }
    // What the chat itself has to say are events; the log would be written into the line being typed.
    log::init(LevelFilter::ERROR);
    let stop = signals::stop_with_terminal()?;
    Ok(program::run(&line.session()?, &line.user, stop.signals())?)
}
