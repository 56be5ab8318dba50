use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(one_line(text), expected, "{text:?}");
}

#[test]
fn text_of_living_scripts_comes_out_unchanged() {
    for text in
        ["olá, tudo bem?", "e\u{301}", "你好", "שלום", "नमस्ते", "สวัสดีที่นี่", "Tiếng Việt", "", "   ", "<U+202E>"]
    {
        check(text, text);
    }
}

#[test]
fn emoji_keep_their_joiners_and_selectors() {
    for text in [
        "👍🏽",
        "👩\u{200D}👩\u{200D}👧\u{200D}👦",
        "❤\u{FE0F}\u{200D}🔥",
        "🏳\u{FE0F}\u{200D}🌈",
        "1\u{FE0F}\u{20E3}",
        "🇧🇷",
    ] {
        check(text, text);
    }
}

#[test]
fn escape_sequences_lose_their_escape() {
    check("\x1b[2J\x1b[H", "<U+001B>[2J<U+001B>[H");
    check("\x1b]0;title\x07", "<U+001B>]0;title<U+0007>");
    check("\u{9b}31m", "<U+009B>31m");
    check("hi\rbob: forged", "hi<U+000D>bob: forged");
    check("\0\u{7f}", "<U+0000><U+007F>");
}

#[test]
fn what_reorders_or_hides_text_is_shown() {
    check("\u{202E}gnp.exe", "<U+202E>gnp.exe");
    check("bo\u{200B}b", "bo<U+200B>b");
    check("a\u{200D}b", "a<U+200D>b");
    check("👍\u{200D}", "👍<U+200D>");
    check("a\u{2028}b\u{85}c", "a<U+2028>b<U+0085>c");
    check("\u{E0041}\u{F8FF}\u{FFFE}", "<U+E0041><U+F8FF><U+FFFE>");
}

#[test]
fn floods_are_counted_and_not_drawn() {
    check(&"\x07".repeat(10_000), "<U+0007×10000>");
    check(&format!("a{}", "\u{301}".repeat(2_000)), "a\u{301}\u{301}\u{301}\u{301}<U+0301×1996>");
    check("♥\u{FE0E}\u{FE0F}", "♥\u{FE0E}<U+FE0F>");
    check("\u{301}a", "<U+0301>a");
    check("\x07\u{301}", "<U+0007><U+0301>");
    check("\u{FE0F}", "<U+FE0F>");
}

#[test]
fn only_newlines_end_a_line() {
    assert_eq!(lines("a\nb"), ["a", "b"]);
    assert_eq!(lines("a\r\nb\r\n"), ["a", "b", ""]);
    assert_eq!(lines("a\u{b}b\u{c}c\u{2028}d\re"), ["a<U+000B>b<U+000C>c<U+2028>d<U+000D>e"]);
    assert_eq!(lines("a\tb"), ["a    b"]);
    assert_eq!(lines(""), [""]);
}

proptest! {
    #[test]
    fn nothing_that_commands_a_terminal_comes_out(text in crate::hostile::text()) {
        for line in lines(&text) {
            prop_assert!(!line.chars().any(is_control), "{line:?}");
        }
        prop_assert!(!one_line(&text).chars().any(is_control));
    }

    #[test]
    fn what_came_out_goes_in_unchanged(text in crate::hostile::text()) {
        let once = one_line(&text);
        prop_assert_eq!(one_line(&once), once);
    }

    #[test]
    fn no_base_carries_a_flood(text in crate::hostile::text()) {
        let mut marks = 0;
        for character in one_line(&text).chars() {
            let sits = matches!(classes::of(character), Class::Mark | Class::Selector);
            marks = if sits { marks + 1 } else { 0 };
            prop_assert!(marks <= MOST_MARKS + 1);
        }
    }
}
