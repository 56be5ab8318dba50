//! The names that bash, zsh and fish complete with the scripts that the programs print, against a real binder.
//!
//! A shell that is not here is said to be skipped; where `SHELLS` is `required`, as in `.ci/run`, that is a failure.

use std::path::PathBuf;
use std::process::Command;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// What the shell itself does when TAB is pressed behind `$1` stands after the script `$2` of the program `$3`. zsh completes
/// on a terminal only, so its own command that takes the names is put in place of it.
const BASH: &str = r#"
. "$2"; COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<<"$1"; [[ $1 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
"_$3" "$3" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}""#;
const ZSH: &str = r#"
compdef() { } ; . "$2"; compadd() { print -l -- "${(@P)2}" }
words=("${(z)1}"); [[ $1 != *' ' ]] || words+=('')
CURRENT=$#words PREFIX=$words[-1]
"_$3_names"; true"#;
const FISH: &str = r#"source $argv[2]; complete -C $argv[1]"#;

/// The words that the shell offers behind `line`; `None` if there is no such shell.
#[track_caller]
fn offered(shell: Shell, folder: &Folder, line: &str) -> Option<Vec<String>> {
    let (name, options, play): (_, &[&str], _) = match shell {
        Shell::Bash => ("bash", &["--norc", "-c"], BASH),
        Shell::Zsh => ("zsh", &["-f", "-c"], ZSH),
        Shell::Fish => ("fish", &["--no-config", "-c"], FISH),
    };
    let program = line.split_whitespace().next().unwrap();
    let script = folder.script(name, program);
    let known = Command::new(name).arg("--version").output();
    if known.is_err() {
        let required = std::env::var("SHELLS").is_ok_and(|said| said == "required");
        assert!(!required, "there is no {name}, and SHELLS is required");
        // Past the harness, which keeps what a test prints to itself.
        std::io::stderr().write_all(format!("SKIPPED: there is no {name}\n").as_bytes()).unwrap();
        return None;
    }
    let mut run = Command::new(name);
    // What fish hands over has no name of its own before it.
    let named: &[&str] = if matches!(shell, Shell::Fish) { &[] } else { &["test"] };
    run.args(options).arg(play).args(named).args([line, &script, program]);
    run.env("PATH", folder.path_with_programs()).env("HOME", &folder.0).current_dir(&folder.0);
    let Output { stdout, stderr, .. } = run.output().unwrap();
    assert_eq!(String::from_utf8(stderr).unwrap(), "", "{name}: {line}");
    // fish has a remark behind a word.
    let words = String::from_utf8(stdout).unwrap();
    Some(words.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect())
}

/// A folder of this test, with the scripts; in its name is a blank.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("completing {name} {}", std::process::id()));
        std::fs::create_dir_all(folder.join("scripts")).unwrap();
        Folder(folder)
    }

    fn script(&self, shell: &str, program: &str) -> String {
        let path = self.0.join(format!("scripts/{program}.{shell}"));
        let script = command(program).args(["--completions", shell]).output().unwrap().stdout;
        std::fs::write(&path, script).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path_with_programs(&self) -> String {
        let programs = PathBuf::from(command("rpc").get_program()).parent().unwrap().to_owned();
        format!("{}:{}", programs.display(), std::env::var("PATH").unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[track_caller]
fn check(folder: &Folder, line: &str, expected: &[&str]) {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        if let Some(offered) = offered(shell, folder, line) {
            assert_eq!(offered, expected, "{shell:?}: {line}");
        }
    }
}

#[test]
fn names_are_completed_from_the_servers_that_the_line_names() {
    let (house, folder) = (House::open(), Folder::new("names"));
    let (binder, chat) = (house.binder.address, house.chat.address);
    let create = ["create_private_room", "create_room", "create_room_with_limit"];
    check(&folder, &format!("rpc call --binder {binder} crea"), &create);
    check(&folder, &format!("rpc bench --deadline 1s --binder={binder} crea"), &create);
    check(&folder, &format!("rpc describe --to '{binder}' look"), &["lookup", "lookup_procedure"]);
    check(
        &folder,
        &format!("rpc call --to=\"{chat}\" rpc.health."),
        &["rpc.health.check", "rpc.health.watch"],
    );
    check(&folder, &format!("rpc health --to {chat} C"), &["Chat"]);
    check(&folder, &format!("binder lookup --binder {binder} send"), &["send_message"]);
    check(
        &folder,
        &format!("binder remove create_room list_users --binder {binder} list_r"),
        &["list_rooms"],
    );
}

#[test]
fn names_are_asked_for_over_tls_with_files_as_they_are_quoted() {
    let folder = Folder::new("tls");
    rpc(&["gen-cert", folder.0.to_str().unwrap()]).done();
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let binder =
        BinderProgram::start_with(&["--tls-cert", &path("server.pem"), "--tls-key", &path("server.key")]);
    let address = binder.address;
    for file in ["~/ca.pem".to_owned(), format!("'{}'", path("ca.pem")), path("ca.pem").replace(' ', "\\ ")] {
        check(&folder, &format!("rpc call --to {address} --tls-ca {file} drain_"), &["drain_targets"]);
    }
}

#[test]
fn a_server_that_is_away_costs_little_time_and_no_words() {
    let folder = Folder::new("away");
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nowhere.local_addr().unwrap();
    // The programs are built for the first run.
    rpc(&["--version"]).done();
    let begun = Instant::now();
    let ran = rpc(&["--typed=call", &format!("--typed=--to={address}"), "--typed="]);
    assert_eq!(ran.done(), "");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for words in [
        &["--typed=call", "--typed=--to", "--typed=nowhere", "--typed="][..],
        &["--typed=call", "--typed=--to="],
    ] {
        assert_eq!(rpc(words).done(), "");
    }
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        offered(shell, &folder, &format!("rpc call --to {address} x"));
    }
}
