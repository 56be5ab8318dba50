//! Manual pages, written from a program's own command line.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;

/// Writes the manual pages of the command line `C` into this folder, which is made if it is not there: `NAME.1`, and
/// `NAME-SUBCOMMAND.1` for each subcommand. `man -l NAME.1` shows one; `share/man/man1` is where they are looked for.
///
/// # Errors
/// When the folder or a page cannot be written.
pub fn write<C: CommandFactory>(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(C::command(), folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of this test.
    #[derive(clap::Parser)]
    #[command(name = "pastry", version)]
    enum Pastry {
        /// Bakes it
        Bake,
    }

    #[test]
    fn each_subcommand_has_a_page() {
        let folder = std::env::temp_dir().join(format!("rpc-program-manual-{}", std::process::id()));
        write::<Pastry>(&folder).unwrap();
        let page = fs::read_to_string(folder.join("pastry-bake.1")).unwrap();
        assert!(page.contains("Bakes it"), "{page}");
        assert!(folder.join("pastry.1").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
