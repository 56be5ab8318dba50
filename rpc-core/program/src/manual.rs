//! Manual pages, written from a program's own command line.
//!
//! What clap knows gives the usual sections. The text behind the options in `--help` gives the others ([`notes`]): a
//! paragraph that begins with `Examples:` is the section EXAMPLES, and so with any heading.

mod notes;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use self::notes::Note;

/// Writes the manual pages of the command line `C` into this folder, which is made if it is not there: `NAME.1`, and
/// `NAME-SUBCOMMAND.1` for each subcommand. `man -l NAME.1` shows one; `share/man/man1` is where they are looked for.
///
/// # Errors
/// When the folder or a page cannot be written.
pub(crate) fn write<C: CommandFactory>(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut program = C::command().disable_help_subcommand(true);
    program.build();
    write_all(&program, None, folder)
}

fn write_all(command: &Command, parent: Option<&Command>, folder: &Path) -> io::Result<()> {
    for below in shown(command) {
        write_all(below, Some(command), folder)?;
    }
    let man = Man::new(command.clone()).source(source(command, parent)).manual("User Commands");
    let mut page = Vec::new();
    render(&man, command, parent, &mut page)?;
    fs::write(folder.join(man.get_filename()), page)
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set())
}

/// The page's name without its section: `binder-list`.
fn title(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// The program and its version, which a subcommand has from its parent.
fn source(command: &Command, parent: Option<&Command>) -> String {
    let program = parent.unwrap_or(command);
    format!("{} {}", program.get_name(), program.get_version().unwrap_or_default())
}

fn render(man: &Man, command: &Command, parent: Option<&Command>, page: &mut dyn Write) -> io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if shown(command).next().is_some() {
        man.render_subcommands_section(page)?;
    }
    let text = command.get_after_long_help().or_else(|| command.get_after_help());
    let notes = notes::read(&text.map(ToString::to_string).unwrap_or_default());
    let named = |heading: &str| notes.iter().find(|note| note.heading == heading);
    for note in notes.iter().filter(|note| ![ENVIRONMENT, EXIT_STATUS].contains(&&*note.heading)) {
        note.render().to_writer(page)?;
    }
    environment(command, named(ENVIRONMENT)).to_writer(page)?;
    named(EXIT_STATUS).map_or_else(exit_status, Note::render).to_writer(page)?;
    see_also(command, parent).to_writer(page)
}

/// The variables that stand for options, and those that every program of ours reads.
fn environment(command: &Command, note: Option<&Note>) -> Roff {
    let mut section = Roff::new();
    section.control("SH", [ENVIRONMENT]);
    for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
        let (Some(variable), Some(long)) = (option.get_env(), option.get_long()) else { continue };
        section.control("TP", []).text([bold(variable.to_string_lossy())]);
        section.text([roman("Stands for "), bold(format!("--{long}")), roman(" where that is not given.")]);
    }
    for (variable, meaning) in VARIABLES {
        section.control("TP", []).text([bold(variable)]);
        section.text([roman(meaning)]);
    }
    if let Some(note) = note {
        section.control("PP", []);
        note.write_body(&mut section);
    }
    section
}

fn exit_status() -> Roff {
    let mut section = Roff::new();
    section.control("SH", [EXIT_STATUS]);
    for (code, meaning) in EXIT_CODES {
        section.control("TP", []).text([bold(code)]);
        section.text([roman(meaning)]);
    }
    section
}

fn see_also(command: &Command, parent: Option<&Command>) -> Roff {
    let pages: Vec<&str> = parent.into_iter().chain(shown(command)).map(title).collect();
    let mut section = Roff::new();
    if !pages.is_empty() {
        section.control("SH", ["SEE ALSO"]);
        let last = pages.len().saturating_sub(1);
        let word =
            |(index, page): (usize, &&str)| [bold(*page), roman(if index == last { "(1)" } else { "(1), " })];
        section.text(pages.iter().enumerate().flat_map(word).collect::<Vec<_>>());
    }
    section
}

const ENVIRONMENT: &str = "ENVIRONMENT";
const EXIT_STATUS: &str = "EXIT STATUS";

/// What [`log`](crate::log) reads.
const VARIABLES: [(&str, &str); 2] = [
    ("RUST_LOG", "What is logged to standard error: error, warn, info, debug or trace."),
    ("NO_COLOR", "Set to anything, no output is coloured."),
];

/// What [`exit`](crate::exit) and clap end with.
const EXIT_CODES: [(&str, &str); 3] = [
    ("0", "Done."),
    ("1", "Refused or failed; standard error says why."),
    ("2", "The command line or the configuration is wrong."),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of this test.
    ///
    /// It bakes.
    #[derive(clap::Parser)]
    #[command(
        name = "pastry",
        version,
        after_help = "Examples:\n  pastry bake   now\n\nExit codes: 0 sweet, 1 burnt."
    )]
    enum Pastry {
        /// Bakes it
        #[command(after_help = "Files: ~/.recipes has them.\n\nEnvironment: OVEN is hot.")]
        Bake {
            /// How hot
            #[arg(long, env = "PASTRY_HEAT", default_value = "200")]
            heat: u16,
        },
    }

    #[test]
    fn a_page_has_sections_of_options_environment_files_and_exit_codes() {
        let folder = std::env::temp_dir().join(format!("rpc-program-manual-{}", std::process::id()));
        write::<Pastry>(&folder).unwrap();
        let whole = fs::read_to_string(folder.join("pastry.1")).unwrap();
        let below = fs::read_to_string(folder.join("pastry-bake.1")).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let sections = |page: &str| -> Vec<String> {
            page.lines()
                .filter_map(|line| Some(line.strip_prefix(".SH ")?.trim_matches('"').to_owned()))
                .collect()
        };
        let usual = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"];
        let own = ["SUBCOMMANDS", "EXAMPLES", "ENVIRONMENT", "EXIT STATUS", "SEE ALSO"];
        assert_eq!(sections(&whole), [&usual[..], &own].concat());
        let own = ["FILES", "ENVIRONMENT", "EXIT STATUS", "SEE ALSO"];
        assert_eq!(sections(&below), [&usual[..], &own].concat());
        assert!(whole.contains("0 sweet, 1 burnt.") && !whole.contains("Refused"), "{whole}");
        assert!(below.contains("PASTRY_HEAT") && below.contains("OVEN is hot."), "{below}");
        assert!(below.contains("Refused or failed") && below.contains(r"\fBpastry\fR(1)"), "{below}");
    }
}
