//! What Go's `net/rpc` tests of itself (`server_test.go`, `client_test.go`).

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::sync::Arc;

use rpc_core::service::{Arguments, Kind, Payload, Procedure, Reply, Service as _};
use rpc_core::{Code, Server, Status};
use serde::{Deserialize, Serialize, Serializer};

use crate::lab::{Host, Lab, Stage, Transport, eventually};
use crate::service::{Request, TestService as _};

cases! {
    rpc_synchronous_calls,
    rpc_nonexistent_method,
    rpc_unknown_service,
    rpc_out_of_order,
    rpc_error,
    rpc_bad_type,
    rpc_non_struct_argument,
    rpc_non_struct_reply,
    rpc_service_name_contains_dot,
    new_server_rpc,
    builtin_types,
    serve_request,
    registration_error,
    send_deadlock,
    client_write_error,
    tcp_close,
    error_after_client_close,
    accept_exit_after_listener_close,
    shutdown,
    gob_error,
}

#[rpc_core::service(prefix = "net.rpc.arith")]
trait Arith {
    fn add(&self, args: Args) -> Result<i64, Trouble>;
    fn mul(&self, args: Args) -> Result<i64, Trouble>;
    fn div(&self, args: Args) -> Result<i64, Trouble>;
    fn string(&self, args: Args) -> Result<String, Trouble>;
    fn scan(&self, text: String) -> Result<i64, Trouble>;
    fn map(&self, args: Args) -> Result<BTreeMap<i64, i64>, Trouble>;
    fn slice(&self, args: Args) -> Result<Vec<i64>, Trouble>;
    fn array(&self, args: Args) -> Result<[i64; 2], Trouble>;
    fn secret(&self) -> Result<Secret, Trouble>;
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Trouble {
    Said(String),
    Rpc(Status),
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Trouble {
        Trouble::Rpc(status)
    }
}

/// A value that refuses to be sent.
#[derive(Debug, PartialEq, Deserialize)]
struct Secret;

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is a secret"))
    }
}

struct Abacus;

impl Arith for Abacus {
    fn add(&self, args: Args) -> Result<i64, Trouble> {
        Ok(args.a + args.b)
    }

    fn mul(&self, args: Args) -> Result<i64, Trouble> {
        Ok(args.a * args.b)
    }

    fn div(&self, args: Args) -> Result<i64, Trouble> {
        args.a.checked_div(args.b).ok_or_else(|| Trouble::Said("divide by zero".to_owned()))
    }

    fn string(&self, args: Args) -> Result<String, Trouble> {
        Ok(format!("{}+{}={}", args.a, args.b, args.a + args.b))
    }

    fn scan(&self, text: String) -> Result<i64, Trouble> {
        text.parse().map_err(|_| Trouble::Said(format!("{text:?} is no number")))
    }

    fn map(&self, args: Args) -> Result<BTreeMap<i64, i64>, Trouble> {
        Ok(BTreeMap::from([(args.a, args.b)]))
    }

    fn slice(&self, args: Args) -> Result<Vec<i64>, Trouble> {
        Ok(vec![args.a, args.b])
    }

    fn array(&self, args: Args) -> Result<[i64; 2], Trouble> {
        Ok([args.a, args.b])
    }

    fn secret(&self) -> Result<Secret, Trouble> {
        Ok(Secret)
    }
}

const SEVEN_EIGHT: Args = Args { a: 7, b: 8 };

fn abacus(transport: Transport) -> (Host, ArithClient) {
    let host = transport.serve(Server::builder().service(ArithService::new(Arc::new(Abacus))));
    let client = ArithClient::new(host.client());
    (host, client)
}

const fn unary(name: &'static str) -> Procedure {
    Procedure::new(name, Kind::Unary)
}

