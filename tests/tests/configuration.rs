//! The programs with a file of options.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::PathBuf;
use std::process::Output;

use system_tests::{BinderProgram, Process, command};

/// The programs that serve, and a file that is theirs alone.
const PROGRAMS: [&str; 2] = ["binder", "chat-server"];

struct Written(PathBuf);

impl Written {
    fn new(test: &str, text: &str) -> Written {
        let path = std::env::temp_dir().join(format!("configuration-{test}-{}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Written(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    command(program).args(arguments).output().unwrap()
}

#[track_caller]
fn refused(program: &str, file: &Written, arguments: &[&str], why: &str) {
    let output = run(program, &[arguments, &["--config", file.path()]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(why) && output.status.code() == Some(2), "{errors:?} does not say {why:?}");
}

#[test]
fn programs_serve_as_their_file_says() {
    let state = Written::new("state", "");
    std::fs::remove_file(&state.0).unwrap();
    let text = format!("listen = '127.0.0.1:0'\nstate = '{}'\n", state.path());
    let file = Written::new("binder", &text);
    let mut binder = Process::start("binder", command("binder").args(["serve", "--config", file.path()]));
    let line = binder.complaint("listening on ");
    let at = line.rsplit(' ').next().unwrap();
    let text = format!("binder = '{at}'\nuser-idle-after = '5m'\n");
    let file = Written::new("chat", &text);
    let mut chat = Process::start("chat-server", command("chat-server").args(["--config", file.path()]));
    chat.complaint("registered with the binder");
    for process in [&mut chat, &mut binder] {
        process.signal("TERM");
        assert!(process.end().success());
    }
    assert!(state.0.exists());
}

#[test]
fn the_command_line_and_the_environment_go_before_the_file() {
    let file = Written::new("order", "listen = '0.0.0.0:0'");
    let refused = run("binder", &["--config", file.path()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("other machines could reach 0.0.0.0:0"));
    let binder = BinderProgram::start_with(&["--config", file.path()]);
    assert!(binder.address.ip().is_loopback());
    let mut program = command("binder");
    program.args(["--config", file.path()]).env("BINDER_LISTEN", "127.0.0.1:0");
    Process::start("binder", &mut program).complaint("listening on 127.0.0.1:");
}

#[test]
fn a_printed_file_is_read_back_as_it_is() {
    for program in PROGRAMS {
        let printed = run(program, &["--print-config", "--listen", "127.0.0.1:7"]);
        assert!(printed.status.success() && printed.stderr.is_empty());
        let text = String::from_utf8(printed.stdout).unwrap();
        assert!(
            text.contains("\nlisten = \"127.0.0.1:7\"\n") && text.contains("\n#insecure = false\n"),
            "{text}"
        );
        let file = Written::new(program, &text);
        let again = run(program, &["--config", file.path(), "--print-config"]);
        assert_eq!(String::from_utf8(again.stdout).unwrap(), text);
    }
}

/// Story: `binder serve --print-config` served, since only the words before a subcommand were looked at.
#[test]
fn a_subcommand_prints_its_file_too() {
    let whole = run("binder", &["--print-config", "--lease", "1m"]);
    let below = run("binder", &["serve", "--print-config", "--lease", "1m"]);
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let lines = |text: String| {
        text.lines().skip_while(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(text(below)), lines(text(whole)));
}

#[test]
fn a_wrong_file_is_told_with_line_key_and_what_is_allowed() {
    let file = Written::new("key", "# mine\nlisen = '127.0.0.1:0'\n");
    for program in PROGRAMS {
        let why = format!(
            "error: {}, line 2: there is no option lisen: did you mean listen? (there are",
            file.path()
        );
        refused(program, &file, &[], &why);
    }
    refused("binder", &file, &["serve"], "line 2: there is no option lisen");
    let file = Written::new("value", "lease = '1ms'\n");
    refused(
        "binder",
        &file,
        &[],
        "line 1: lease: \"1ms\" is no TIME: a lease lasts 100ms at least and 5m at most",
    );
    let file = Written::new("toml", "insecure = true\nlisten = 127.0.0.1:0\n");
    refused("chat-server", &file, &[], ", line 2: ");
    let file = Written::new("rule", "lookups = 'token'\n");
    refused("binder", &file, &[], &format!("tip: the options of {} count too", file.path()));
}
