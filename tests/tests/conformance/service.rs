//! The service under test, after gRPC's TestService: what a request asks for is what its answer is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rpc_core::{Bytes, Context, Status, Stream};
use serde::{Deserialize, Serialize};

#[rpc_core::service]
pub(crate) trait TestService {
    fn empty_call(&self) -> Result<(), Status>;
    /// The first of the responses that the request asks for, or an empty one.
    fn unary_call(&self, request: Request) -> Result<Response, Status>;
    /// As `unary_call`, and may run twice.
    #[idempotent]
    fn repeatable_call(&self, request: Request) -> Result<Response, Status>;
    /// How many requests there were, and the bytes of their payloads.
    fn streaming_input_call(&self, requests: Stream<Request>) -> Result<Total, Status>;
    fn streaming_output_call(&self, request: Request) -> Result<Stream<Response>, Status>;
    /// Answers the opening, then each request when it comes.
    fn full_duplex_call(
        &self,
        opening: Request,
        requests: Stream<Request>,
    ) -> Result<Stream<Response>, Status>;
    /// Answers every request when the last has come.
    fn half_duplex_call(&self, requests: Stream<Request>) -> Result<Stream<Response>, Status>;
}

/// What is sent, and what is wanted for it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) payload: Bytes,
    pub(crate) responses: Vec<Wanted>,
    /// Ends the call behind the responses.
    pub(crate) status: Option<Status>,
    /// The responses tell what surrounded the call.
    pub(crate) telling: bool,
    /// It is answered when the test opens the gate.
    pub(crate) gated: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) size: usize,
    /// A pause before the response.
    pub(crate) after: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Response {
    pub(crate) payload: Bytes,
    pub(crate) surroundings: Option<Surroundings>,
}

/// What a procedure saw of its context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Surroundings {
    pub(crate) metadata: Vec<(String, Bytes)>,
    pub(crate) remaining: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) requests: u32,
    pub(crate) payload_size: usize,
    pub(crate) surroundings: Option<Surroundings>,
}

impl Request {
    /// A payload of this many zeros, and nothing wanted for it.
    pub(crate) fn of(size: usize) -> Request {
        Request { payload: vec![0; size].into(), ..Request::default() }
    }

    pub(crate) fn wants(self, size: usize) -> Request {
        self.wants_after(Duration::ZERO, size)
    }

    pub(crate) fn wants_after(mut self, after: Duration, size: usize) -> Request {
        self.responses.push(Wanted { size, after });
        self
    }

    pub(crate) fn then_fails(self, status: Status) -> Request {
        Request { status: Some(status), ..self }
    }

    pub(crate) fn telling(self) -> Request {
        Request { telling: true, ..self }
    }

    pub(crate) fn at_the_gate(self) -> Request {
        Request { gated: true, ..self }
    }
}

impl Surroundings {
    fn current() -> Surroundings {
        let context = Context::current();
        let pairs = context.metadata().iter();
        let metadata = pairs.map(|(key, value)| (key.to_owned(), value.into())).collect();
        Surroundings { metadata, remaining: context.remaining() }
    }
}

/// What the service tells its test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// The procedure waits at the gate.
    AtTheGate(String),
    /// The procedure saw that nobody waits for it.
    Cancelled(String),
    /// The stream that the procedure takes ended early.
    Broken(Status),
    /// The stream that the procedure returned is gone.
    Gone(String),
}

/// The one implementation.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) events: Sender<Event>,
    pub(crate) gate: Receiver<()>,
    /// Responses made.
    pub(crate) made: Arc<AtomicUsize>,
    /// Calls begun.
    pub(crate) begun: Arc<AtomicUsize>,
}

impl Bench {
    fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    fn tell(&self, event: Event) {
        // A test that is over listens no more.
        self.events.send(event).ok();
    }

    /// Waits as the request says, or until nobody waits for the call.
    fn pass(&self, request: &Request) -> Result<(), Status> {
        if !request.gated {
            return Ok(());
        }
        let context = Context::current();
        self.tell(Event::AtTheGate(context.procedure().to_owned()));
        crossbeam_channel::select! {
            recv(self.gate) -> _ => Ok(()),
            recv(context.cancelled()) -> _ => Err(self.cancelled(&context)),
        }
    }

