//! Every limit, each with its reason.
//!
//! A limit is looked at before anything is allocated or waited for on a peer's word. What a user may want to change is a
//! field of [`Limits`]; the rest are constants.

use std::time::Duration;

/// The largest frame that can be allowed at all: 64 MiB. A length prefix above it is not ours but noise.
pub const FRAME_CEILING: u32 = 64 << 20;

/// The largest frame a peer may send before it has read our preface: 64 KiB. Small, since it is still a stranger.
pub const FRAME_BEFORE_PREFACE: u32 = 64 << 10;

/// How long a new connection may take to send its preface: 5 s, several round trips of the slowest links.
pub const PREFACE_TIME: Duration = Duration::from_secs(5);

/// How long a frame may take from its first byte to its last: 30 s, or 280 kB/s for the default largest frame.
pub const FRAME_TIME: Duration = Duration::from_secs(30);

/// How long a peer may take nothing from a full socket before its connection is closed: 30 s.
pub const WRITE_STALL: Duration = Duration::from_secs(30);

/// How long a server may say nothing while a call or stream waits for it, before it is asked by a ping: 20 s. Streams
/// have no deadline unless one is given; this guards them.
pub const KEEPALIVE: Duration = Duration::from_secs(20);

/// How long a ping waits for anything at all: 20 s. Then the connection ends. It is the time in which 4 MiB that the
/// kernel may hold in front of the ping leave on a link of 200 kB/s.
pub const PONG_TIME: Duration = Duration::from_secs(20);

/// How long the machine lets sent bytes go unacknowledged, or a silent peer leave its probes unanswered: 60 s. It finds
/// a peer that vanished, on both sides, also where nothing is written or waited for.
pub const VANISHED: Duration = Duration::from_secs(60);

/// The time given to a call that names none: 30 s. A call without an end is never the default.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

/// The longest time a call may be given on the wire: 365 days, so that adding it to a clock cannot overflow.
pub const DEADLINE_CEILING: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long who said goodbye waits for the peer to close, so that the goodbye is not lost in a reset: 500 ms.
pub const LINGER: Duration = Duration::from_millis(500);

/// The same for a peer that waits for nothing and says nothing: 10 ms. It finds the goodbye when it next looks, and a call
/// of its that crosses the goodbye is read within this time on any near network.
pub const IDLE_LINGER: Duration = Duration::from_millis(10);

/// Between two attempts of a call that waits for its server: at most 2 s, so that a server's return is seen soon.
pub const BACKOFF_CEILING: Duration = Duration::from_secs(2);

/// The first pause of a call that waits for its server: 20 ms.
pub const BACKOFF_FLOOR: Duration = Duration::from_millis(20);

/// An endpoint that failed is set aside for this long, give or take a fifth, while others serve: 1 s. Each further failure
/// makes it 1.6 times as long, up to [`ASIDE_CEILING`]. The constants are those of gRPC's connection backoff.
pub const ASIDE_FLOOR: Duration = Duration::from_secs(1);

/// The longest an endpoint is set aside: 120 s, give or take a fifth. Then one connection to it is tried.
pub const ASIDE_CEILING: Duration = Duration::from_secs(120);

/// An address that answers nothing is given up after this, so that the call can ask for another: 5 s.
pub const CONNECT_TIME: Duration = Duration::from_secs(5);

/// As [`CONNECT_TIME`], of a call that could go to another endpoint: 2 s, and at most half of the time that it has left.
/// The second SYN of a connection leaves after 1 s, so a single lost packet passes.
pub const CONNECT_TIME_BESIDE_OTHERS: Duration = Duration::from_secs(2);

/// How often one call is sent to a server at most that may have run, or was told when to come back, hedges included: 5.
/// A call that waits for its server ([`Client::wait_for_ready`](crate::Client::wait_for_ready)) and is refused without
/// having run is sent until its deadline, with pauses that grow to [`BACKOFF_CEILING`].
pub const ATTEMPTS: u32 = 5;

/// Calls of a client and its clones that are under way twice at the same time: 32. Each waits on two threads.
pub const HEDGED_CALLS: usize = 32;

/// Tokens in the bucket that a client and its clones share: 10. While half or less are left, nothing is repeated that a
/// server may have run or has put off, and nothing hedged. Such an attempt takes one as it fails; so does a hedge, and a
/// refusal with `ResourceExhausted`. Other refusals without having run are no sign of load, and take none.
pub const RETRY_TOKENS: u32 = 10;

/// So many answered attempts give one token back: 10, which bounds repetitions to a tenth of the calls in the long run.
pub const SUCCESSES_A_TOKEN: u32 = 10;

/// The longest procedure name, in bytes. The binder's names have the same limit.
pub const PROCEDURE_NAME: usize = 255;

/// Procedures, with the kind of call, that one process calls by names which it learns at run time: they are kept for good.
/// Ours have a dozen; this is a megabyte at the most.
pub const CALLED_BY_NAME: usize = 4096;

/// Services whose health is watched on one server though it does not have them; each [origin](crate::shares::Origin) may name
/// as many as are left for all others. Those that the server has are always watched.
pub const WATCHED_SERVICES: usize = 1024;

/// Entries in the metadata of one call.
pub const METADATA_ENTRIES: usize = 64;

/// Bytes in the metadata of one call, keys and values together: 16 KiB.
pub const METADATA_BYTES: usize = 16 << 10;

/// Bytes in a metadata key.
pub const METADATA_KEY: usize = 64;

/// Endpoints of one procedure that a client knows: 256. Each may cost it a connection; what a longer list has beyond them
/// is left out.
pub const ENDPOINTS: usize = 256;

