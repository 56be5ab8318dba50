use super::*;
use crate::event::RoomLine;

fn known() -> Known {
    let mut known = Known::default();
    let rooms = ["rust", "Sala de aula"].map(|name| RoomLine {
        name: name.into(),
        users: 0,
        limit: None,
        private: None,
    });
    known.observe(&ChatEvent::Rooms { rooms: rooms.to_vec() });
    known.observe(&ChatEvent::Users { room: "rust".into(), users: vec!["bia".into(), "Ana Maria".into()] });
    known
}

#[track_caller]
fn check(line: &str, start: usize, words: &[&str]) {
    let candidates = known().candidates(line, line.len());
    assert_eq!(
        (candidates.start, candidates.words),
        (start, words.iter().map(ToString::to_string).collect())
    );
}

#[test]
fn commands_are_completed_with_their_slash() {
    check("/cr", 0, &["/create ", "/criar "]);
    check("/QU", 0, &["/quit "]);
    check("/nope", 0, &[]);
}

#[test]
fn rooms_follow_join_and_people_follow_msg() {
    check("/join ru", 6, &["rust"]);
    check("/entrar sala", 8, &["Sala de aula"]);
    check("/join ", 6, &["rust", "Sala de aula"]);
    check("/msg b", 5, &["bia "]);
    check("/msg a", 5, &["\"Ana Maria\" "]);
    check("/leave x", 7, &[]);
}

#[test]
fn people_are_completed_in_text() {
    check("oi, bi", 4, &["bia "]);
    check("oi ", 3, &[]);
    check("", 0, &[]);
}

#[test]
fn who_spoke_last_is_offered_first() {
    let mut known = known();
    known.observe(&ChatEvent::Users { room: "c".into(), users: vec!["bob".into()] });
    assert_eq!(known.candidates("b", 1).words, ["bob ", "bia "]);
}

#[test]
fn a_name_that_hides_something_is_not_offered() {
    let mut known = Known::default();
    known.observe(&ChatEvent::Users { room: "a\u{202E}".into(), users: vec!["b\x1b[2J".into()] });
    assert!(known.candidates("/join ", 6).words.is_empty());
    assert!(known.candidates("/msg ", 5).words.is_empty());
}

#[test]
fn a_cursor_inside_a_character_completes_nothing_wrong() {
    let candidates = known().candidates("é", 1);
    assert!(candidates.words.is_empty());
}
