//! `CONFORMANCE.md` and the tests name the same cases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every `GROUP::CASE` that stands between backquotes.
fn told(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    quoted.filter(|text| text.contains("::")).map(str::to_owned).collect()
}

/// The names in every `cases!` of a group's file, and in the lists of names that make some.
fn held(group: &str, source: &str) -> BTreeSet<String> {
    let mut cases = BTreeSet::new();
    const LISTS: [&str; 4] =
        ["\ncases! {\n", "\ncases_by_address! {\n", "\ncases_in_the_clear! {\n", "\ncases_of_programs! {\n"];
    for begin in LISTS {
        for list in source.split(begin).skip(1) {
            let names = list.split('}').next().unwrap().split(',').map(str::trim);
            cases.extend(names.filter(|name| !name.is_empty()).map(|name| format!("{group}::{name}")));
        }
    }
    for list in source.split("\ncodes! {\n").skip(1) {
        let lines = list.split('}').next().unwrap().split(';').filter_map(|line| line.split_once(':'));
        let names = lines.flat_map(|(_, names)| names.split(','));
        cases.extend(names.map(|name| format!("{group}::{}", name.trim())));
    }
    cases
}

/// Whether `tls::FILE::TEST` is a test of rpc-core's.
fn is_of_tls(name: &str, root: &Path) -> bool {
    let [_, file, test] = name.split("::").collect::<Vec<_>>()[..] else { return false };
    let source = fs::read_to_string(root.join(format!("../rpc-core/tests/tls/{file}.rs")));
    source.is_ok_and(|source| source.contains(&format!("#[test]\nfn {test}() {{\n")))
}

#[test]
fn the_table_and_the_tests_name_the_same_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = told(&fs::read_to_string(root.join("CONFORMANCE.md")).unwrap());
    let (of_tls, told): (BTreeSet<_>, BTreeSet<_>) =
        told.into_iter().partition(|name| name.starts_with("tls::"));
    assert!(!of_tls.is_empty() && of_tls.iter().all(|name| is_of_tls(name, root)), "{of_tls:?}");
    let mut held_here = BTreeSet::new();
    for file in fs::read_dir(root.join("tests/conformance")).unwrap() {
        let file = file.unwrap().path();
        let group = file.file_stem().unwrap().to_str().unwrap();
        held_here.append(&mut held(group, &fs::read_to_string(&file).unwrap()));
    }
    assert!(held_here.len() > 200, "{} cases are too few to be all", held_here.len());
    let untold: Vec<_> = held_here.difference(&told).collect();
    let missing: Vec<_> = told.difference(&held_here).collect();
    assert!(untold.is_empty() && missing.is_empty(), "not in the table: {untold:?}; no test: {missing:?}");
}
