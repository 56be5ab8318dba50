//! The way into rooms: passwords, lost answers, streams that are refused.

use chat_api::RoomPassword;

use super::*;

fn password(text: &str) -> RoomPassword {
    RoomPassword::parse(text).unwrap()
}

#[test]
fn a_private_room_is_entered_with_its_password() {
    let stage = Stage::new();
    let (ana, bia) = (stage.user("ana"), stage.user("bia"));
    assert_eq!(ana.create_private(" cofre ", &password("sésamo"), Some(3)).unwrap(), "cofre");
    assert_eq!(bia.join("cofre").unwrap_err().code(), "password_needed");
    assert_eq!(bia.join_private("cofre", &password("aberto")).unwrap_err().code(), "wrong_password");
    assert_eq!(bia.join_private("cofre", &password("sésamo")).unwrap().users, ["bia"]);
    assert_eq!(stage.chat.limit_of("cofre"), Some(3));
}

#[test]
fn the_list_tells_private_rooms_and_a_server_of_before_tells_what_it_knows() {
    let stage = Stage::new();
    let ana = stage.user("ana");
    ana.create("open", Some(2)).unwrap();
    ana.create_private("vault", &password("sésamo"), None).unwrap();
    let listed = || {
        let rooms = ana.rooms().unwrap().into_iter();
        rooms.map(|room| (room.name, room.limit, room.private)).collect::<Vec<_>>()
    };
    let told = |open, vault| vec![("open".to_owned(), Some(2), open), ("vault".to_owned(), None, vault)];
    assert_eq!(listed(), told(Some(false), Some(true)));
    stage.chat.world().is_of_before = true;
    assert_eq!(listed(), told(None, None));
}

/// A room that a server has forgotten must not come back open to everybody.
#[test]
fn a_private_room_that_is_made_again_is_private_again() {
    let mut stage = Stage::new();
    let ana = stage.user("ana");
    ana.create_private("cofre", &password("sésamo"), None).unwrap();
    ana.join_private("cofre", &password("sésamo")).unwrap();
    until_followed(&stage, 1);
    stage.shut();
    assert_eq!(told(&ana), "lost");
    stage.chat.forget_everything();
    stage.open();
    assert_eq!([told(&ana), told(&ana)], ["restored", "gap in cofre"]);
    let bia = stage.user("bia");
    assert_eq!(bia.join("cofre").unwrap_err().code(), "password_needed");
    assert_eq!(bia.join_private("cofre", &password("sésamo")).unwrap().users, ["ana", "bia"]);
}

/// The story: what was said between the lost entry and the answered one stood in the history, and came again as an event.
#[test]
fn what_is_said_while_the_answer_of_a_join_is_lost_is_shown_once() {
    let stage = Stage::new();
    let (ana, _bia) = two_in_rust(&stage);
    ana.send("rust", "before").unwrap();
    let caio = stage.user("caio");
    stage.chat.world().lost_joins = 1;
    let entry = std::thread::scope(|scope| {
        let joining = scope.spawn(|| caio.join("rust"));
        // The first entry is recorded, and its answer lost: what comes now is behind it.
        while told(&ana) != "+caio" {}
        ana.send("rust", "between").unwrap();
        joining.join().unwrap().unwrap()
    });
    let history: Vec<&str> = entry.history.iter().map(|message| message.body.as_str()).collect();
    assert_eq!(history, ["before"]);
    assert_eq!(told(&caio), "ana: between");
    check_nothing_more(&caio);
}

/// The story: one room whose stream was refused was told as a lost connection, and silenced all the others.
#[test]
fn a_room_whose_stream_is_refused_leaves_the_others_alone_and_is_asked_again() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    stage.chat.world().refused = ("ill".to_owned(), 3);
    bia.create("ill", None).unwrap();
    bia.join("ill").unwrap();
    assert_eq!(told(&bia), "unavailable");
    ana.send("rust", "heard").unwrap();
    assert_eq!(told(&bia), "ana: heard");
    ana.join("ill").unwrap();
    assert_eq!(told(&bia), "+ana", "it was asked for until it was given, and complained of once");
    check_nothing_more(&bia);
}
