//! The house rules that a machine can check: which package knows which, which floor knows which, what may not be in the
//! tree, how large things are.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn cargo_json(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Who may know whom, among our own packages.
const ARROWS: [(&str, &[&str]); 13] = [
    ("rpc-core-macros", &[]),
    ("rpc-core", &["rpc-core-macros"]),
    ("rpc-program", &["rpc-core"]),
    ("binder", &["rpc-core", "rpc-program"]),
    ("rpc-tool", &["rpc-core", "rpc-program", "binder"]),
    ("chat-api", &["rpc-core"]),
    ("chat-server", &["rpc-core", "rpc-program", "binder", "chat-api"]),
    ("chat-client", &["rpc-core", "rpc-program", "binder", "chat-api"]),
    ("rpc-examples", &["rpc-core", "rpc-program", "binder", "chat-api", "chat-server", "chat-client"]),
    ("rpctalk", &["rpc-core", "rpc-program"]),
    ("streaming-chat", &["rpc-core", "rpc-program"]),
    ("wallets", &["rpc-core", "rpc-program"]),
    ("system-tests", &["rpc-core", "rpc-program", "binder", "chat-api", "chat-server", "chat-client"]),
];

#[test]
fn packages_know_only_those_below_them() {
    let metadata = cargo_json(&["metadata", "--format-version", "1", "--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed, "a package without a place in the house, or a place without a package");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let (_, allowed) = ARROWS.iter().find(|(listed, _)| *listed == name).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let known = dependency["name"].as_str().unwrap();
            let normal = dependency["kind"].is_null();
            assert!(
                !normal || !names.contains(known) || allowed.contains(&known),
                "{name} knows {known}, which is not below it"
            );
        }
    }
}

/// The floors of rpc-core from the ground up; each knows only those before it.
const FLOORS: [&str; 27] = [
    "limits",
    "shares",
    "sync",
    "panics",
    "hash",
    "bytes",
    "status",
    "metadata",
    "outcome",
    "metrics",
    "codec",
    "frame",
    "wire",
    "transport",
    "connection",
    "threads",
    "context",
    "resolve",
    "stream",
    "shape",
    "service",
    "layer",
    "layers",
    "health",
    "reflect",
    "client",
    "server",
];

#[test]
fn floors_of_rpc_core_know_only_those_below_them() {
    let source = root().join("rpc-core/src");
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let floor = first.trim_end_matches(".rs");
        if ["lib", "guides", "models", "fuzzing"].contains(&floor) {
            continue;
        }
        let height = FLOORS.iter().position(|known| *known == floor);
        let height = height.unwrap_or_else(|| panic!("{floor} has no floor: name its place in the house"));
        for known in crate_paths(&std::fs::read_to_string(&file).unwrap()) {
            let Some(below) = FLOORS.iter().position(|floor| *floor == known) else { continue };
            let excused = (floor, known.as_str()) == ("status", "bytes");
            assert!(below <= height || excused, "{}: {floor} knows {known}", inside.display());
            assert!(
                !(floor == "server" && known == "client"),
                "{}: the server knows the client",
                inside.display()
            );
        }
    }
}

/// The first name behind every `crate::` outside documentation.
fn crate_paths(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    after.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn the_domain_of_the_chat_knows_no_clock_socket_thread_channel_lock_or_log() {
    const FOREIGN: [&str; 9] = [
        "std::net",
        "std::thread",
        "std::sync::Mutex",
        "std::sync::RwLock",
        "std::sync::mpsc",
        "SystemTime::now",
        "Instant::now",
        "crossbeam",
        "tracing",
    ];
    let files = rust_files(&root().join("chat-server/src/domain"));
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for foreign in FOREIGN {
            assert!(!text.contains(foreign), "{}: {foreign}", file.display());
        }
    }
}

#[test]
fn no_async_runtime_is_in_the_products_tree() {
    const BANNED: [&str; 9] = [
        "tokio",
        "async-std",
        "smol",
        "async-executor",
        "async-io",
        "futures-executor",
        "mio",
        "polling",
        "async-global-executor",
    ];
    let names = tree(&["--workspace", "--all-features"]);
    assert!(names.contains("rpc-core") && names.contains("bincode") && names.contains("rustls"));
    for banned in BANNED {
        assert!(!names.contains(banned), "{banned} is in the tree");
    }
}

#[test]
fn a_framework_without_its_tls_feature_has_no_tls_in_its_tree() {
    let names = tree(&["--package", "rpc-core"]);
    assert!(names.contains("bincode"));
    for crypto in ["rustls", "rustls-webpki", "rustls-pki-types", "ring"] {
        assert!(!names.contains(crypto), "{crypto} is in the tree");
    }
    assert!(tree(&["--package", "rpc-core", "--features", "tls"]).contains("rustls"));
}