    fn pause(&self, time: Duration) -> Result<(), Status> {
        let context = Context::current();
        if time.is_zero() || context.cancelled().recv_timeout(time).is_err_and(|error| error.is_timeout()) {
            return Ok(());
        }
        Err(self.cancelled(&context))
    }

    fn cancelled(&self, context: &Context) -> Status {
        self.tell(Event::Cancelled(context.procedure().to_owned()));
        Status::cancelled("nobody waits any more")
    }

    fn respond(&self, wanted: &Wanted, surroundings: Option<Surroundings>) -> Result<Response, Status> {
        self.pause(wanted.after)?;
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(Response { payload: vec![0; wanted.size].into(), surroundings })
    }

    /// The responses to one request, made one by one.
    fn answers(
        &self,
        request: Result<Request, Status>,
    ) -> Box<dyn Iterator<Item = Result<Response, Status>> + Send> {
        let request = match request.and_then(|request| self.pass(&request).map(|()| request)) {
            Ok(request) => request,
            Err(status) => {
                self.tell(Event::Broken(status.clone()));
                return Box::new(std::iter::once(Err(status)));
            }
        };
        let surroundings = request.telling.then(Surroundings::current);
        let this = self.clone();
        let responses = request.responses.into_iter();
        let responses = responses.map(move |wanted| this.respond(&wanted, surroundings.clone()));
        Box::new(responses.chain(request.status.map(Err)))
    }

    fn answer_all<I>(&self, requests: I) -> Stream<Response>
    where
        I: Iterator<Item = Result<Request, Status>> + Send + 'static,
    {
        let (this, gone) = (self.clone(), Gone(self.clone(), Context::current().procedure().to_owned()));
        Stream::from_results(requests.flat_map(move |request| {
            let _while_it_is_made = &gone;
            this.answers(request)
        }))
    }
}

/// Tells when a returned stream is dropped.
struct Gone(Bench, String);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.tell(Event::Gone(std::mem::take(&mut self.1)));
    }
}

impl TestService for Bench {
    fn empty_call(&self) -> Result<(), Status> {
        self.begin();
        Ok(())
    }

    fn unary_call(&self, request: Request) -> Result<Response, Status> {
        self.begin();
        let surroundings = request.telling.then(Surroundings::current);
        let first = self.answers(Ok(request)).next();
        first.unwrap_or_else(|| Ok(Response { surroundings, ..Response::default() }))
    }

    fn repeatable_call(&self, request: Request) -> Result<Response, Status> {
        self.unary_call(request)
    }

    fn streaming_input_call(&self, requests: Stream<Request>) -> Result<Total, Status> {
        self.begin();
        let mut total = Total::default();
        for request in requests {
            let request = request.inspect_err(|status| self.tell(Event::Broken(status.clone())))?;
            self.pass(&request)?;
            if request.telling {
                total.surroundings = Some(Surroundings::current());
            }
            request.responses.iter().try_for_each(|wanted| self.pause(wanted.after))?;
            request.status.map_or(Ok(()), Err)?;
            total.requests += 1;
            total.payload_size += request.payload.len();
        }
        Ok(total)
    }

    fn streaming_output_call(&self, request: Request) -> Result<Stream<Response>, Status> {
        self.begin();
        Ok(self.answer_all(std::iter::once(Ok(request))))
    }

    fn full_duplex_call(
        &self,
        opening: Request,
        requests: Stream<Request>,
    ) -> Result<Stream<Response>, Status> {
        self.begin();
        Ok(self.answer_all(std::iter::once(Ok(opening)).chain(requests)))
    }

    fn half_duplex_call(&self, requests: Stream<Request>) -> Result<Stream<Response>, Status> {
        self.begin();
        let requests = requests.collect::<Result<Vec<_>, _>>();
        let requests = requests.inspect_err(|status| self.tell(Event::Broken(status.clone())))?;
        Ok(self.answer_all(requests.into_iter().map(Ok)))
    }
}
