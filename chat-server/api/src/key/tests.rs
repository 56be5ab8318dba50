use proptest::prelude::*;

use super::*;

#[track_caller]
fn one_name(names: &[&str]) {
    for name in names {
        assert_eq!(
            NameKey::of(name).identity(),
            NameKey::of(names[0]).identity(),
            "{name:?} and {:?}",
            names[0]
        );
    }
}

#[test]
fn case_width_accents_typed_in_two_ways_and_other_scripts_make_no_second_name() {
    one_name(&["ana", "Ana", "ANA", "ａｎａ", "\u{430}n\u{430}", "\u{410}na"]);
    one_name(&["bob", "bob ", "bob\u{a0}", " BOB"]);
    one_name(&["José", "Jose\u{301}"]);
    one_name(&["evan", "\u{435}van", "ｅｖａｎ"]);
    one_name(&["Straße", "STRASSE", "strasse"]);
    one_name(&["k", "K", "\u{212a}"]);
    one_name(&["s", "\u{17f}"]);
    one_name(&["ΣΟΦΟΣ", "σοφος", "σοφοσ"]);
    one_name(&["ana  bia", "ana bia", "ana\u{2003}bia"]);
    one_name(&["🦀  ana", "🦀 Ana", "🦀\u{a0}аna"]);
    one_name(&["user1", "userl", "user|"]);
}

#[test]
fn look_alikes_made_by_capitals_clash_without_being_one_name() {
    for (one, other) in [("BOB", "\u{412}\u{41e}\u{412}"), ("ANA", "\u{391}\u{39d}\u{391}"), ("luis", "Iuis")]
    {
        let (one, other) = (NameKey::of(one), NameKey::of(other));
        assert_ne!(one.identity(), other.identity());
        assert!(one.clashes_with(&other) && other.clashes_with(&one));
    }
}

#[test]
fn names_that_look_different_are_different() {
    for (one, other) in
        [("ana", "bia"), ("Bia", "Bla"), ("joao", "joão"), ("ana1", "ana2"), ("a b", "ab"), ("🦀", "🦞")]
    {
        assert!(!NameKey::of(one).clashes_with(&NameKey::of(other)), "{one} {other}");
    }
}

proptest! {
    #[test]
    fn changing_case_or_width_never_makes_another_name(name in "[a-zA-Z0-9 _.áéíõüçñ-]{1,32}") {
        let key = NameKey::of(&name);
        for other in [name.to_uppercase(), name.to_lowercase()] {
            let other = NameKey::of(&other);
            prop_assert_eq!(other.identity(), key.identity());
        }
        let wide: String = name.chars().map(widened).collect();
        prop_assert_eq!(&NameKey::of(&wide), &key);
    }

    #[test]
    fn the_short_way_for_ascii_leads_to_the_same_place(name in "[ -~]{0,64}") {
        prop_assert_eq!(drawn(&name), skeleton(&name).collect::<String>());
        let long: String = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
        prop_assert_eq!(fold(&name), long);
        let blanks = Nickname::enforce(name.as_str()).map(std::borrow::Cow::into_owned).unwrap_or_default();
        prop_assert_eq!(compatible(&name), blanks);
    }

    #[test]
    fn no_text_makes_the_key_fail(name in "\\PC*") {
        let key = NameKey::of(&name);
        prop_assert!(key.clashes_with(&key.clone()));
    }
}

fn widened(letter: char) -> char {
    match letter {
        '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).unwrap(),
        _ => letter,
    }
}
