use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::{FromArgMatches, Parser, Subcommand, ValueEnum};

use super::*;

#[derive(Debug, PartialEq, Eq, Parser)]
#[command(name = "oven", version)]
struct Oven {
    #[command(subcommand)]
    below: Option<Below>,

    /// Where to listen; port 0 takes any free port, which the log tells, so that whoever has to know can read it there
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,

    /// For everybody
    #[arg(long)]
    insecure: bool,

    /// How long
    #[arg(long, value_name = "TIME", env = "OVEN_OF_A_TEST_LEASE", default_value = "15s", value_parser = crate::duration::parse)]
    lease: Duration,

    /// Who may open it
    #[arg(long, value_name = "WHO", default_value = "open", requires = "token_file")]
    lookups: Who,

    /// The file with the keys
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// What is in it
    #[arg(long, value_name = "DISH")]
    dish: Vec<String>,

    /// Where the clock of this machine is: this variable is set
    #[arg(long, value_name = "TEXT", env = "PATH", default_value = "")]
    path: String,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
enum Below {
    Clean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Who {
    /// Everybody
    Open,
    /// Whoever has a key
    Token,
}

/// The command as a program has it.
fn command() -> Command {
    Configuration::augment_args(<Oven as clap::CommandFactory>::command())
}

/// A file of this text, and its path.
struct Written(PathBuf);

impl Written {
    fn new(text: &str) -> Written {
        let id = std::thread::current().id();
        let path = std::env::temp_dir().join(format!("configuration-{}-{id:?}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Written(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn read(text: &str, words: &[&str]) -> Result<Oven, String> {
    let file = Written::new(text);
    let words = ["oven", "--config", file.path().to_str().unwrap()]
        .into_iter()
        .chain(words.iter().copied())
        .map(OsString::from);
    let told = matches(&command(), &words.collect::<Vec<_>>());
    let oven = told.and_then(|matches| Oven::from_arg_matches(&matches));
    oven.map_err(|error| error.to_string().replace(file.path().to_str().unwrap(), "FILE"))
}

fn oven(words: &[&str]) -> Oven {
    Oven::parse_from(["oven"].iter().chain(words))
}

#[test]
fn a_file_says_what_the_same_words_say_on_a_command_line() {
    assert_eq!(read("", &[]).unwrap(), oven(&[]));
    let text = "# all of it\nlisten = '127.0.0.1:1'\ninsecure = true\nlease = \"1m\"\nlookups = \"token\"\n\
                token-file = 'k'\ndish = ['a', \"b\"]\n";
    let words = [
        "--listen=127.0.0.1:1",
        "--insecure",
        "--lease=1m",
        "--lookups=token",
        "--token-file=k",
        "--dish=a",
        "--dish=b",
    ];
    assert_eq!(read(text, &[]).unwrap(), oven(&words));
    assert_eq!(read("insecure = false\ndish = 'a'", &[]).unwrap(), oven(&["--dish=a"]));
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let text = "listen = '127.0.0.1:1'\nlease = '1m'\npath = 'of the file'\n";
    let told = read(text, &["--listen", "127.0.0.1:2"]).unwrap();
    assert_eq!(told.listen.port(), 2);
    assert_eq!(told.lease, Duration::from_secs(60));
    assert_eq!(told.path, std::env::var("PATH").unwrap());
    assert_eq!(read(text, &["--path", "mine"]).unwrap().path, "mine");
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let told = read(text, &[]).unwrap_err();
    assert!(told.starts_with("error: ") && told.contains(why), "{told:?} does not say {why:?}");
}

#[test]
fn what_is_wrong_is_told_with_its_line_its_key_and_what_is_allowed() {
    let names = "(there are listen, insecure, lease, lookups, token-file, dish, path)";
    refused(
        "\n\nlisen = 'x'",
        &format!("FILE, line 3: there is no option lisen: did you mean listen? {names}"),
    );
    refused("token_file = 'x'", "line 1: there is no option token_file: did you mean token-file? (there are");
    refused("colour = 1", &format!("line 1: there is no option colour {names}"));
    refused("config = 'x'", "line 1: there is no option config (there are");
    refused("help = true", "line 1: there is no option help (there are");
    refused("listen = 'here'", "line 1: listen: \"here\" is no ADDR:PORT: invalid socket address syntax");
    refused(
        "lease = '1m'\nlookups = 'tokn'",
        "line 2: lookups: \"tokn\" is no WHO: did you mean token? it is one of open, token",
    );
    refused("lease = 5", "line 1: lease: \"5\" is no TIME: time unit needed, for example 5sec or 5ms");
    refused("insecure = 'yes'", "line 1: insecure is true or false, without quotes");
    refused("lease = ['1m']", "line 1: lease is one value: lease = \"TIME\"");
    refused(
        "token-file = ''",
        "line 1: token-file is empty: leave the line out, or say token-file = \"FILE\"",
    );
    refused("[oven]\nlease = '1m'", "line 1: oven is a table, and this file has none: a line is KEY = VALUE");
    refused("lease = '1m'\nlease = '2m'", "line 2: duplicate key");
    refused("lease = 1m", "line 1: ");
    refused("listen = 127.0.0.1:0", "(a line is KEY = \"VALUE\", true or false, or a # and a remark)");
    refused(&format!("# {}", "x".repeat(256 << 10)), "FILE cannot be read: it has more than 256 KiB");
}

#[test]
fn rules_between_options_hold_across_file_and_command_line() {
    refused("lookups = 'token'", "--token-file <FILE>");
    refused("lookups = 'token'", "tip: the options of FILE count too");
    assert!(read("token-file = 'k'", &["--lookups", "token"]).is_ok());
}

#[test]
fn a_file_that_is_not_there_is_told_and_other_commands_do_not_take_one() {
    let said = |words: &[&str]| {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        matches(&command(), &words).unwrap_err().to_string()
    };
    assert!(
        said(&["oven", "--config", "/nowhere"])
            .contains("the configuration /nowhere cannot be read: No such file")
    );
    assert!(said(&["oven", "clean", "--config", "/nowhere"]).contains("unexpected argument '--config'"));
    assert!(said(&["oven", "--config", "/nowhere", "--version"]).starts_with("oven "));
}

/// What `--print-config` prints for these words.
fn sample(words: &[&str]) -> String {
    let words = ["oven", "--print-config"].iter().chain(words).map(OsString::from);
    let printed = matches(&command(), &words.collect::<Vec<_>>()).unwrap_err();
    assert_eq!(printed.exit_code(), 0);
    printed.to_string()
}

#[test]
fn the_printed_file_means_what_was_told_and_explains_every_option() {
    let words =
        ["--listen=127.0.0.1:1", "--insecure", "--dish=a\"b\\c\t", "--dish=d", "--lease=1m", "--path=x"];
    assert_eq!(read(&sample(&words), &["--path=x"]).unwrap(), oven(&words));
    let text = sample(&["--path=x"]);
    assert_eq!(read(&text, &["--path=x"]).unwrap(), oven(&["--path=x"]));
    let expected = "\n# Where to listen; port 0 takes any free port, which the log tells, so that whoever has to know can\n\
                    # read it there\n#listen = \"127.0.0.1:5000\"\n\n# For everybody\n#insecure = false\n\n# How long\n\
                    # Environment: OVEN_OF_A_TEST_LEASE\n#lease = \"15s\"\n\n# Who may open it\n# - open: Everybody\n\
                    # - token: Whoever has a key\n#lookups = \"open\"\n\n# The file with the keys\n#token-file = \"FILE\"\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn the_printed_defaults_are_the_defaults() {
    let text = sample(&["--path=x"]).replace("\n#", "\n").replace("\n ", "\n# ");
    let set: String = text
        .lines()
        .filter(|line| !["token-file", "dish", "lookups"].iter().any(|key| line.starts_with(key)))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(read(&set, &["--path=x"]).unwrap(), oven(&["--path=x"]));
}
