//! What every program writes about itself for those who install it: manual pages and completions.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use system_tests::command;

/// What is installed.
const PROGRAMS: [&str; 4] = ["binder", "chat-server", "chat-client", "rpc"];

#[track_caller]
fn told(program: &str, arguments: &[&str]) -> String {
    let output = command(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The long options that a help text lists, without their dashes.
fn options(program: &str) -> BTreeSet<String> {
    let help = told(program, &["--help"]);
    let listed = help.lines().filter_map(|line| line.trim_start().split_once("--"));
    let options = listed.filter(|(before, _)| before.is_empty() || before.ends_with(", "));
    options.map(|(_, option)| option.split([' ', '<', '[']).next().unwrap().to_owned()).collect()
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn every_program_has_a_manual_page_with_all_its_options_and_the_usual_sections() {
    let folder = Folder(std::env::temp_dir().join(format!("papers-{}", std::process::id())));
    for program in PROGRAMS {
        assert_eq!(told(program, &["--man-pages", folder.0.to_str().unwrap()]), "");
        let page = std::fs::read_to_string(folder.0.join(format!("{program}.1"))).unwrap();
        for section in ["SYNOPSIS", "OPTIONS", "EXAMPLES", "ENVIRONMENT", "\"EXIT STATUS\""] {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{program} {section}");
        }
        let options = options(program);
        assert!(options.contains("version"), "{options:?}");
        for option in options {
            let written = format!("\\-\\-{}", option.replace('-', "\\-"));
            assert!(page.contains(&written), "the page of {program} does not have --{option}");
        }
    }
}

#[test]
fn every_program_completes_all_its_options_in_every_shell() {
    for program in PROGRAMS {
        let options = options(program);
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = told(program, &["--completions", shell]);
            for option in &options {
                assert!(
                    script.contains(option.as_str()),
                    "{shell} does not complete --{option} of {program}"
                );
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_in_a_sentence() {
    for program in PROGRAMS {
        let output = command(program).args(["--man-pages", "/dev/null/man1"]).output().unwrap();
        let expected = format!("{program}: cannot write the manual pages to /dev/null/man1: Not a directory");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.starts_with(&expected) && output.status.code() == Some(1), "{errors}");
    }
}