/// How long a connection may have no call in flight before its server says goodbye: 10 min. It costs the client one
/// connecting at its next call, and the server a thread as long as it stays.
pub const IDLE: Duration = Duration::from_secs(600);

/// Items of one stream that may be under way before their consumer takes some: 64. It is told in the preface.
pub const STREAM_CREDIT: u32 = 64;

/// The most that [`Limits::stream_credit`] can be: 65,536.
pub const STREAM_CREDIT_CEILING: u32 = 1 << 16;

/// A message of items uses the credit of one item for each 64 KiB that it begins, however few items it has: with the
/// default credit a stream has at most 4 MiB and one frame under way.
pub const STREAM_CREDIT_BYTES: usize = 64 << 10;

/// Bytes of streams that may lie here untaken, of all streams of a connection together: 64 MiB. By their credit alone
/// the streams of one peer could hold 4 MiB and a frame for each call in flight, which is 12 GiB.
pub const STREAM_BYTES: usize = 64 << 20;

/// The message of a status is cut at this many bytes before it is sent, so that a status always fits a frame.
pub const STATUS_MESSAGE: usize = 4 << 10;

/// The details of a status are dropped above this many bytes, for the same reason.
pub const STATUS_DETAILS: usize = 16 << 10;

/// The most that [`Limits::spin`] can be: 1 ms. Past it a wake-up is no part of the time that counts.
pub const SPIN_CEILING: Duration = Duration::from_millis(1);

/// What a user may change, for a server or a client. The defaults are safe for a service on an open network.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest frame taken from the peer, in bytes: 8 MiB. It is told to the peer; a frame above it ends the
    /// connection, so a peer of ours refuses the call on its own side. From [`FRAME_BEFORE_PREFACE`], which a peer may
    /// send before it knows this limit, to [`FRAME_CEILING`].
    pub frame: u32,
    /// Calls of one connection that may be awaited at the same time: 1,024. One more is answered
    /// `ResourceExhausted`. It is told to the peer, whose callers wait for their turn. As many that were given up may run
    /// on beside them, since the peer cannot know when their procedures end.
    pub calls_in_flight: u32,
    /// Items of one stream that the peer may have under way before their consumer takes some: [`STREAM_CREDIT`]. It is
    /// told to the peer. From 1 to [`STREAM_CREDIT_CEILING`].
    pub stream_credit: u32,
    /// Bytes of streams that may lie here before their consumers take them, for a server of one connection, for a client of
    /// all: [`STREAM_BYTES`]. A stream whose items come while so many lie here ends with `ResourceExhausted`; the others
    /// and the connection go on. One frame more may be held.
    pub stream_bytes: usize,
    /// Bytes that may lie in the queue of one connection before who adds to it must wait: 4 MiB.
    pub queued_bytes: usize,
    /// Connections a server holds; `None` works it out from what the machine allows (see
    /// [`Server::connection_limit`](crate::Server::connection_limit)). One more is told `ResourceExhausted` and closed.
    pub connections: Option<usize>,
    /// How long a connection may have no call in flight before the server says goodbye and closes it: [`IDLE`].
    /// [`Duration::MAX`] is for ever.
    pub idle: Duration,
    /// How long a server lets a new connection take to send its preface: [`PREFACE_TIME`].
    pub preface_time: Duration,
    /// How long the peer may be waited for between a frame's first byte and its last, however the bytes trickle:
    /// [`FRAME_TIME`]. Then the connection ends.
    pub frame_time: Duration,
    /// How long who waits for a connection's next bytes stays awake before it sleeps: not at all, at most [`SPIN_CEILING`].
    ///
    /// To be woken on another processor takes longer than a short call does, so a caller and a server that both stay awake
    /// for as long as most calls take answer in half the time and less. It costs a processor for that time, after each call
    /// and on each side: for few busy connections, and processors to spare. Calls made inside of other calls, which must be
    /// woken when those are cancelled, and streams sleep at once.
    pub spin: Duration,
    /// How long the peer may take nothing from a full socket before the connection ends: [`WRITE_STALL`].
    pub write_stall: Duration,
    /// How long a client lets its server say nothing while a call or stream waits, before it sends a ping:
    /// [`KEEPALIVE`]. An idle connection sends none.
    pub keepalive: Duration,
    /// How long a client's ping waits for anything at all, before the connection ends: [`PONG_TIME`].
    pub pong_time: Duration,
}

impl Limits {
    /// What is out of its range, in a sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(FRAME_BEFORE_PREFACE..=FRAME_CEILING).contains(&self.frame) {
            return Err(format!(
                "the frame limit is {}, allowed are {FRAME_BEFORE_PREFACE} to {FRAME_CEILING}",
                self.frame
            ));
        }
        if !(1..=STREAM_CREDIT_CEILING).contains(&self.stream_credit) {
            return Err(format!(
                "the credit of a stream is {}, allowed are 1 to {STREAM_CREDIT_CEILING}",
                self.stream_credit
            ));
        }
        if self.spin > SPIN_CEILING {
            return Err(format!(
                "a wait may stay awake for {SPIN_CEILING:?} at most, not for {:?}",
                self.spin
            ));
        }
        if self.calls_in_flight == 0 {
            return Err("the limit of calls in flight is 0, at least 1 is needed".to_owned());
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            frame: 8 << 20,
            calls_in_flight: 1024,
            stream_credit: STREAM_CREDIT,
            stream_bytes: STREAM_BYTES,
            queued_bytes: 4 << 20,
            connections: None,
            idle: IDLE,
            preface_time: PREFACE_TIME,
            frame_time: FRAME_TIME,
            spin: Duration::ZERO,
            write_stall: WRITE_STALL,
            keepalive: KEEPALIVE,
            pong_time: PONG_TIME,
        }
    }
}
