//! Reports on disk, and tables between the marks that the READMEs have for them.

use std::fs;
use std::path::Path;

use bench_harness::peer::Failure;

use crate::plots::{Plot, plots};
use crate::programs::root;
use crate::results::Results;
use crate::tables::{heading, tables, verdicts};

/// The report as JSON, and every plot.
pub(crate) fn write_report(folder: &Path, results: &Results) -> Result<(), Failure> {
    fs::write(folder.join("results.json"), serde_json::to_string_pretty(results)? + "\n")?;
    for plot in plots(results) {
        fs::write(folder.join(plot.file), plot.drawing)?;
    }
    Ok(())
}

/// All tables go into this workspace's README; the project's shows the plots, and what became of the targets.
pub(crate) fn publish(results: &Results) -> Result<(), Failure> {
    let here = format!("{}{}", pictures(results, "results"), tables(results));
    replace(&root().join("README.md"), &here)?;
    let front =
        format!("{}{}{}", heading(results), pictures(results, "tests/bench/results"), verdicts(results));
    replace(&root().join("../../README.md"), &front)
}

fn pictures(results: &Results, folder: &str) -> String {
    let picture = |plot: Plot| format!("\n![{}]({folder}/{})\n", plot.title, plot.file);
    plots(results).into_iter().map(picture).collect()
}

fn replace(file: &Path, tables: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(file)?;
    let text = between_marks(&text, tables)
        .ok_or_else(|| format!("{} has no place for tables: {BEGIN} and then {END}", file.display()))?;
    Ok(fs::write(file, text)?)
}

const BEGIN: &str = "<!-- measured: written by tests/bench -->\n";
const END: &str = "<!-- /measured -->";

fn between_marks(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", tables.trim()))
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
            let text = fs::read_to_string(root().join(file)).unwrap();
            assert!(between_marks(&text, "").is_some(), "{file}");
        }
    }
}
