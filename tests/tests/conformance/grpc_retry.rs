//! gRPC's rules of retries (proposal A6), its connection backoff, and `pick_first_unary`: scripted servers that lose and
//! refuse calls, and the attempts that they see.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rpc_core::limits::{ATTEMPTS, BACKOFF_CEILING, BACKOFF_FLOOR, RETRY_TOKENS, SUCCESSES_A_TOKEN};
use rpc_core::{Choice, Client, Code, Endpoint, Endpoints, Resolve, Status};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::grpc_interop::call_large;
use crate::lab::{Folder, Lab, SOON, Stage, Transport};
use crate::message::{Status as Refusal, response};
use crate::peer::Peer;
use crate::service::{Request, TestService as _, TestServiceClient};

cases! {
    retryable_status_codes,
    pushback,
    pushback_and_deadline,
}

cases_by_address! {
    maximum_number_of_attempts,
    only_what_may_run_twice_is_retried,
    transparent_retries,
    throttling_retry_attempts,
    deadline_spans_all_attempts,
    connection_backoff,
    pick_first_unary,
}

fn most() -> usize {
    usize::try_from(ATTEMPTS).unwrap()
}

/// Loses the calls of `calling`, each on a connection of its own; says how many came before `calling` was over.
fn lose_all(stage: &mut Stage, calling: impl FnOnce() -> Status + Send) -> (usize, Status) {
    lose_all_behind(stage, None, calling)
}

/// As `lose_all`, with a connection that the first of them goes to.
fn lose_all_behind(
    stage: &mut Stage,
    connected: Option<Peer>,
    calling: impl FnOnce() -> Status + Send,
) -> (usize, Status) {
    let mut lost = 0;
    let outcome = std::thread::scope(|scope| {
        let calling = scope.spawn(calling);
        if let Some(mut server) = connected {
            server.hear_call();
            lost += 1;
        }
        while let Some(mut server) = stage.accept_unless(|| calling.is_finished()) {
            server.greet_client();
            server.hear_call();
            lost += 1;
        }
        calling.join().unwrap()
    });
    (lost, outcome)
}

fn maximum_number_of_attempts(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let (attempts, failure) =
        lose_all(&mut stage, || client.repeatable_call(Request::default()).unwrap_err());
    assert_eq!((attempts, failure.code()), (most(), Code::Unavailable));
    assert!(failure.may_have_run());
}

fn only_what_may_run_twice_is_retried(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let (attempts, failure) = lose_all(&mut stage, || client.unary_call(Request::default()).unwrap_err());
    assert_eq!((attempts, failure.code(), failure.may_have_run()), (1, Code::Unavailable, true));
    let patient = client.wait_for_ready();
    let (attempts, _) = lose_all(&mut stage, || patient.unary_call(Request::default()).unwrap_err());
    assert_eq!(attempts, 1);
}

/// A status of a procedure that ran is its answer, whatever the trait allows.
fn retryable_status_codes(transport: Transport) {
    for code in Code::ALL.into_iter().filter(|code| *code != Code::Unavailable) {
        let lab = Lab::new(transport);
        let request = Request::default().then_fails(Status::new(code, "no"));
        assert_eq!(lab.client().repeatable_call(request), Err(Status::new(code, "no")));
        assert_eq!(lab.begun(), 1, "{code}");
    }
}

/// A call that the server never saw is made again without anybody noticing, also one that may not run twice.
fn transparent_retries(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.unary_call(Request::of(9)));
        let mut leaving = stage.greeted();
        let first = leaving.hear_call();
        leaving.goodbye(0);
        let mut server = stage.greeted();
        let again = server.hear_call();
        assert_eq!((again.id, &again.payload), (1, &first.payload));
        server.reply(again.id, &response(10));
        assert_eq!(calling.join().unwrap().unwrap().payload.len(), 10);
    });
}

/// Failed attempts use up what a client may repeat, and answers give it back.
fn throttling_retry_attempts(transport: Transport) {
    let mut stage = Stage::new(transport);
    let client = stage.client();
    let fail = || client.repeatable_call(Request::default()).unwrap_err();
    let mut attempts = Vec::new();
    (0..3).for_each(|_| attempts.push(lose_all(&mut stage, fail).0));
    assert_eq!(attempts, [most(), 1, 1]);
    let answers = u64::from(RETRY_TOKENS * SUCCESSES_A_TOKEN);
    let server = std::thread::scope(|scope| {
        let calling = scope.spawn(|| (0..answers).for_each(|_| client.empty_call().unwrap()));
        let mut server = stage.greeted();
        for _ in 0..answers {
            let call = server.hear_call();
            server.reply(call.id, &[]);
        }
        calling.join().unwrap();
        server
    });
    assert_eq!(lose_all_behind(&mut stage, Some(server), fail).0, most());
}

