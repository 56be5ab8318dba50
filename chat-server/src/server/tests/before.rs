//! A client of before private rooms, operators and closings: it has the contract as it was, and nothing is lost on it.

use chat_api::{Joined, Mark, MessageBody, RoomChoice, Sent, Seq, Session, UnixMillis, Username};
use rpc_core::Status;
use serde::{Deserialize, Serialize};

use super::*;

/// The procedures that this client calls.
#[rpc_core::service]
trait Before {
    fn register_user(&self, username: String) -> Result<Session, ErrorBefore>;
    fn create_room_with_limit(&self, room_name: String, limit: u32) -> Result<(), ErrorBefore>;
    fn join_room(&self, username: String, room_name: String) -> Result<Joined, ErrorBefore>;
    fn send_message(
        &self,
        username: String,
        room_name: String,
        message: String,
        recipient: Option<String>,
    ) -> Result<Sent, ErrorBefore>;
    fn list_rooms(&self) -> Result<Vec<RoomBefore>, ErrorBefore>;
    fn events(
        &self,
        username: String,
        room_name: String,
        after: Option<Mark>,
    ) -> Result<Stream<NewsBefore>, ErrorBefore>;
}

/// The refusals that there were, in their order; what this client does not meet is told by its place only.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum ErrorBefore {
    NameTaken(Username),
    InvalidName(chat_api::NameError),
    NotRegistered(Username),
    RoomExists(chat_api::RoomName),
    NoSuchRoom(chat_api::RoomName),
    NotInRoom(chat_api::RoomName),
    RecipientNotInRoom(Username),
    RoomFull(chat_api::RoomName, u32),
    RoomClosed(chat_api::RoomName),
    InvalidLimit,
    EmptyMessage,
    TooLong(u64),
    Status(Status),
}

impl From<Status> for ErrorBefore {
    fn from(status: Status) -> ErrorBefore {
        ErrorBefore::Status(status)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RoomBefore {
    name: chat_api::RoomName,
    users: u32,
    limit: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum NewsBefore {
    Begins { mark: Mark, missed: u64 },
    Event { seq: Seq, sent_at: UnixMillis, kind: KindBefore },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum KindBefore {
    Broadcast(Username, MessageBody),
    Unicast(Username, Username, MessageBody),
    Joined(Username),
    Left(Username),
    Closed,
}

#[test]
fn a_client_of_before_is_told_everything_in_its_own_words() {
    let binder = BinderServer::start("127.0.0.1:0").unwrap();
    let server = start(&binder);
    let client = Client::resolving(Resolver::new(binder.address().to_string()));
    let session = BeforeClient::new(client.clone()).register_user("ana".into()).unwrap();
    let ana = BeforeClient::new(client.with_metadata(SESSION_KEY, session.token.as_bytes()));
    ana.create_room_with_limit("rust".into(), 2).unwrap();
    server.admin().create_room("cofre".into(), None, Some("sésamo".into())).unwrap();
    let room = |name: &str, limit| RoomBefore { name: name.parse().unwrap(), users: 0, limit };
    assert_eq!(ana.list_rooms().unwrap(), [room("rust", Some(2)), room("cofre", None)]);

    match ana.join_room("ana".into(), "cofre".into()) {
        Err(ErrorBefore::Status(refused)) => {
            assert_eq!(refused.code(), Code::PermissionDenied);
            assert!(refused.message().contains("the room \"cofre\" is private"), "{refused}");
        }
        other => panic!("{other:?}"),
    }
    ana.join_room("ana".into(), "rust".into()).unwrap();
    let stream = ana.events("ana".into(), "rust".into(), None).unwrap();
    server.admin().broadcast(None, "restart at noon".into()).unwrap();
    server.admin().close_room(RoomChoice::Number(1), Some("goodbye".into())).unwrap();
    let heard: Vec<KindBefore> = stream
        .map(Result::unwrap)
        .filter_map(|news| match news {
            NewsBefore::Event { kind, .. } => Some(kind),
            NewsBefore::Begins { .. } => None,
        })
        .collect();
    let said = |text: &str| KindBefore::Broadcast(Username::of_the_chat(), text.parse().unwrap());
    assert_eq!(heard, [said("restart at noon"), said("goodbye"), KindBefore::Closed]);
    let closed = Err(ErrorBefore::RoomClosed("rust".parse().unwrap()));
    assert_eq!(ana.send_message("ana".into(), "rust".into(), "x".into(), None), closed);
}