/// The names of the packages that ship with these.
fn tree(selected: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(selected)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_top_holds_the_named_folders_only() {
    let output = Command::new("git").current_dir(root()).args(["ls-files"]).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let folders: BTreeSet<&str> = listed.lines().filter_map(|file| Some(file.split_once('/')?.0)).collect();
    let allowed =
        BTreeSet::from([".ci", "rpc-core", "binder", "chat-server", "chat-client", "examples", "tests"]);
    assert!(folders.is_subset(&allowed), "{folders:?}");
}

#[test]
fn only_the_codec_names_bincode() {
    let crate_name = ["bincode", "::"].concat();
    for file in sources() {
        let text = std::fs::read_to_string(&file).unwrap();
        let named =
            text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&crate_name));
        assert!(!named || file.ends_with("rpc-core/src/codec.rs"), "{}", file.display());
    }
}

/// Files may have this many lines and functions this many before they are asked why.
const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;

#[test]
fn no_file_and_no_function_is_larger_than_a_room() {
    for file in sources() {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines, at most {FILE_LINES}", file.display());
        let (line, length) = longest_function(&text);
        assert!(
            length <= FUNCTION_LINES,
            "{}:{line} has {length} lines, at most {FUNCTION_LINES}",
            file.display()
        );
    }
}

/// Where the longest function begins, and its lines, by indentation: formatted code ends a function at its own depth.
fn longest_function(text: &str) -> (usize, usize) {
    let lines: Vec<&str> = text.lines().collect();
    let mut longest = (0, 0);
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if !["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn "].iter().any(|begin| code.starts_with(begin))
        {
            continue;
        }
        let signature_ends = lines.iter().skip(start).find(|line| line.ends_with('{') || line.ends_with(';'));
        if signature_ends.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(line.len() - code.len()));
        let length = lines.iter().skip(start).position(|line| *line == closing).map_or(1, |end| end + 1);
        if length > longest.1 {
            longest = (start + 1, length);
        }
    }
    longest
}

#[test]
fn the_size_table_of_the_architecture_is_true() {
    let told = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut measured = String::from("| package | files | lines | largest file |\n|---|---|---|---|\n");
    let mut outdated = Vec::new();
    for (package, (files, lines, largest)) in sizes() {
        let row = format!("| {package} | {files} | {lines} | {largest} |");
        let rows = told.lines().filter(|line| line.starts_with(&format!("| {package} |")));
        let told_lines = rows.filter_map(|line| line.split('|').nth(3)?.trim().parse::<usize>().ok()).next();
        if told_lines.is_none_or(|told| told.abs_diff(lines) > 100 + lines / 10) {
            outdated.push(package);
        }
        measured += &format!("{row}\n");
    }
    assert!(outdated.is_empty(), "the table is out of date for {outdated:?}; as measured:\n{measured}");
}

/// Lines of code that ship, by package: tests, model checks, fuzzing and benches aside.
fn sizes() -> BTreeMap<String, (usize, usize, String)> {
    let packages = [
        "rpc-core",
        "rpc-core/macros",
        "rpc-core/program",
        "binder",
        "chat-server/api",
        "chat-server",
        "chat-client",
        "examples",
        "examples/rpctalk",
        "examples/streaming-chat",
        "examples/wallets",
    ];
    let measure = |package: &str| {
        let source = root().join(package).join("src");
        let count = |file: &PathBuf| std::fs::read_to_string(file).unwrap().lines().count();
        let files: Vec<PathBuf> = rust_files(&source).into_iter().filter(|file| !is_test(file)).collect();
        let largest = files.iter().max_by_key(|file| count(file)).unwrap();
        let name = format!("{} ({})", largest.strip_prefix(&source).unwrap().display(), count(largest));
        (package.to_owned(), (files.len(), files.iter().map(count).sum(), name))
    };
    packages.into_iter().map(measure).collect()
}

fn is_test(file: &Path) -> bool {
    let file = file.strip_prefix(root()).unwrap();
    let mut parts = file.components().filter_map(|part| part.as_os_str().to_str());
    parts.any(|part| ["tests", "models", "fuzzing"].contains(&part.trim_end_matches(".rs")))
}

/// Every source file of the workspace, tests included.
fn sources() -> Vec<PathBuf> {
    let tops = ["rpc-core", "binder", "chat-server", "chat-client", "examples", "tests"];
    tops.iter()
        .flat_map(|top| rust_files(&root().join(top)))
        .filter(|file| !file.components().any(|c| c.as_os_str() == "ui"))
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
