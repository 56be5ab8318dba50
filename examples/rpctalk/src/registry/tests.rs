use super::*;

fn room() -> Registry<u8> {
    let mut room = Registry::default();
    assert_eq!(room.add_sender("ana"), Ok(1));
    assert_eq!(room.add_display("bia", 2), Ok(1));
    assert_eq!(room.add_display("ana", 1), Ok(2));
    room
}

fn listed(room: &Registry<u8>) -> Vec<String> {
    room.list().iter().map(ToString::to_string).collect()
}

#[test]
fn each_kind_has_names_and_counts_of_its_own() {
    let mut room = room();
    assert_eq!(room.add_sender("ana"), Err(Refused::Taken));
    assert_eq!(room.add_display("bia", 9), Err(Refused::Taken));
    assert_eq!(room.add_sender("bia"), Ok(2));
    assert_eq!(room.add_sender("Ana"), Ok(3));
    assert_eq!(listed(&room), ["entrada ana", "saida bia", "saida ana", "entrada bia", "entrada Ana"]);
}

#[test]
fn counts_are_of_those_registered_now() {
    let mut room = room();
    assert_eq!(room.add_sender("caio"), Ok(2));
    room.finish("ana");
    assert_eq!(room.add_sender("ana"), Ok(2));
    assert_eq!(room.add_display("caio", 3), Ok(2));
}

#[test]
fn a_message_goes_to_one_display_or_to_all() {
    let mut room = room();
    assert_eq!(room.displays("bia"), [2]);
    assert_eq!(room.displays("todos"), [2, 1]);
    room.add_sender("caio").unwrap();
    for nobody in ["caio", "Bia", "Todos", "", "bi"] {
        assert_eq!(room.displays(nobody), [0; 0], "{nobody}");
    }
    room.add_display("todos", 7).unwrap();
    assert_eq!(room.displays("todos"), [2, 1, 7]);
}

#[test]
fn finishing_forgets_the_sender_and_his_display() {
    let mut room = room();
    assert_eq!(room.finish("ana"), Some(1));
    assert_eq!(listed(&room), ["saida bia"]);
    assert_eq!(room.finish("ana"), None);
    assert_eq!(room.finish("bia"), None, "a display alone has no sender that could finish it");
    assert_eq!(listed(&room), ["saida bia"]);
    room.add_sender("caio").unwrap();
    assert_eq!(room.finish("caio"), None);
    assert_eq!(listed(&room), ["saida bia"]);
}

#[test]
fn a_room_that_is_ending_takes_nobody() {
    let mut room = room();
    assert_eq!(room.close(), [2, 1]);
    assert_eq!(room.add_sender("caio"), Err(Refused::Closed));
    assert_eq!(room.add_display("caio", 3), Err(Refused::Closed));
    assert_eq!(room.close(), [2, 1]);
}

#[test]
fn a_room_has_places_up_to_its_limit() {
    let mut room = Registry::<u8>::default();
    for number in 1..=PROGRAMS {
        assert_eq!(room.add_sender(&number.to_string()), Ok(number));
    }
    assert_eq!(room.add_display("ana", 1), Err(Refused::Full));
    room.finish("1");
    assert_eq!(room.add_display("ana", 1), Ok(1));
}