/// A call of `procedure` with these arguments is refused in words, and the connection goes on.
#[track_caller]
fn check_refused(
    transport: Transport,
    procedure: &'static Procedure,
    arguments: &str,
    code: Code,
    word: &str,
) {
    let (host, _) = abacus(transport);
    let client = host.client();
    let refused = client.call::<_, i64, Status>(procedure, &(arguments,)).unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (code, false));
    assert!(refused.message().contains(word), "{refused}");
    let arith = ArithClient::new(client);
    assert_eq!((arith.add(SEVEN_EIGHT), host.server.connections()), (Ok(15), 1));
}

fn rpc_synchronous_calls(transport: Transport) {
    let (_host, arith) = abacus(transport);
    assert_eq!((arith.add(SEVEN_EIGHT), arith.mul(SEVEN_EIGHT)), (Ok(15), Ok(56)));
}

fn rpc_nonexistent_method(transport: Transport) {
    static BAD: Procedure = unary("net.rpc.arith.bad_operation");
    check_refused(transport, &BAD, "", Code::Unimplemented, "net.rpc.arith.bad_operation");
}

fn rpc_unknown_service(transport: Transport) {
    static UNKNOWN: Procedure = unary("unknown.add");
    check_refused(transport, &UNKNOWN, "", Code::Unimplemented, "unknown.add");
}

fn rpc_out_of_order(transport: Transport) {
    let lab = Lab::new(transport);
    let client = lab.client();
    let slow = client.start().unary_call(Request::default().wants(7).at_the_gate());
    lab.hear_at_the_gate("unary_call");
    let fast = client.start().unary_call(Request::default().wants(8));
    assert_eq!(fast.wait().unwrap().payload.len(), 8);
    lab.open_gate(1);
    assert_eq!(slow.wait().unwrap().payload.len(), 7);
    assert_eq!(lab.host.server.connections(), 1);
}

fn rpc_error(transport: Transport) {
    let (_host, arith) = abacus(transport);
    let failed = arith.div(Args { a: 7, b: 0 });
    assert_eq!(failed, Err(Trouble::Said("divide by zero".to_owned())));
    assert_eq!(arith.div(Args { a: 56, b: 8 }), Ok(7));
}

fn rpc_bad_type(transport: Transport) {
    static ADD: Procedure = unary("net.rpc.arith.add");
    check_refused(transport, &ADD, "a text", Code::InvalidArgument, "the arguments do not decode");
}

fn rpc_non_struct_argument(transport: Transport) {
    assert_eq!(abacus(transport).1.scan("12345".to_owned()), Ok(12_345));
}

fn rpc_non_struct_reply(transport: Transport) {
    assert_eq!(abacus(transport).1.string(Args { a: 27, b: 35 }), Ok("27+35=62".to_owned()));
}

fn rpc_service_name_contains_dot(transport: Transport) {
    static ADD: Procedure = unary("net.rpc.arith.add");
    let (host, _) = abacus(transport);
    assert!(host.server.procedures().contains(&ADD.name));
    assert_eq!(host.client().call::<_, i64, Status>(&ADD, &(SEVEN_EIGHT,)), Ok(15));
}

fn new_server_rpc(transport: Transport) {
    let (first, second) = (abacus(transport), abacus(transport));
    assert_eq!((first.1.add(SEVEN_EIGHT), second.1.add(SEVEN_EIGHT)), (Ok(15), Ok(15)));
    drop(first.0);
    assert_eq!(second.1.mul(SEVEN_EIGHT), Ok(56));
}

fn builtin_types(transport: Transport) {
    let (_host, arith) = abacus(transport);
    assert_eq!(arith.map(SEVEN_EIGHT), Ok(BTreeMap::from([(7, 8)])));
    assert_eq!(arith.slice(SEVEN_EIGHT), Ok(vec![7, 8]));
    assert_eq!(arith.array(SEVEN_EIGHT), Ok([7, 8]));
}

