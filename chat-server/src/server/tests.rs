//! The chat through sockets, a binder and the generated client, in one process.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use binder::{Binder, BinderClient, BinderError, BinderServer, Resolver};
use chat_api::{Chat, ChatClient, ChatError, Event, News, SESSION_KEY};
use rpc_core::{Client, Code, Stream};

use super::*;

mod before;
mod operators;

const PATIENCE: Duration = Duration::from_secs(10);

fn start(binder: &BinderServer) -> ChatServer {
    let server =
        ChatServer::start(ServerOptions { binder: binder.address().to_string(), ..Default::default() });
    let server = server.unwrap();
    server.wait_registered(PATIENCE).unwrap();
    server
}

/// A client that knows the binder only, and is registered under this name.
fn guest(binder: &BinderServer, name: &str) -> ChatClient {
    let resolver: Arc<Resolver> = Resolver::new(binder.address().to_string());
    let stranger = ChatClient::new(Client::resolving(resolver));
    let session = stranger.register_user(name.to_owned()).unwrap();
    stranger.with_metadata(SESSION_KEY, session.token.as_bytes())
}

#[track_caller]
fn event(stream: &mut Stream<News>) -> Event {
    assert!(stream.wait_timeout(PATIENCE), "nothing came");
    match stream.next() {
        Some(Ok(News::Event(event))) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_people_chat_who_know_only_where_the_binder_is() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let server = start(&binder);
    let (ana, bia) = (guest(&binder, "ana"), guest(&binder, "bia"));
    ana.create_room("rust".into()).unwrap();
    let mark = ana.join_room("ana".into(), "rust".into()).unwrap().mark;
    bia.join_room("bia".into(), "rust".into()).unwrap();
    bia.send_message("bia".into(), "rust".into(), "oi\u{1b}[2J".into(), Some("Ana".into())).unwrap();
    let received = ana.receive_messages("ana".into(), "rust".into()).unwrap();
    assert_eq!(received.events.len(), 2);
    let mut stream = ana.events("ana".into(), "rust".into(), Some(mark)).unwrap();
    assert_eq!(stream.next(), Some(Ok(News::Begins { mark, missed: 0 })));
    assert_eq!([event(&mut stream), event(&mut stream)], received.events[..]);
    assert_eq!(ana.list_users("rust".into()).unwrap(), ["ana", "bia"]);
    let refused = bia.join_room("bia".into(), "rusty".into()).unwrap_err();
    assert_eq!(refused.code(), "no_such_room");
    server.shutdown(PATIENCE).unwrap();
}

#[test]
fn a_message_reaches_who_follows_within_a_tenth_of_a_second() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let _server = start(&binder);
    let (ana, bia) = (guest(&binder, "ana"), guest(&binder, "bia"));
    ana.create_room("rust".into()).unwrap();
    bia.join_room("bia".into(), "rust".into()).unwrap();
    ana.join_room("ana".into(), "rust".into()).unwrap();
    let mut stream = ana.events("ana".into(), "rust".into(), None).unwrap();
    assert!(matches!(stream.next(), Some(Ok(News::Begins { .. }))));
    let mut quickest = PATIENCE;
    for _ in 0..10 {
        let sent = Instant::now();
        bia.send_message("bia".into(), "rust".into(), "quick".into(), None).unwrap();
        event(&mut stream);
        quickest = quickest.min(sent.elapsed());
    }
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
}

#[test]
fn a_wrong_token_is_refused_with_its_status() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let _server = start(&binder);
    let (ana, _bia) = (guest(&binder, "ana"), guest(&binder, "bia"));
    let refused = ana.heartbeat("bia".into()).unwrap_err();
    assert!(matches!(&refused, ChatError::Status(status) if status.code() == Code::PermissionDenied));
    assert_eq!(refused.code(), "permission_denied");
}

#[test]
fn a_shutdown_ends_streams_at_once_and_takes_the_procedures_away() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let server = start(&binder);
    let ana = guest(&binder, "ana");
    ana.create_room("rust".into()).unwrap();
    ana.join_room("ana".into(), "rust".into()).unwrap();
    let mut stream = ana.events("ana".into(), "rust".into(), None).unwrap();
    assert!(matches!(stream.next(), Some(Ok(News::Begins { .. }))));
    thread::scope(|scope| {
        // Who turns to the binder because of the end is not sent back.
        let binder = BinderClient::new(Client::connect(binder.address().to_string()));
        let following = scope.spawn(move || {
            let why = stream.next().unwrap().unwrap_err();
            (why, binder.lookup_procedure("create_room".into()))
        });
        let begun = Instant::now();
        server.shutdown(Duration::from_secs(2)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let (why, found) = following.join().unwrap();
        assert_eq!(why.code(), Code::Unavailable);
        assert!(matches!(found, Err(BinderError::NotRegistered { .. })), "{found:?}");
    });
    let resolver = Resolver::new(binder.address().to_string());
    let stranger = ChatClient::new(Client::resolving(resolver)).with_deadline(PATIENCE);
    assert!(stranger.list_rooms().is_err());
}

