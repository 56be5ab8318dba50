//! Operators who come through the binder.

use binder::{Token, Tokens};
use chat_api::{ADMIN_TOKEN_KEY, AdminClient, RoomChoice};

use super::*;
use crate::operators::Operators;

const TOKEN: &str = "operator-0123456789abcdef";

/// A file of tokens, removed with this.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn new(name: &str) -> TokenFile {
        let path = std::env::temp_dir().join(format!("chat-{name}-{}", std::process::id()));
        std::fs::write(&path, format!("# who runs the chat\n{TOKEN}\n")).unwrap();
        TokenFile(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn start_with(binder: &BinderServer, options: ServerOptions) -> ChatServer {
    let server =
        ChatServer::start(ServerOptions { binder: binder.address().to_string(), ..options }).unwrap();
    server.wait_registered(PATIENCE).unwrap();
    server
}

fn operator(binder: &BinderServer, token: Option<&str>) -> AdminClient {
    let client = Client::resolving(Resolver::new(binder.address().to_string()));
    AdminClient::new(match token {
        Some(token) => Token::parse(token).unwrap().beside_as(ADMIN_TOKEN_KEY, &client),
        None => client,
    })
}

#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, ChatError>) -> Code {
    match outcome.unwrap_err() {
        ChatError::Status(status) => status.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_operator_with_the_token_runs_the_chat_and_nobody_else_does() {
    let file = TokenFile::new("tokens");
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let operators = Operators::WithToken(Tokens::read(&file.0).unwrap());
    let _server = start_with(&binder, ServerOptions { operators, ..ServerOptions::default() });
    let ana = guest(&binder, "ana");
    let own = operator(&binder, Some(TOKEN));
    own.create_room("rust".into(), Some(3), None).unwrap();
    ana.join_room("ana".into(), "rust".into()).unwrap();
    let strangers = [
        operator(&binder, None),
        operator(&binder, Some("operator-0123456789abcdeF")),
        operator(&binder, Some("operator-0123456789abcdef0")),
        AdminClient::new(Client::resolving(Resolver::new(binder.address().to_string())))
            .with_metadata(ADMIN_TOKEN_KEY, []),
    ];
    for stranger in &strangers {
        assert_eq!(code(stranger.create_room("x".into(), None, None)), Code::Unauthenticated);
        assert_eq!(code(stranger.list_rooms()), Code::Unauthenticated);
        assert_eq!(code(stranger.list_users(RoomChoice::Number(1))), Code::Unauthenticated);
        assert_eq!(code(stranger.close_room(RoomChoice::Number(1), None)), Code::Unauthenticated);
        assert_eq!(code(stranger.kick(RoomChoice::Number(1), "ana".into(), None)), Code::Unauthenticated);
        assert_eq!(code(stranger.broadcast(None, "x".into())), Code::Unauthenticated);
        assert_eq!(code(stranger.logs(0)), Code::Unauthenticated);
    }
    own.kick(RoomChoice::Number(1), "ana".into(), None).unwrap();
    assert_eq!(own.list_users(RoomChoice::Number(1)).unwrap(), [""; 0]);
    assert_eq!(own.close_room(RoomChoice::Name("rust".into()), None).unwrap(), "rust");
    assert_eq!(own.logs(0).unwrap().entries.len(), 5);
}

#[test]
fn without_tokens_operators_are_served_on_this_machine_only() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let _server = start(&binder);
    operator(&binder, None).create_room("rust".into(), None, None).unwrap();
    assert_eq!(guest(&binder, "ana").list_rooms().unwrap().len(), 1);

    let other = BinderServer::start("127.0.0.1:0").unwrap();
    let listen = "0.0.0.0:0".parse().unwrap();
    let advertise = Some(Advertised::new("127.0.0.1", None));
    let _exposed = start_with(&other, ServerOptions { listen, advertise, ..ServerOptions::default() });
    assert!(code(operator(&other, None).with_deadline(PATIENCE).list_rooms()) == Code::NotFound);
    assert!(guest(&other, "ana").list_rooms().unwrap().is_empty());
}

#[test]
fn a_kick_and_a_close_end_the_streams_of_sockets_in_order() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let server = start(&binder);
    let (ana, bia) = (guest(&binder, "ana"), guest(&binder, "bia"));
    ana.create_room("rust".into()).unwrap();
    for (user, name) in [(&ana, "ana"), (&bia, "bia")] {
        user.join_room(name.into(), "rust".into()).unwrap();
    }
    let mut anas = ana.events("ana".into(), "rust".into(), None).unwrap();
    let bias = bia.events("bia".into(), "rust".into(), None).unwrap();
    server.admin().kick(RoomChoice::Number(1), "bia".into(), Some("enough".into())).unwrap();
    let heard: Vec<News> = bias.map(Result::unwrap).collect();
    assert!(matches!(&heard[..], [News::Begins { .. }, News::Event(_)]), "{heard:?}");
    server.admin().close_room(RoomChoice::Number(1), None).unwrap();
    assert!(matches!(anas.next(), Some(Ok(News::Begins { .. }))));
    let heard: Vec<Event> = std::iter::repeat_with(|| event(&mut anas)).take(3).collect();
    assert_eq!(heard.last().unwrap().kind, chat_api::EventKind::Closed);
    assert!(anas.next().is_none());
}
