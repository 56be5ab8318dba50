use std::time::Duration;

use rpc_core::{Client, Code, Lagged, Sink};

use super::*;
use crate::contract::ChatClient;

const SOON: Duration = Duration::from_secs(20);

struct Stage {
    server: Server,
    circle: Circle,
    log: Receiver<String>,
}

/// One client: what it says, and what it hears.
struct Guest {
    says: Sink<Message>,
    hears: Stream<Message>,
}

fn stage() -> Stage {
    let (lines, log) = bounded(10_000);
    let circle = Circle::open(lines).unwrap();
    let server = circle.server().serve_in_memory().unwrap();
    Stage { server, circle, log }
}

impl Stage {
    fn enter(&self) -> Guest {
        let (says, said) = rpc_core::stream();
        let chat = ChatClient::new(Client::over(&self.server)).with_deadline(SOON);
        Guest { says, hears: chat.Chat(said).unwrap() }
    }

    fn logs(&self, line: &str) {
        assert_eq!(self.log.recv_timeout(SOON).unwrap(), line);
    }
}

impl Guest {
    fn say(&self, user: &str, message: &str) {
        self.says.send(said(user, message)).unwrap();
    }

    fn hear(&mut self) -> Message {
        self.hears.next().unwrap().unwrap()
    }
}

fn said(user: &str, message: &str) -> Message {
    Message { user: user.to_owned(), message: message.to_owned() }
}

#[test]
fn everybody_hears_everything_from_his_coming_on() {
    let stage = stage();
    let mut ana = stage.enter();
    ana.say("Ana", "alguém?");
    assert_eq!(ana.hear(), said("Ana", "alguém?"));
    let mut other_ana = stage.enter();
    other_ana.say("Ana", "eu 🦀");
    for guest in [&mut ana, &mut other_ana] {
        assert_eq!(guest.hear(), said("Ana", "eu 🦀"));
    }
    stage.logs("[Ana]: alguém?");
    stage.logs("[Ana]: eu 🦀");
}

#[test]
fn who_has_said_everything_hears_his_last_words_and_then_the_end() {
    let stage = stage();
    let (ana, mut bia) = (stage.enter(), stage.enter());
    for number in 0..200 {
        ana.say("Ana", &number.to_string());
    }
    drop(ana.says);
    assert_eq!(ana.hears.map(Result::unwrap).count(), 200);
    for number in 0..200 {
        assert_eq!(bia.hear(), said("Ana", &number.to_string()));
        stage.logs(&format!("[Ana]: {number}"));
    }
    stage.logs("Cliente desconectado");
    bia.say("Bia", "ainda aqui");
    assert_eq!(bia.hear(), said("Bia", "ainda aqui"));
}

#[test]
fn all_hear_the_same_order_which_is_the_logs() {
    const GUESTS: usize = 12;
    const EACH: usize = 50;
    let stage = stage();
    let guests: Vec<Guest> = (0..GUESTS).map(|_| stage.enter()).collect();
    let orders: Vec<Vec<String>> = std::thread::scope(|scope| {
        let talk = |(number, guest): (usize, Guest)| {
            scope.spawn(move || {
                (0..EACH).for_each(|word| guest.say(&format!("g{number}"), &word.to_string()));
                let heard = guest.hears.take(GUESTS * EACH);
                heard.map(|message| message.unwrap().to_string()).collect::<Vec<_>>()
            })
        };
        let talking: Vec<_> = guests.into_iter().enumerate().map(talk).collect();
        talking.into_iter().map(|talk| talk.join().unwrap()).collect()
    });
    let messages = stage.log.iter().filter(|line| line.starts_with('['));
    let logged: Vec<String> = messages.take(GUESTS * EACH).collect();
    assert!(orders.iter().all(|order| *order == logged));
}

#[test]
fn a_client_that_does_not_listen_is_let_go_and_the_others_hear_everything() {
    let stage = stage();
    let (mut ana, deaf) = (stage.enter(), stage.enter());
    for number in 0..2000 {
        ana.say("Ana", &number.to_string());
        assert_eq!(ana.hear(), said("Ana", &number.to_string()));
    }
    let last = deaf.hears.last().unwrap().unwrap_err();
    assert!(Lagged::from_status(&last).is_some(), "{last:?}");
    let refused = std::iter::repeat_with(|| deaf.says.send(said("Bia", "x"))).find_map(Result::err);
    assert!(matches!(refused.unwrap().code(), Code::Cancelled | Code::ResourceExhausted));
    stage.log.iter().find(|line| line == "Cliente desconectado").unwrap();
}

/// A listener's stream keeps the server's services. When that was the circle itself, the last listener dropped it, and
/// waited for the order, which waited for the last listener.
#[test]
fn closing_ends_what_everybody_hears_and_every_thread() {
    for _ in 0..100 {
        let stage = stage();
        let guests: Vec<Guest> = (0..5).map(|_| stage.enter()).collect();
        guests[0].say("Ana", "tchau");
        stage.logs("[Ana]: tchau");
        stage.circle.close();
        for guest in guests {
            assert_eq!(guest.hears.map(Result::unwrap).collect::<Vec<_>>(), [said("Ana", "tchau")]);
        }
        stage.server.shutdown(SOON).unwrap();
        drop(stage.circle);
        assert_eq!(stage.log.try_iter().collect::<Vec<_>>(), ["Cliente desconectado"; 5]);
    }
}

#[test]
fn a_circle_that_is_dropped_before_its_server_lets_everybody_go_and_nobody_in() {
    let stage = stage();
    let guest = stage.enter();
    drop(stage.circle);
    assert_eq!(guest.hears.count(), 0);
    let (_says, said) = rpc_core::stream();
    let late = ChatClient::new(Client::over(&stage.server)).Chat(said).unwrap_err();
    assert_eq!((late.code(), late.message()), (Code::Unavailable, "the chat is ending"));
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let (lines, log) = bounded(3);
    let circle = Circle::open(lines).unwrap();
    let server = circle.server().serve_in_memory().unwrap();
    let mut stage = Stage { server, circle, log };
    let mut ana = stage.enter();
    for number in 0..100 {
        ana.say("Ana", &number.to_string());
        assert_eq!(ana.hear(), said("Ana", &number.to_string()));
    }
    let kept: Vec<String> = stage.log.try_iter().collect();
    assert_eq!(kept, ["[Ana]: 0", "[Ana]: 1", "[Ana]: 2"]);
    stage.log = crossbeam_channel::never();
    ana.say("Ana", "oi");
    assert_eq!(ana.hear(), said("Ana", "oi"));
}

#[test]
fn a_message_larger_than_a_frame_ends_its_sender_alone() {
    let stage = stage();
    let (ana, mut bia) = (stage.enter(), stage.enter());
    ana.says.send(said("Ana", &"x".repeat(64 << 10))).ok();
    assert!(ana.hears.last().is_none_or(|last| last.is_err()));
    bia.say("Bia", &"y".repeat(60 << 10));
    assert_eq!(bia.hear().message.len(), 60 << 10);
}
