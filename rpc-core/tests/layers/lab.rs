//! One service with every kind of call, and layers that write down what they see.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rpc_core::layer::{Answered, Call, Layer, Next};
use rpc_core::service::Outcome;
use rpc_core::{Client, Code, Context, Server, ServerBuilder, Sink, Status, Stream, stream};

#[rpc_core::service]
pub(crate) trait Lab {
    fn echo(&self, text: String) -> Result<String, Status>;
    /// Fails with an error of its own.
    fn refuse(&self) -> Result<(), Status>;
    fn burst(&self) -> Result<(), Status>;
    /// Waits for the caller's loss of interest.
    fn hold(&self) -> Result<(), Status>;
    /// Its first call waits for its caller's loss of interest.
    #[idempotent]
    fn falter(&self) -> Result<(), Status>;
    /// Who calls, as a layer found out, and this metadata.
    fn who(&self, key: String) -> Result<(Option<String>, Option<String>), Status>;
    fn count(&self, items: u64) -> Result<Stream<u64>, Status>;
    /// The test holds the sink.
    fn lent(&self) -> Result<Stream<u64>, Status>;
    /// Whom a layer found, said by what drives the stream.
    fn who_drives(&self) -> Result<Stream<String>, Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status>;
}

/// Who calls.
#[derive(Debug)]
pub(crate) struct User(pub(crate) &'static str);

pub(crate) struct Bench {
    entered: Sender<()>,
    sinks: Sender<Sink<u64>>,
    faltered: AtomicBool,
}

pub(crate) const SOON: Duration = Duration::from_secs(10);

fn user() -> Option<String> {
    Context::current().value::<User>().map(|user| user.0.to_owned())
}

impl Lab for Bench {
    fn echo(&self, text: String) -> Result<String, Status> {
        Ok(text)
    }

    fn refuse(&self) -> Result<(), Status> {
        Err(Status::permission_denied("not for you"))
    }

    fn burst(&self) -> Result<(), Status> {
        panic!("the procedure's own")
    }

    fn hold(&self) -> Result<(), Status> {
        self.entered.send(()).unwrap();
        Context::current().cancelled().recv_timeout(SOON).unwrap_err();
        Err(Status::cancelled("nobody waits"))
    }

    fn falter(&self) -> Result<(), Status> {
        if self.faltered.swap(true, Ordering::SeqCst) { Ok(()) } else { self.hold() }
    }

    fn who(&self, key: String) -> Result<(Option<String>, Option<String>), Status> {
        let context = Context::current();
        let value = context.metadata().first(&key).map(|value| String::from_utf8_lossy(value).into_owned());
        Ok((user(), value))
    }

    fn count(&self, items: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..items))
    }

    fn lent(&self) -> Result<Stream<u64>, Status> {
        let (sink, lent) = stream();
        self.sinks.send(sink).unwrap();
        Ok(lent)
    }

    fn who_drives(&self) -> Result<Stream<String>, Status> {
        Ok(Stream::from_iter((0..1).map(|_| user().unwrap_or_default())))
    }

    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().sum()
    }

    fn double(&self, numbers: Stream<u64>) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_results(numbers.map(|number| Ok(2 * number?))))
    }
}

/// A server in memory, and what its procedures hand out.
pub(crate) struct Stand {
    pub(crate) server: Server,
    pub(crate) entered: Receiver<()>,
    pub(crate) sinks: Receiver<Sink<u64>>,
}

pub(crate) fn stand(build: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Stand {
    let (entered, seen) = unbounded();
    let (sinks, lent) = unbounded();
    let service = LabService::new(Arc::new(Bench { entered, sinks, faltered: AtomicBool::new(false) }));
    let server = build(Server::builder()).service(service).serve_in_memory().unwrap();
    Stand { server, entered: seen, sinks: lent }
}

impl Stand {
    pub(crate) fn lab(&self) -> LabClient {
        LabClient::new(self.client())
    }

    pub(crate) fn client(&self) -> Client {
        Client::over(&self.server).with_deadline(SOON)
    }

    /// A client with one layer.
    pub(crate) fn lab_with(&self, layer: impl Layer) -> LabClient {
        LabClient::new(self.client().with_layer(layer))
    }
}

/// How a call ended, as far as a test compares it.
pub(crate) type End = Result<Outcome, Code>;

/// A layer that writes down the end of each call.
pub(crate) fn listening() -> (impl Layer, Ends) {
    let (told, heard) = bounded(100);
    let layer = move |call: Call, next: Next<'_>| {
        let name = call.procedure().name;
        let told = told.clone();
        match next.run(call) {
            Ok(answered) => Ok(answered.on_end(move |end| {
                told.send((name, end.map_err(Status::code))).unwrap();
            })),
            Err(status) => {
                told.send((name, Err(status.code()))).unwrap();
                Err(status)
            }
        }
    };
    (layer, Ends(heard))
}

pub(crate) struct Ends(Receiver<(&'static str, End)>);

impl Ends {
    /// The next call that ends is this one, so.
    #[track_caller]
    pub(crate) fn expect(&self, procedure: &str, end: End) {
        assert_eq!(self.0.recv_timeout(SOON).unwrap(), (procedure, end));
    }

    /// As [`expect`](Ends::expect), of an end that two sides race for.
    #[track_caller]
    pub(crate) fn expect_any(&self, procedure: &str, codes: &[Code]) {
        let (ended, end) = self.0.recv_timeout(SOON).unwrap();
        assert!(ended == procedure && end.is_err_and(|code| codes.contains(&code)), "{ended}: {end:?}");
    }

    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        assert!(self.0.try_recv().is_err());
    }
}

/// A layer that refuses every call.
pub(crate) fn closed(_: Call, _: Next<'_>) -> Result<Answered, Status> {
    Err(Status::permission_denied("closed today"))
}

#[track_caller]
pub(crate) fn check<T: Debug>(outcome: Result<T, Status>, code: Code, message: &str) -> Status {
    let status = outcome.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, message));
    status
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}
