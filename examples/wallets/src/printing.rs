//! Where results are printed, so that what prints can be tested without a process.

use std::io::{self, Write};

/// Prints a text, whole and at once.
pub type Print = Box<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

/// Prints to standard output; through a pipe too the text is there when this returns.
pub fn to_standard_output(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
