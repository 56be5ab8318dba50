use chat_api::UnixMillis;
use rpc_core::Code;

use super::*;

const IDLE: Duration = Duration::from_secs(60);

fn at(millis: u64) -> Moment {
    Moment { unix: UnixMillis(0), uptime: Uptime(Duration::from_millis(millis)) }
}

fn name(name: &str) -> Username {
    Username::parse(name).unwrap()
}

fn newcomer(text: &str, number: u8) -> Newcomer {
    let person = Person { id: UserId(number.into()), name: name(text) };
    Newcomer { person, token: SessionToken::new([number; 16]), registration: None }
}

fn register(users: &mut Users, text: &str, number: u8, millis: u64) -> Result<Registered, ChatError> {
    users.register(newcomer(text, number), None, at(millis))
}

fn code<T: std::fmt::Debug>(result: Result<T, ChatError>) -> Code {
    match result.unwrap_err() {
        ChatError::Status(status) => status.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_in_use_is_taken_in_every_spelling() {
    let mut users = Users::new(IDLE);
    register(&mut users, "Ana", 1, 0).unwrap();
    for text in ["Ana", "ana", "ａｎａ", "аnа", "ΑΝΑ"] {
        let refused = register(&mut users, text, 2, 0).unwrap_err();
        assert_eq!(refused, ChatError::NameTaken { username: name(text) });
    }
    users.remove(UserId(1));
    register(&mut users, "аnа", 3, 0).unwrap();
}

#[test]
fn a_call_is_its_token_holders_only() {
    let mut users = Users::new(IDLE);
    register(&mut users, "ana", 1, 0).unwrap();
    register(&mut users, "bia", 2, 0).unwrap();
    let ana = users.caller(&name("ANA"), Some(&[1; 16]), at(0)).unwrap();
    assert_eq!(ana, Person { id: UserId(1), name: name("ana") });
    assert_eq!(code(users.caller(&name("ana"), Some(&[2; 16]), at(0))), Code::PermissionDenied);
    for wrong in [&[9; 16][..], &[1; 15], &[1; 17], &[]] {
        assert_eq!(code(users.caller(&name("ana"), Some(wrong), at(0))), Code::Unauthenticated);
        assert_eq!(code(users.holder(Some(wrong), at(0))), Code::Unauthenticated);
    }
    assert_eq!(code(users.caller(&name("ana"), None, at(0))), Code::Unauthenticated);
    assert_eq!(code(users.holder(None, at(0))), Code::Unauthenticated);
    assert_eq!(users.holder(Some(&[2; 16]), at(0)).unwrap().name, "bia");
}

#[test]
fn a_name_nobody_has_is_not_registered_whatever_the_token() {
    let mut users = Users::new(IDLE);
    register(&mut users, "ana", 1, 0).unwrap();
    let unknown = ChatError::NotRegistered { username: name("zoe") };
    assert_eq!(users.caller(&name("zoe"), Some(&[1; 16]), at(0)), Err(unknown.clone()));
    assert_eq!(users.caller(&name("zoe"), None, at(0)), Err(unknown));
}

#[test]
fn who_shows_the_names_token_takes_up_his_session() {
    let mut users = Users::new(IDLE);
    register(&mut users, "Ana", 1, 0).unwrap();
    let again = users.register(newcomer("ana", 2), Some(&[1; 16]), at(1)).unwrap();
    assert_eq!((again.person.id, again.person.name.as_str()), (UserId(1), "Ana"));
    assert_eq!(again.token.as_bytes(), &[1; 16]);
    let other = users.register(newcomer("ana", 2), Some(&[2; 16]), at(1));
    assert!(matches!(other, Err(ChatError::NameTaken { .. })));
}

#[test]
fn a_user_is_idle_after_a_minute_without_any_call_to_the_millisecond() {
    let mut users = Users::new(IDLE);
    register(&mut users, "ana", 1, 0).unwrap();
    assert!(users.retire_idle(at(59_999)).is_empty());
    users.caller(&name("ana"), Some(&[1; 16]), at(59_999)).unwrap();
    users.holder(Some(&[1; 16]), at(100_000)).unwrap();
    assert!(users.retire_idle(at(159_999)).is_empty());
    assert!(matches!(
        users.caller(&name("ana"), Some(&[1; 16]), at(160_000)),
        Err(ChatError::NotRegistered { .. })
    ));
    assert_eq!(users.retire_idle(at(160_000)), [Person { id: UserId(1), name: name("ana") }]);
    assert!(!users.is_registered(UserId(1)));
    assert!(users.retire_idle(at(160_000)).is_empty());
}

#[test]
fn a_refused_call_keeps_nobody_registered() {
    let mut users = Users::new(IDLE);
    register(&mut users, "ana", 1, 0).unwrap();
    assert!(users.caller(&name("ana"), Some(&[9; 16]), at(59_000)).is_err());
    assert_eq!(users.retire_idle(at(60_000)).len(), 1);
}

/// The story: a client whose answer was lost was told that its own name is taken, for a minute.
#[test]
fn registering_again_with_the_same_id_is_answered_as_the_first_time() {
    let mut users = Users::new(IDLE);
    let with_id = |number: u8, id: u8| Newcomer {
        registration: Some(RegistrationId::new([id; 16])),
        ..newcomer("ana", number)
    };
    let first = users.register(with_id(1, 7), None, at(0)).unwrap();
    let again = users.register(with_id(2, 7), None, at(59_999)).unwrap();
    assert_eq!((again.person.id, again.token.as_bytes()), (UserId(1), first.token.as_bytes()));
    for other in [with_id(3, 8), newcomer("ana", 3)] {
        let refused = users.register(other, None, at(59_999));
        assert!(matches!(refused, Err(ChatError::NameTaken { .. })));
    }
    assert!(users.retire_idle(at(60_000)).is_empty(), "registering again is a call");
    assert_eq!(users.retire_idle(at(119_999)).len(), 1);
    assert!(users.register(with_id(4, 7), None, at(119_999)).is_err());
}

#[test]
fn only_those_who_are_idle_make_room_for_a_name() {
    let mut users = Users::new(IDLE);
    register(&mut users, "iuis", 1, 0).unwrap();
    register(&mut users, "luis", 2, 30_000).unwrap();
    register(&mut users, "zoe", 4, 0).unwrap();
    assert!(users.retire_idle_holders(&name("Iuis"), at(59_999)).is_empty());
    let retired = users.retire_idle_holders(&name("Iuis"), at(60_000));
    assert_eq!(retired, [Person { id: UserId(1), name: name("iuis") }]);
    assert!(register(&mut users, "Iuis", 3, 60_000).is_err());
    assert_eq!(users.retire_idle_holders(&name("Iuis"), at(90_000)).len(), 1);
    users.remove(UserId(1));
    users.remove(UserId(2));
    register(&mut users, "Iuis", 3, 90_000).unwrap();
    assert!(users.is_registered(UserId(4)));
}

#[test]
fn who_is_leaving_makes_no_calls_and_keeps_his_name_until_he_is_out() {
    let mut users = Users::new(IDLE);
    register(&mut users, "ana", 1, 0).unwrap();
    assert_eq!(users.retire(UserId(1)).unwrap().name, "ana");
    assert_eq!(users.retire(UserId(1)), None);
    assert!(!users.is_registered(UserId(1)));
    let unknown = ChatError::NotRegistered { username: name("ana") };
    assert_eq!(users.caller(&name("ana"), Some(&[1; 16]), at(0)), Err(unknown));
    assert_eq!(code(users.holder(Some(&[1; 16]), at(0))), Code::Unauthenticated);
    let reclaimed = users.register(newcomer("ana", 2), Some(&[1; 16]), at(0));
    assert!(matches!(reclaimed, Err(ChatError::NameTaken { .. })));
    users.remove(UserId(1));
    register(&mut users, "ana", 2, 0).unwrap();
}

#[test]
fn a_full_server_says_so() {
    let mut users = Users::new(IDLE);
    for number in 0..USERS {
        let id = u64::try_from(number).unwrap();
        let person = Person { id: UserId(id), name: name(&format!("u{number}")) };
        let [a, b, c, d, e, f, g, h] = id.to_le_bytes();
        let token = SessionToken::new([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 1]);
        users.register(Newcomer { person, token, registration: None }, None, at(0)).unwrap();
    }
    assert_eq!(code(register(&mut users, "one more", 7, 0)), Code::ResourceExhausted);
    users.remove(UserId(3));
    register(&mut users, "one more", 7, 0).unwrap();
}
