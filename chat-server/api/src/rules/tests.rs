use super::*;

#[track_caller]
fn refused(name: &str) -> NameError {
    shown(name, 32).expect_err(name)
}

#[test]
fn blanks_around_a_name_go_and_the_rest_stays_as_typed() {
    assert_eq!(shown(" \u{3000}\u{a0}Ana Bia\t\n", 32).as_deref(), Ok("Ana Bia"));
    assert_eq!(shown("ａｎａ", 32).as_deref(), Ok("ａｎａ"));
}

#[test]
fn a_name_is_kept_in_nfc() {
    assert_eq!(shown("Jose\u{301}", 32).as_deref(), Ok("José"));
}

#[test]
fn a_name_of_nothing_that_shows_is_refused() {
    for name in ["", " ", "\t\n", "\u{3000}"] {
        assert_eq!(refused(name), NameError::Empty);
    }
}

#[test]
fn a_name_at_its_limit_passes_and_one_past_it_is_refused() {
    for letter in ["x", "é", "🦀", "本", "e\u{301}"] {
        assert!(shown(&letter.repeat(32), 32).is_ok(), "{letter}");
        assert_eq!(refused(&letter.repeat(33)), NameError::TooLong { limit: 32 });
    }
    assert_eq!(refused(&"x".repeat(1 << 20)), NameError::TooLong { limit: 32 });
    assert_eq!(refused(&" ".repeat(1 << 20)), NameError::TooLong { limit: 32 });
}

#[test]
fn characters_that_steer_a_terminal_or_cannot_be_seen_are_refused() {
    for character in [
        '\0',
        '\u{7}',
        '\t',
        '\n',
        '\r',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        '\u{9b}',
        '\u{ad}',
        '\u{61c}',
        '\u{180e}',
        '\u{200b}',
        '\u{200d}',
        '\u{200e}',
        '\u{202e}',
        '\u{2028}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{e000}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{fff9}',
        '\u{13430}',
        '\u{1bca0}',
        '\u{e0041}',
        '\u{10ffff}',
        '\u{fdd0}',
    ] {
        let name = format!("a{character}b");
        assert_eq!(refused(&name), NameError::Character { character });
    }
}

#[test]
fn names_of_many_scripts_and_pictures_pass() {
    for name in [
        "João",
        "Ñandú",
        "l'été",
        "Ελένη",
        "Мария",
        "العربية",
        "עברית",
        "日本語",
        "한국어",
        "हिन्दी",
        "ไทย",
        "🙂",
        "🦀 ferris",
        "🇧🇷",
        "𞤀𞤣𞤤𞤢𞤥",
        "a/b",
        "../../x",
        "%n%s",
        "{}",
        "$(id)",
        "'; DROP",
        "-rf",
        "[a]",
        "#room",
        "@bob",
        "0",
    ] {
        assert_eq!(shown(name, 32).as_deref(), Ok(name));
    }
}

#[test]
fn marks_cannot_lead_a_name_or_tower_over_it() {
    assert_eq!(refused("\u{301}a"), NameError::Marks);
    assert!(shown("x\u{323}\u{324}\u{325}\u{326}", 32).is_ok());
    assert_eq!(refused("x\u{323}\u{324}\u{325}\u{326}\u{327}"), NameError::Marks);
}

#[test]
fn a_peer_with_newer_tables_is_held_to_length_and_harmless_characters_only() {
    assert_eq!(shape("\u{1fbfa}", 32), Ok(()));
    assert_eq!(shape("a\u{202e}b", 32), Err(NameError::Character { character: '\u{202e}' }));
    assert_eq!(shape(&"x".repeat(33), 32), Err(NameError::TooLong { limit: 32 }));
    assert_eq!(shape(" ", 32), Err(NameError::Empty));
}

#[test]
fn a_refusal_shows_no_character_that_could_do_harm() {
    assert_eq!(refused("\u{1b}[2J").to_string(), "a name cannot hold the character U+001B");
}
