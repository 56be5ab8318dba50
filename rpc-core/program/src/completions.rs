//! Completion scripts for shells, written from a program's own command line.

use std::io::{self, Write};

use clap::CommandFactory;
pub(crate) use clap_complete::Shell;

/// Writes the completion script of the command line `C` for this shell to standard output.
///
/// # Errors
/// When standard output cannot be written; a pipe that its reader has closed is such an error too.
pub(crate) fn write<C: CommandFactory>(shell: Shell) -> io::Result<()> {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    // The generator panics when its output fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    io::stdout().lock().write_all(&script)
}
