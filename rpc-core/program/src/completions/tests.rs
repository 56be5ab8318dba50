use clap::{Args, Parser, Subcommand};

use super::*;

#[derive(Debug, Parser)]
#[command(name = "post")]
struct Line {
    #[command(subcommand)]
    command: Option<Sub>,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Send {
        town: String,
        letter: Option<String>,
        #[command(flatten)]
        way: Way,
    },
}

#[derive(Debug, Args)]
struct Way {
    #[arg(long, default_value = "road")]
    by: String,
    #[arg(long)]
    stamps: Option<u8>,
}

const TOWNS: [&str; 6] = ["Bonn", "Bern", "Rio", "$(reboot)", "--by", "a b"];

/// What is answered for these words, and which argument they were asked for, by which way.
#[track_caller]
fn check(words: &[&str], place: Option<(&str, &str)>, expected: &[&str]) {
    let words = words.iter().map(|word| format!("--typed={word}"));
    let words: Vec<OsString> = std::iter::once("post".to_owned()).chain(words).map(OsString::from).collect();
    let mut seen = None;
    let answer = lines::<Line>(&words, |place| {
        let way = place.options::<Way>().map(|way| way.by).unwrap_or_default();
        seen = Some((place.argument().to_owned(), way));
        TOWNS.map(str::to_owned).to_vec()
    });
    assert_eq!(seen, place.map(|(argument, way)| (argument.to_owned(), way.to_owned())));
    assert_eq!(answer.unwrap().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn names_are_given_for_the_argument_at_the_cursor_as_far_as_it_is_typed() {
    check(&["send", ""], Some(("town", "road")), &["Bonn", "Bern", "Rio"]);
    check(&["send", "--by", "air mail", "--stamps=2", "B"], Some(("town", "air mail")), &["Bonn", "Bern"]);
    check(&["send", "Rio", ""], Some(("letter", "road")), &["Bonn", "Bern", "Rio"]);
    check(&["send", "--by", "R"], Some(("by", "\u{1}")), &["Rio"]);
}

#[test]
fn where_nothing_can_be_named_nothing_is_asked() {
    for words in [
        &["send", "-"][..],
        &["send", "--by="],
        &["send", "--stamps", ""],
        &["sen"],
        &["send", "a", "b", ""],
        &[""],
    ] {
        check(words, None, &[]);
    }
}

#[test]
fn a_command_line_is_no_question() {
    for words in [&["post"][..], &["post", "send", "--typed=x"], &["post", "--typed=send", "x"]] {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        assert_eq!(lines::<Line>(&words, |_| vec!["Bonn".to_owned()]), None);
    }
}

/// The scripts are clap's, and change with it.
#[test]
fn the_scripts_of_all_three_shells_ask_before_anything_else() {
    for shell in [Shell::Bash, Shell::Zsh] {
        let script = script::<Line>(shell, Names::OfServers);
        assert!(script.contains("\n_post() {\n    _post_names && return 0\n"), "{script}");
    }
    let (asking, plain) =
        (script::<Line>(Shell::Zsh, Names::OfServers), script::<Line>(Shell::Zsh, Names::OfTheCommandLine));
    assert!(asking.starts_with("#compdef post\n") && !plain.contains("_names"));
    assert!(
        script::<Line>(Shell::Fish, Names::OfServers).contains("complete -c post -a '(__fish_post_names)'")
    );
}
