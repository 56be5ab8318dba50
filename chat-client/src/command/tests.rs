use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(line: &str, expected: Command) {
    assert_eq!(parse(line, Dialect::Script), Ok(Some(expected)), "{line:?}");
}

#[track_caller]
fn check_usage(line: &str) {
    assert!(matches!(parse(line, Dialect::Script), Err(CommandError::Usage { .. })), "{line:?}");
}

#[test]
fn text_without_a_slash_is_said_as_it_was_typed() {
    check("oi", Command::Say("oi".into()));
    check("  two  blanks \r\n", Command::Say("  two  blanks ".into()));
    check("a /quit inside", Command::Say("a /quit inside".into()));
}

#[test]
fn the_help_fits_a_terminal_of_eighty_columns() {
    for (dialect, language) in everywhere() {
        let help = help(dialect, language);
        // Less the last column, and the gutter of what is wrapped.
        assert!(help.lines().all(|line| line.chars().count() <= 77), "{help}");
    }
}

fn everywhere() -> impl Iterator<Item = (Dialect, Language)> {
    let languages = [Language::English, Language::Portuguese];
    languages
        .into_iter()
        .flat_map(|language| [Dialect::Script, Dialect::Terminal].map(|dialect| (dialect, language)))
}

#[test]
fn a_line_with_nothing_on_it_is_nothing() {
    for line in ["", "\n", "\r\n", "   ", "\t"] {
        assert_eq!(parse(line, Dialect::Terminal), Ok(None), "{line:?}");
    }
}

#[test]
fn commands_are_known_in_both_languages_and_any_case() {
    for line in ["/leave", "/LEAVE", "/sair", "/SAIR", "/Sair", " /sair "] {
        check(line, Command::Leave);
    }
    for line in ["/rooms", "/listar", "/LISTAR"] {
        check(line, Command::Rooms);
    }
    check("/CRIAR rust", Command::Create { room: "rust".into(), limit: None });
    check("/Entrar rust", Command::Join { room: "rust".into() });
    check("/PARTICIPANTES", Command::Users { room: None });
    check("/participantes rust", Command::Users { room: Some("rust".into()) });
}

#[test]
fn names_with_blanks_stand_in_quotes_or_take_the_rest_of_the_line() {
    check("/create \"sala de aula\" 3", Command::Create { room: "sala de aula".into(), limit: Some(3) });
    check("/create \"sala 42\"", Command::Create { room: "sala 42".into(), limit: None });
    check("/join sala de aula", Command::Join { room: "sala de aula".into() });
    check("/join \"sala de aula\"", Command::Join { room: "sala de aula".into() });
    check(r#"/join "a \"b\" \\ c""#, Command::Join { room: r#"a "b" \ c"#.into() });
    check(
        "/msg \"Ana Maria\" oi, tudo?",
        Command::Private { to: "Ana Maria".into(), text: "oi, tudo?".into() },
    );
}

#[test]
fn what_does_not_fit_a_command_tells_its_usage() {
    for line in
        ["/create", "/create a b", "/create a 1 2", "/create a -1", "/create a 4294967296", "/create \"a"]
    {
        check_usage(line);
    }
    for line in
        ["/join", "/join \"a\" b", "/join \"\"", "/msg", "/leave now", "/quit now", "/sleep", "/sleep x"]
    {
        check_usage(line);
    }
}

#[test]
fn a_private_message_without_text_is_an_empty_message() {
    assert_eq!(parse("/msg bia", Dialect::Script).map_err(|error| error.code()), Err("empty_message"));
    assert_eq!(parse("/msg bia   ", Dialect::Script), Err(CommandError::EmptyMessage));
}

#[test]
fn an_unknown_slash_word_is_never_text() {
    for line in ["/", "//x", "/nope", " /nope", "/joinrust", "/ join rust"] {
        let error = parse(line, Dialect::Terminal).unwrap_err();
        assert_eq!(error.code(), "unknown_command", "{line:?}");
    }
}

#[test]
fn only_scripts_sleep() {
    check("/sleep 1s", Command::Sleep(Duration::from_secs(1)));
    check("/sleep 200ms", Command::Sleep(Duration::from_millis(200)));
    assert!(matches!(parse("/sleep 1s", Dialect::Terminal), Err(CommandError::Unknown { .. })));
    assert!(!vocabulary(Dialect::Terminal).any(|word| word == "sleep"));
}

#[test]
fn help_shows_every_word_of_the_vocabulary() {
    for (dialect, language) in everywhere() {
        let help = help(dialect, language);
        for word in vocabulary(dialect) {
            assert!(help.contains(&format!("/{word}")), "{word}");
        }
        assert_eq!(help.contains("/sleep"), dialect == Dialect::Script, "{help}");
    }
}

#[test]
fn a_usage_is_told_in_the_language_with_its_words() {
    let refused = parse("/criar", Dialect::Terminal).unwrap_err();
    assert_eq!(
        refused.told_in(Language::Portuguese),
        "uso: /criar SALA [LIMITE] (um nome com espaços fica entre aspas duplas)"
    );
    assert_eq!(
        refused.to_string(),
        "usage: /create ROOM [LIMIT] (a name with blanks stands in double quotes)"
    );
}

proptest! {
    #[test]
    fn no_line_that_begins_with_a_slash_is_said(rest in ".*") {
        let understood = parse(&format!("/{rest}"), Dialect::Script);
        prop_assert!(!matches!(understood, Ok(Some(Command::Say(_)))));
    }

    #[test]
    fn every_name_can_be_quoted(name in "[^\n]+") {
        let quoted = name.replace('\\', r"\\").replace('"', "\\\"");
        prop_assert_eq!(
            parse(&format!("/create \"{quoted}\" 7"), Dialect::Script),
            Ok(Some(Command::Create { room: name, limit: Some(7) }))
        );
    }
}
