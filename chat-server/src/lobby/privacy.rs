//! Private rooms, as their users meet them.

use std::time::Duration;

use chat_api::{Admin, Chat, ChatError, LogEntry, PasswordError, RoomName};
use rpc_core::Code;

use super::rig::{Rig, status};

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

#[test]
fn a_private_room_opens_to_its_password_alone() {
    let rig = Rig::new();
    let (ana, bia) = (rig.guest("ana"), rig.guest("bia"));
    ana.create_private("cofre", "sésamo").unwrap();
    assert_eq!(status(bia.join("cofre")), Code::PermissionDenied, "a client of before is told in words");
    assert_eq!(bia.join_with("cofre", ""), Err(ChatError::PasswordNeeded { room: room("cofre") }));
    for wrong in ["sesamo", "SÉSAMO", "x", "\u{1b}[2J"] {
        assert_eq!(bia.join_with("cofre", wrong), Err(ChatError::WrongPassword { room: room("cofre") }));
    }
    assert_eq!(bia.join_with("COFRE", "se\u{301}samo").unwrap().users, ["bia"]);
    assert_eq!(bia.join_with("cofre", "anything").unwrap().users, ["bia"], "who is in needs none");
    assert_eq!(bia.join("cofre").unwrap().users, ["bia"]);
    assert_eq!(ana.join_with("cofre", "sésamo").unwrap().users, ["bia", "ana"]);
}

#[test]
fn the_list_of_rooms_tells_which_are_private() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    ana.create_private("cofre", "sésamo").unwrap();
    ana.create("rust").unwrap();
    let told: Vec<(String, bool)> = rig
        .lobby
        .describe_rooms()
        .unwrap()
        .into_iter()
        .map(|room| (room.name.into(), room.private))
        .collect();
    assert_eq!(told, [("cofre".to_owned(), true), ("rust".to_owned(), false)]);
    assert_eq!(Chat::list_rooms(&rig.lobby).unwrap().len(), 2, "clients of before are told of all");
}

#[test]
fn a_password_shown_at_an_open_room_does_no_harm() {
    let rig = Rig::new();
    let [ana] = rig.guests_in("rust", ["ana"]);
    ana.leave("rust").unwrap();
    assert_eq!(ana.join_with("rust", "whatever").unwrap().users, ["ana"]);
}

#[test]
fn a_thousand_wrong_passwords_are_five_looked_at_and_the_right_one_must_wait() {
    let rig = Rig::new();
    let (ana, bia) = (rig.guest("ana"), rig.guest("bia"));
    ana.create_private("cofre", "sésamo").unwrap();
    let outcomes: Vec<ChatError> =
        (0..1000).map(|number| bia.join_with("cofre", &format!("guess {number}")).unwrap_err()).collect();
    let looked_at = outcomes.iter().filter(|error| error.code() == "wrong_password").count();
    let refused = outcomes.iter().filter(|error| error.code() == "too_many_tries").count();
    assert_eq!((looked_at, refused), (5, 995));
    assert_eq!(bia.join_with("cofre", "sésamo").unwrap_err().code(), "too_many_tries");
    assert_eq!(ana.join_with("cofre", "sésamo").unwrap().users, ["ana"], "others have their own tries");
    rig.clock.advance(Duration::from_secs(10));
    assert_eq!(bia.join_with("cofre", "sésamo").unwrap().users, ["ana", "bia"]);
}

#[test]
fn a_password_at_its_limits_makes_a_room_and_past_them_none() {
    let rig = Rig::new();
    let ana = rig.guest("ana");
    ana.create_private("shortest", "abcd").unwrap();
    ana.create_private("longest", &"x".repeat(128)).unwrap();
    for bad in ["", "abc", &"x".repeat(129), "a\nbcd"] {
        assert_eq!(ana.create_private("bad", bad), Err(ChatError::InvalidPassword(PasswordError)), "{bad:?}");
    }
    assert_eq!(ana.create_private("SHORTEST", "abcd"), Err(ChatError::RoomExists { room: room("SHORTEST") }));
    assert_eq!(rig.lobby.list_rooms_of_operator(), ["shortest", "longest"]);
}

#[test]
fn the_log_has_wrong_passwords_and_nothing_that_is_said_in_private() {
    let rig = Rig::new();
    let [ana, bia] = rig.guests_in("rust", ["ana", "bia"]);
    ana.create_private("cofre", "sésamo").unwrap();
    ana.join_with("cofre", "sésamo").unwrap();
    ana.say("cofre", "a secret").unwrap();
    ana.tell("rust", "bia", "a whisper").unwrap();
    ana.say("rust", "oi").unwrap();
    bia.join_with("cofre", "aberto").unwrap_err();
    let log = rig.lobby.logs(0).unwrap();
    let said: Vec<&LogEntry> = log.entries.iter().map(|logged| &logged.entry).collect();
    assert!(!format!("{said:?}").contains("secret") && !format!("{said:?}").contains("whisper"), "{said:?}");
    assert!(matches!(said.last(), Some(LogEntry::WrongPassword { user, .. }) if *user == *"bia"), "{said:?}");
    assert_eq!(said.iter().filter(|entry| matches!(entry, LogEntry::Said { .. })).count(), 1);
}

impl super::Lobby {
    fn list_rooms_of_operator(&self) -> Vec<String> {
        Admin::list_rooms(self).unwrap().into_iter().map(|room| room.name.to_string()).collect()
    }
}