/// How a call ends whose server refuses it for now, with these details, and then follows the script.
fn refused_for_now(
    transport: Transport,
    details: &[u8],
    script: impl FnOnce(&mut Peer) + Send,
) -> Result<usize, Status> {
    const BUSY: Refusal<'static> =
        Refusal { code: Code::ResourceExhausted, may_have_run: false, message: "not so fast" };
    let mut stage = Stage::new(transport);
    let client = stage.client();
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.unary_call(Request::default()));
        let mut server = stage.greeted();
        let first = server.hear_call();
        server.refuse_with(first.id, &BUSY, details);
        script(&mut server);
        Ok(calling.join().unwrap()?.payload.len())
    })
}

fn pushback(transport: Transport) {
    let begun = Instant::now();
    let outcome = refused_for_now(transport, b"retry-after-ms:100", |server| {
        let again = server.hear_call();
        server.reply(again.id, &response(9));
    });
    assert_eq!(outcome, Ok(9));
    assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
}

/// Who cannot wait that long is told at once, and so is who was not told when to come back.
fn pushback_and_deadline(transport: Transport) {
    for details in [&b"retry-after-ms:600000"[..], b"", b"retry-after-ms:-1"] {
        let refused = refused_for_now(transport, details, |_| {}).unwrap_err();
        assert_eq!((refused.code(), refused.details()), (Code::ResourceExhausted, details));
    }
}

fn deadline_spans_all_attempts(transport: Transport) {
    let (resolver, client) = nobody_at_home(transport);
    let begun = Instant::now();
    let given = Duration::from_millis(300);
    let failure = client.wait_for_ready().with_deadline(given).empty_call().unwrap_err();
    // Its time may pass in a pause, or while it connects.
    assert!(matches!(failure.code(), Code::Unavailable | Code::DeadlineExceeded), "{failure}");
    assert!(!failure.may_have_run());
    assert!(begun.elapsed() <= given + SOON / 2, "{:?}", begun.elapsed());
    assert!(resolver.rejections().len() > 2, "it was tried more than twice");
}

/// A resolver of one server that is not there; it notes when that is found out.
struct Nobody {
    endpoint: Endpoint,
    rejected: Mutex<Vec<Instant>>,
    /// What keeps the address from being another's.
    _place: Place,
}

#[expect(dead_code, reason = "they are held")]
enum Place {
    /// A port that is bound, and on which nobody listens.
    Port(OwnedFd),
    Folder(Folder),
}

fn nobody_at_home(transport: Transport) -> (Arc<Nobody>, TestServiceClient) {
    let (endpoint, place) = if transport != Transport::Unix {
        let port = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&port, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = SocketAddr::try_from(getsockname(&port).unwrap()).unwrap();
        (Endpoint::new("127.0.0.1", address.port()), Place::Port(port))
    } else {
        let folder = Folder::new();
        (Endpoint::unix(folder.socket()), Place::Folder(folder))
    };
    let nobody = Arc::new(Nobody { endpoint, rejected: Mutex::default(), _place: place });
    (nobody.clone(), TestServiceClient::new(transport.reach(Client::resolving(nobody))))
}

impl Nobody {
    fn rejections(&self) -> Vec<Instant> {
        self.rejected.lock().unwrap().clone()
    }
}

impl Resolve for Nobody {
    fn resolve(&self, _procedure: &str, _deadline: Instant) -> Result<Endpoints, Status> {
        Ok(self.endpoint.clone().into())
    }

    fn reject(&self, _procedure: &str, _endpoint: &Endpoint, _why: &Status) {
        self.rejected.lock().unwrap().push(Instant::now());
    }
}

/// Pauses between attempts grow by 1.6, the last half of each by chance, up to a ceiling; a busy machine may make them
/// longer.
fn connection_backoff(transport: Transport) {
    let (nobody, client) = nobody_at_home(transport);
    let given = Duration::from_millis(1_200);
    client.wait_for_ready().with_deadline(given).empty_call().unwrap_err();
    let times = nobody.rejections();
    let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first attempt after a failure comes at once.
    let mut whole = BACKOFF_FLOOR;
    for (attempt, pause) in pauses.iter().skip(1).enumerate() {
        whole = whole.mul_f64(1.6).min(BACKOFF_CEILING);
        assert!(*pause >= whole / 2, "pause {attempt} of {pauses:?}");
    }
    assert!((3..=12).contains(&times.len()), "{} attempts in {given:?}", times.len());
}

/// Several servers are known; all calls reach one.
fn pick_first_unary(transport: Transport) {
    let labs: Vec<Lab> = (0..3).map(|_| Lab::new(transport)).collect();
    let addresses = labs.iter().map(|lab| lab.host.server.endpoint().unwrap().to_string());
    let client = transport.reach(Client::connect_any(addresses));
    let client = client.with_choice(Choice::PickFirst).with_deadline(SOON);
    let client = TestServiceClient::new(client);
    (0..100).for_each(|_| call_large(&client));
    let mut begun: Vec<usize> = labs.iter().map(Lab::begun).collect();
    begun.sort_unstable();
    assert_eq!(begun, [0, 0, 100]);
}
