//! Programs of one file that say in their first lines what they print.

use std::fs;
use std::path::{Path, PathBuf};

/// One of them.
pub struct Example {
    /// Where it is.
    pub file: PathBuf,
    /// What it is run as.
    pub program: String,
    /// Its source.
    pub source: String,
    /// What its first lines say it prints; `…` stands for what is different every time.
    pub promise: String,
}

/// The examples in a folder of `examples`: `unix_socket.rs` is the program `lesson-unix-socket` if the prefix is `lesson`.
#[track_caller]
pub fn examples(folder: &str, prefix: &str) -> Vec<Example> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "rs")).collect();
    files.sort();
    files.into_iter().map(|file| Example::of(file, prefix)).collect()
}

impl Example {
    fn of(file: PathBuf, prefix: &str) -> Example {
        let program = format!("{prefix}-{}", file.file_stem().unwrap().to_str().unwrap().replace('_', "-"));
        let source = fs::read_to_string(&file).unwrap();
        let promise = promise(&source);
        assert!(!promise.is_empty(), "{} does not say what it prints", file.display());
        Example { file, program, source, promise }
    }

    /// Holds that it has no more lines than this, and a row of the list that ends with one that it prints.
    #[track_caller]
    pub fn check_place(&self, list: &str, most_lines: usize) {
        let Example { file, program, source, promise } = self;
        let lines = source.lines().count();
        assert!(lines <= most_lines, "{} has {lines} lines", file.display());
        let row = list.lines().find(|row| row.starts_with(&format!("| `cargo run --bin {program}` |")));
        let row = row.unwrap_or_else(|| panic!("{program} is not in examples/README.md"));
        let shown = promise.lines().any(|line| row.ends_with(&format!("| `{line}` |")));
        assert!(shown, "{program} prints something else: {row}");
    }
}

/// What a program's first lines say it prints.
fn promise(source: &str) -> String {
    let doc = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = doc.skip_while(|line| *line != " ```text").skip(1).take_while(|line| *line != " ```");
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}