/// The story: a killed client's streams stayed in the list of its rooms.
#[test]
fn streams_of_a_connection_that_is_gone_are_forgotten() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let server = start(&binder);
    let ana = guest(&binder, "ana");
    ana.create_room("rust".into()).unwrap();
    ana.join_room("ana".into(), "rust".into()).unwrap();
    drop(ana.events("ana".into(), "rust".into(), None).unwrap());
    let kept = ana.events("ana".into(), "rust".into(), None).unwrap();
    drop((kept, ana));
    let patience = Instant::now() + PATIENCE;
    while server.lobby.followed() > 0 {
        assert!(Instant::now() < patience, "a stream is still listed");
        server.lobby.sweep();
        thread::yield_now();
    }
}

#[test]
fn a_server_starts_before_its_binder_and_a_dead_binder_does_not_hold_it_up() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let address = binder.address();
    binder.shutdown(PATIENCE).unwrap();
    let server =
        ChatServer::start(ServerOptions { binder: address.to_string(), ..ServerOptions::default() }).unwrap();
    let direct = ChatClient::new(Client::connect(server.address().to_string()));
    assert_eq!(direct.list_rooms().unwrap(), []);
    let begun = Instant::now();
    server.shutdown(Duration::from_secs(2)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn an_address_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let error = ChatServer::start(ServerOptions { listen, ..ServerOptions::default() }).unwrap_err();
    assert!(matches!(error, StartError::Listen { address, .. } if address == listen));
}

#[test]
fn an_address_that_cannot_be_advertised_is_told_and_nothing_is_left_running() {
    let advertise = Some(Advertised::new("224.0.0.1", None));
    let error = ChatServer::start(ServerOptions { advertise, ..ServerOptions::default() }).unwrap_err();
    assert!(matches!(error, StartError::Registration(_)));
}

/// Leaving, coming back and following go through doors of their own: whoever is quicker, a stream that belongs to an
/// earlier stay ends in order, and one of the last stay hears what is said.
#[test]
fn who_leaves_and_comes_back_while_he_follows_hears_everything_of_his_last_stay() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let _server = start(&binder);
    let (ana, bia) = (guest(&binder, "ana"), guest(&binder, "bia"));
    ana.create_room("rust".into()).unwrap();
    ana.join_room("ana".into(), "rust".into()).unwrap();
    bia.join_room("bia".into(), "rust".into()).unwrap();
    for round in 0..50 {
        thread::scope(|scope| {
            scope.spawn(|| {
                bia.leave_room("bia".into(), "rust".into()).unwrap();
                bia.join_room("bia".into(), "rust".into()).unwrap();
            });
            scope.spawn(|| ana.send_message("ana".into(), "rust".into(), "meanwhile".into(), None).unwrap());
            // Of either stay, or refused between them; it may not last.
            if let Ok(stream) = bia.events("bia".into(), "rust".into(), None) {
                assert!(heard_until_its_end(stream, "never said").is_none());
            }
        });
        let stream = bia.events("bia".into(), "rust".into(), None).unwrap();
        let text = format!("round {round}");
        ana.send_message("ana".into(), "rust".into(), text.clone(), None).unwrap();
        assert_eq!(heard_until_its_end(stream, &text), Some(text));
    }
}

/// Reads a stream until this is said in it; `None` if it ended in order, or brought nothing for a moment, before that.
fn heard_until_its_end(mut stream: Stream<News>, text: &str) -> Option<String> {
    let moment = if text == "never said" { Duration::from_millis(20) } else { PATIENCE };
    while stream.wait_timeout(moment) {
        let news = stream.next()?.unwrap();
        if let News::Event(Event { kind: chat_api::EventKind::Broadcast { body, .. }, .. }) = news
            && body.as_str() == text
        {
            return Some(text.to_owned());
        }
    }
    None
}
