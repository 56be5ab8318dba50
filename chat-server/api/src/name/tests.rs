use super::*;

#[test]
fn reserved_names_are_refused_however_they_are_spelt() {
    for name in [
        "Sistema",
        "sistema",
        "SISTEMA",
        " Sistema ",
        "Ѕistema",
        "ｓｉｓｔｅｍａ",
        "todos",
        "Todos",
        "tоdos",
        "T0DOS",
    ] {
        assert_eq!(Username::parse(name), Err(NameError::Reserved), "{name}");
    }
    for name in ["Sistemas", "todo", "sistem", "ana", "admin"] {
        assert!(Username::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn a_room_may_have_a_name_that_no_user_may_have() {
    assert_eq!(RoomName::parse("todos").unwrap(), "todos");
}

#[test]
fn usernames_have_32_characters_and_rooms_64() {
    assert!(Username::parse(&"é".repeat(32)).is_ok());
    assert_eq!(Username::parse(&"é".repeat(33)), Err(NameError::TooLong { limit: 32 }));
    assert!(RoomName::parse(&"é".repeat(64)).is_ok());
    assert_eq!(RoomName::parse(&"é".repeat(65)), Err(NameError::TooLong { limit: 64 }));
}

#[test]
fn names_are_shown_as_typed_and_compared_by_their_key() {
    let (typed, other) = (Username::parse(" Ana").unwrap(), Username::parse("ana").unwrap());
    assert_eq!(typed.to_string(), "Ana");
    assert_ne!(typed, other);
    assert_eq!(typed.key(), other.key());
}