/// A service answers one request without a connection; one without its arguments is refused, over a connection too.
fn serve_request(transport: Transport) {
    let service = ArithService::new(Arc::new(Abacus));
    let mut body = Payload::default();
    let mut reply = Reply::new(&mut body);
    assert_eq!(service.call(0, Arguments::new(&[14, 16]), &mut reply), Ok(()));
    assert_eq!(body.to_vec(), [30]);
    let refused = service.call(0, Arguments::new(&[]), &mut Reply::new(&mut body)).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let (host, _) = abacus(transport);
    let mut peer = host.peer();
    peer.call(1, "net.rpc.arith.add", &[14, 16]);
    peer.hear_is(&[1, 1, 0, 30]);
    peer.call(2, "net.rpc.arith.add", &[]);
    assert_eq!(peer.hear_frame()[..5], [1, 2, 2, u8::from(Code::InvalidArgument), 0]);
}

/// What a trait may not hold is refused by the compiler (`rpc-core/tests/ui`); that a name is taken is found here.
fn registration_error(transport: Transport) {
    let service = || ArithService::new(Arc::new(Abacus));
    let builder = Server::builder().service(service()).service(service());
    let refused = transport.try_serve(builder).unwrap_err().to_string();
    assert!(refused.contains("net.rpc.arith.add"), "{refused}");
}

/// A write that fails leaves nothing locked behind.
fn send_deadlock(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let mut server = None;
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.empty_call().unwrap_err());
        server = Some(stage.accept());
        server.as_mut().unwrap().shut_down(Shutdown::Both);
        assert_eq!(calling.join().unwrap().code(), Code::Unavailable);
    });
    drop(stage);
    for _ in 0..2 {
        assert_eq!(client.empty_call().unwrap_err().code(), Code::Unavailable);
        assert_eq!(client.unary_call(Request::of(1 << 20)).unwrap_err().code(), Code::Unavailable);
    }
}

fn client_write_error(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    drop(stage);
    let failure = client.empty_call().unwrap_err();
    assert_eq!((failure.code(), failure.message().is_empty()), (Code::Unavailable, false));
}

fn tcp_close(transport: Transport) {
    let (host, arith) = abacus(transport);
    assert_eq!(arith.mul(Args { a: 17, b: 8 }), Ok(136));
    assert_eq!(host.server.connections(), 1);
    drop(arith);
    eventually(&0, || host.server.connections());
}

/// A client has no end of its own; what it says of a connection that is over is that the call did not run.
fn error_after_client_close(transport: Transport) {
    let (host, arith) = abacus(transport);
    assert_eq!(arith.add(SEVEN_EIGHT), Ok(15));
    drop(host);
    for _ in 0..3 {
        let Err(Trouble::Rpc(failure)) = arith.add(Args { a: 7, b: 9 }) else { panic!("it is over") };
        assert_eq!((failure.code(), failure.may_have_run()), (Code::Unavailable, false), "{failure}");
    }
}

fn accept_exit_after_listener_close(transport: Transport) {
    let (host, arith) = abacus(transport);
    let late = ArithClient::new(host.client());
    assert_eq!(arith.add(SEVEN_EIGHT), Ok(15));
    assert_eq!(host.server.shutdown(crate::lab::SOON), Ok(()));
    assert!(late.add(SEVEN_EIGHT).is_err());
}

fn shutdown(transport: Transport) {
    let lab = Lab::new(transport);
    let mut peer = lab.host.peer();
    peer.call(1, "unary_call", &[0, 0, 0, 0, 1]);
    lab.hear_at_the_gate("unary_call");
    peer.shut_down(Shutdown::Write);
    lab.open_gate(1);
    peer.hear_is(&[1, 1, 0, 0, 0]);
    peer.hear_end();
}

fn gob_error(transport: Transport) {
    let (host, arith) = abacus(transport);
    let Err(Trouble::Rpc(failure)) = arith.secret() else { panic!("a secret was sent") };
    assert_eq!(failure.code(), Code::Internal);
    assert!(failure.message().contains("it is a secret"), "{failure}");
    assert_eq!((arith.add(SEVEN_EIGHT), host.server.connections()), (Ok(15), 1));
}
