//! A server whose procedures end in every way, and what it has counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rpc_core::metrics::{Metrics, Value};
use rpc_core::{Bytes, Client, Context, Server, ServerBuilder, Sink, Status, Stream, stream};

#[rpc_core::service]
pub(crate) trait Desk {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status>;
    fn refuse(&self) -> Result<(), Status>;
    fn burst(&self) -> Result<(), Status>;
    /// Tells the test, and waits for the caller's loss of interest.
    fn hold(&self) -> Result<(), Status>;
    /// Tells the test, and waits for the gate.
    fn grind(&self) -> Result<(), Status>;
    fn count(&self, to: u64) -> Result<Stream<u64>, Status>;
    /// The test holds the sink.
    fn lent(&self) -> Result<Stream<u64>, Status>;
    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status>;
    /// Its third item is a panic.
    fn crumble(&self) -> Result<Stream<u64>, Status>;
}

struct Clerk {
    held: Sender<()>,
    gate: Receiver<()>,
    sinks: Sender<Sink<u64>>,
}

impl Desk for Clerk {
    fn echo(&self, bytes: Bytes) -> Result<Bytes, Status> {
        Ok(bytes)
    }

    fn refuse(&self) -> Result<(), Status> {
        Err(Status::not_found("there is none"))
    }

    fn burst(&self) -> Result<(), Status> {
        panic!("as told")
    }

    fn hold(&self) -> Result<(), Status> {
        self.held.send(()).unwrap();
        Context::current().cancelled().recv().unwrap_err();
        Ok(())
    }

    fn grind(&self) -> Result<(), Status> {
        self.held.send(()).unwrap();
        self.gate.recv_timeout(SOON).unwrap();
        Ok(())
    }

    fn count(&self, to: u64) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter(0..to))
    }

    fn lent(&self) -> Result<Stream<u64>, Status> {
        let (sink, items) = stream();
        self.sinks.send(sink).unwrap();
        Ok(items)
    }

    fn sum(&self, numbers: Stream<u64>) -> Result<u64, Status> {
        numbers.into_iter().try_fold(0, |sum, number| Ok(sum + number?))
    }

    fn crumble(&self) -> Result<Stream<u64>, Status> {
        Ok(Stream::from_iter((0..).inspect(|number| assert!(*number < 2, "as told"))))
    }
}

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A server, and the test's ends of what its procedures wait for.
pub(crate) struct House {
    pub(crate) server: Server,
    pub(crate) held: Receiver<()>,
    pub(crate) gate: Sender<()>,
    pub(crate) sinks: Receiver<Sink<u64>>,
}

impl House {
    pub(crate) fn open() -> House {
        House::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> House {
        let ((holds, held), (gate, gated), (sends, sinks)) = (bounded(100), bounded(100), bounded(100));
        let desk = DeskService::new(Arc::new(Clerk { held: holds, gate: gated, sinks: sends }));
        let server = change(Server::builder().service(desk)).bind("127.0.0.1:0").unwrap();
        House { server, held, gate, sinks }
    }

    pub(crate) fn client(&self) -> DeskClient {
        DeskClient::new(self.raw_client())
    }

    pub(crate) fn raw_client(&self) -> Client {
        Client::connect(self.server.address().to_string())
    }

    /// Waits until this many calls of a procedure have ended so, and looks whether that is all.
    #[track_caller]
    pub(crate) fn check(&self, procedure: &str, code: &str, count: u64) {
        let ended = |metrics: &Metrics| calls(metrics, procedure, code);
        let metrics = self.wait(|metrics| ended(metrics) >= count);
        assert_eq!(ended(&metrics), count, "{procedure} {code}:\n{metrics}");
    }

    /// Waits until the metrics are as wanted.
    #[track_caller]
    pub(crate) fn wait(&self, wanted: impl Fn(&Metrics) -> bool) -> Metrics {
        let until = Instant::now() + SOON;
        loop {
            let metrics = self.server.metrics();
            if wanted(&metrics) {
                return metrics;
            }
            assert!(Instant::now() < until, "this did not come to be:\n{metrics}");
            std::thread::yield_now();
        }
    }

    /// Waits until nothing is under way, and looks whether each call was counted, once.
    #[track_caller]
    pub(crate) fn settle(&self, calls: u64) {
        let metrics = self.wait(|metrics| {
            metrics.sum("rpc_server_calls_in_flight", &[]) == 0.0
                && number(metrics, "rpc_server_calls_abandoned") == 0
                && number(metrics, "rpc_server_streams") == 0
                && counted(metrics) >= calls
        });
        assert_eq!(counted(&metrics), calls, "{metrics}");
        assert_eq!(timed(&metrics), calls, "{metrics}");
    }
}

pub(crate) fn calls(metrics: &Metrics, procedure: &str, code: &str) -> u64 {
    whole(metrics.value("rpc_server_calls_total", &[("procedure", procedure), ("code", code)]).unwrap())
}

pub(crate) fn number(metrics: &Metrics, name: &str) -> u64 {
    whole(metrics.value(name, &[]).unwrap())
}

pub(crate) fn counted(metrics: &Metrics) -> u64 {
    whole(metrics.sum("rpc_server_calls_total", &[]))
}

/// The calls in all histograms' last buckets.
pub(crate) fn timed(metrics: &Metrics) -> u64 {
    let family = metrics.iter().find(|family| family.name() == "rpc_server_call_seconds").unwrap();
    let count = |value: &Value| if let Value::Distribution(times) = value { times.count() } else { 0 };
    family.samples().iter().map(|sample| count(&sample.value)).sum()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is whole and small")]
pub(crate) fn whole(number: f64) -> u64 {
    assert!(number.fract() == 0.0 && number >= 0.0);
    number as u64
}
