//! What is published: every library says what it is, brings its licences, and keeps its promise of a Rust version.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The packages that others may depend on or install.
const PUBLISHED: [&str; 7] =
    ["rpc-core", "rpc-core-macros", "rpc-program", "binder", "chat-api", "chat-server", "chat-client"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn packages(arguments: &[&str]) -> Vec<Value> {
    let metadata = cargo(&[&["metadata", "--format-version", "1"], arguments].concat());
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn published() -> Vec<Value> {
    let may_be = |package: &Value| package["publish"].is_null();
    packages(&["--no-deps"]).into_iter().filter(may_be).collect()
}

#[test]
fn what_is_published_is_decided_by_name() {
    let names: BTreeSet<String> =
        published().iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, PUBLISHED.map(str::to_owned).into());
}

#[test]
fn every_published_package_says_what_it_is_and_has_its_licences() {
    for package in published() {
        let name = package["name"].as_str().unwrap();
        for key in ["description", "license", "readme", "rust_version", "edition"] {
            assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {key}");
        }
        for key in ["keywords", "categories"] {
            let count = package[key].as_array().unwrap().len();
            assert!((1..=5).contains(&count), "{name} has {count} {key}, of 1 to 5");
        }
        let folder = PathBuf::from(package["manifest_path"].as_str().unwrap());
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let text = |folder: &Path| std::fs::read_to_string(folder.join(licence)).unwrap();
            assert_eq!(text(folder.parent().unwrap()), text(root()), "{name} {licence}");
        }
    }
}

#[test]
fn a_package_holds_its_sources_its_licences_and_a_page_to_read() {
    for name in PUBLISHED {
        // What is not committed yet is not what this test is about.
        let list = cargo(&["package", "--list", "--allow-dirty", "-p", name]);
        let files: BTreeSet<&str> = list.lines().collect();
        for file in ["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"] {
            assert!(files.contains(file), "{name} lacks {file}");
        }
        for file in files {
            let known = ["src/", "tests/", "benches/", "guides/", "wireshark/"]
                .iter()
                .any(|folder| file.starts_with(folder));
            assert!(known || !file.contains('/'), "{name} holds {file}");
        }
    }
}

/// `1.91` and `1.91.0` as numbers.
fn version(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = text.split('.').map(|part| part.parse().unwrap()).collect();
    numbers.resize(3, 0);
    numbers
}

/// That they keep what they say is not in their manifests: `.ci/run` compiles everything with that very Rust.
#[test]
fn no_dependency_says_that_it_wants_a_newer_rust_than_we_promise() {
    let packages = packages(&["--all-features"]);
    let ours = packages.iter().find(|package| package["name"] == "rpc-core").unwrap();
    let promised = ours["rust_version"].as_str().unwrap();
    assert!(packages.len() > 50);
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let wanted = package["rust_version"].as_str().unwrap_or("1.0");
        let (name, id) = (&package["name"], &package["version"]);
        assert!(
            version(wanted) <= version(promised),
            "{name} {id} wants Rust {wanted}, {promised} is promised"
        );
    }
}
