//! Tables between the marks that the READMEs have for them, and plots beside those of the suite.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

const BEGIN: &str = "<!-- chats: written by chat-bench -->\n";
const END: &str = "<!-- /chats -->";

/// Where published plots lie.
pub(crate) fn plots() -> PathBuf {
    workspace().join("results")
}

/// Writes the tables into this workspace's README and the project's, with the picture of the servers.
pub(crate) fn publish(tables: &str) -> Result<(), Failure> {
    for (file, folder) in [("README.md", "results"), ("../../README.md", "tests/bench/results")] {
        let picture = format!("![What a message to many costs each server]({folder}/chat.svg)");
        replace(&workspace().join(file), &format!("{picture}\n\n{}", tables.trim()))?;
    }
    Ok(())
}

fn replace(file: &Path, tables: &str) -> Result<(), Failure> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(Failure::io(format!("cannot read {name}")))?;
    let text = between_marks(&text, tables).ok_or_else(|| Failure::NoMarks { file: file.into() })?;
    fs::write(file, text).map_err(Failure::io(format!("cannot write {name}")))
}

fn between_marks(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", tables.trim()))
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_take_the_place_of_those_before_them() {
        let text = format!("above\n{BEGIN}old\n{END}\nbelow\n");
        let once = between_marks(&text, "\nnew\n").unwrap();
        assert_eq!(once, format!("above\n{BEGIN}\nnew\n\n{END}\nbelow\n"));
        assert_eq!(between_marks(&once, "new").unwrap(), once);
        assert_eq!(between_marks("no marks", "new"), None);
    }

    #[test]
    fn both_readmes_have_a_place_for_tables() {
        for file in ["README.md", "../../README.md"] {
            let text = fs::read_to_string(workspace().join(file)).unwrap();
            assert!(between_marks(&text, "").is_some(), "{file}");
        }
    }
}
