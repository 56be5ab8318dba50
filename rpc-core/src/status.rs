//! The outcome of a call that did not return: a code, a sentence, details.
//!
//! A status never carries an application's own error; that travels typed, as the method's `E`. It says instead that the
//! far side did not run the call, or that the call ended early, and whether it may have run all the same.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a call ended without an answer from its procedure.
///
/// The sixteen codes and their numbers are those of gRPC (`grpc/doc/statuscodes.md`), without `OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", from = "u8")]
#[non_exhaustive]
#[repr(u8)]
pub enum Code {
    /// The caller gave the call up.
    Cancelled = 1,
    /// Nothing better is known; also every number that this version does not know.
    Unknown = 2,
    /// The arguments are wrong whatever the state of the system.
    InvalidArgument = 3,
    /// The time given to the call passed before its answer came.
    DeadlineExceeded = 4,
    /// Something the call names does not exist.
    NotFound = 5,
    /// Something the call wanted to make exists already.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A limit is reached; the message names it.
    ResourceExhausted = 8,
    /// The system is not in the state the call needs.
    FailedPrecondition = 9,
    /// A conflict with another call; trying again from the start may help.
    Aborted = 10,
    /// A value lies past the valid range.
    OutOfRange = 11,
    /// The server has no procedure of this name.
    Unimplemented = 12,
    /// An invariant of the far side broke, a panic for example.
    Internal = 13,
    /// The server cannot be reached, or is going away.
    Unavailable = 14,
    /// Data was lost or damaged beyond repair.
    DataLoss = 15,
    /// The caller did not say who he is, or not convincingly.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, by ascending number.
    pub const ALL: [Code; 16] = [
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];
}

impl From<Code> for u8 {
    fn from(code: Code) -> u8 {
        code as u8
    }
}

impl From<u8> for Code {
    fn from(number: u8) -> Code {
        Code::ALL.into_iter().find(|code| u8::from(*code) == number).unwrap_or(Code::Unknown)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whether the procedure may have run although the call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Execution {
    /// The request was never given to its procedure: trying again is safe.
    DidNotRun,
    /// Nobody can tell, or it did run.
    MayHaveRun,
}

/// A failed call: a [`Code`], a sentence for people, and bytes for programs.
///
/// One pointer in size, so that `Result<T, Status>` stays small.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Status(Box<Parts>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Status")]
struct Parts {
    code: Code,
    execution: Execution,
    message: String,
    #[serde(with = "crate::bytes::as_bytes")]
    details: Vec<u8>,
}

impl Status {
    /// A status with this code and sentence; the procedure may have run.
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        let message = message.into();
        Status(Box::new(Parts { code, execution: Execution::MayHaveRun, message, details: Vec::new() }))
    }

    /// The same status, saying that the procedure certainly did not run.
    #[must_use]
    pub fn not_run(mut self) -> Status {
        self.0.execution = Execution::DidNotRun;
        self
    }

    /// The same status, no longer saying that the procedure did not run.
    pub(crate) fn may_run(mut self) -> Status {
        self.0.execution = Execution::MayHaveRun;
        self
    }

    /// The same status with bytes that a program can read; their meaning is agreed between the two sides.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Vec<u8>>) -> Status {
        self.0.details = details.into();
        self
    }

    /// The same status, telling the caller to come back after this time. It takes the place of the details, and means
    /// something beside `ResourceExhausted` and `Unavailable` only. Rounded up to whole milliseconds, at most 49 days.
    ///
    /// ```
    /// # use {rpc_core::Status, std::time::Duration};
    /// let busy = Status::resource_exhausted("3 calls a second are enough").with_retry_after(Duration::from_millis(250));
    /// assert_eq!(busy.retry_after(), Some(Duration::from_millis(250)));
    /// ```
    #[must_use]
    pub fn with_retry_after(self, time: Duration) -> Status {
        let milliseconds = u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        self.with_details([RETRY_AFTER, milliseconds.to_string().as_bytes()].concat())
    }

    /// When the server wants to see this call again, if it said so: a client that may repeat the call does it then.
    pub fn retry_after(&self) -> Option<Duration> {
        if !matches!(self.code(), Code::ResourceExhausted | Code::Unavailable) {
            return None;
        }
        let digits = std::str::from_utf8(self.details().strip_prefix(RETRY_AFTER)?).ok()?;
        digits.parse::<u32>().ok().map(|milliseconds| Duration::from_millis(milliseconds.into()))
    }

    /// The kind of failure.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened, in a sentence without a final stop.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Bytes for programs; empty unless the far side gave some.
    pub fn details(&self) -> &[u8] {
        &self.0.details
    }

    /// Whether the procedure may have run.
    pub fn execution(&self) -> Execution {
        self.0.execution
    }

    /// False only if the procedure certainly did not run, so that trying again is safe.
    pub fn may_have_run(&self) -> bool {
        self.0.execution == Execution::MayHaveRun
    }
}

/// What details begin with that say when to come back; decimal milliseconds follow.
const RETRY_AFTER: &[u8] = b"retry-after-ms:";

macro_rules! constructors {
    ($($name:ident => $code:ident),* $(,)?) => {
        impl Status {
            $(
                #[doc = concat!("A status of code [`Code::", stringify!($code), "`].")]
                pub fn $name(message: impl Into<String>) -> Status {
                    Status::new(Code::$code, message)
                }
            )*
        }
    };
}

constructors! {
    cancelled => Cancelled,
    unknown => Unknown,
    invalid_argument => InvalidArgument,
    deadline_exceeded => DeadlineExceeded,
    not_found => NotFound,
    already_exists => AlreadyExists,
    permission_denied => PermissionDenied,
    resource_exhausted => ResourceExhausted,
    failed_precondition => FailedPrecondition,
    aborted => Aborted,
    out_of_range => OutOfRange,
    unimplemented => Unimplemented,
    internal => Internal,
    unavailable => Unavailable,
    data_loss => DataLoss,
    unauthenticated => Unauthenticated,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.message.is_empty() {
            return write!(f, "{}", self.0.code);
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?}, {:?}", self.0.code, self.0.message, self.0.execution)?;
        if !self.0.details.is_empty() {
            write!(f, ", {} bytes of details", self.0.details.len())?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_numbers_and_unknown_numbers_are_unknown() {
        for (number, code) in (1u8..).zip(Code::ALL) {
            assert_eq!(u8::from(code), number);
            assert_eq!(Code::from(number), code);
        }
        assert_eq!(Code::from(0), Code::Unknown);
        assert_eq!(Code::from(17), Code::Unknown);
    }

    #[test]
    fn a_status_says_when_to_come_back_only_where_that_makes_sense() {
        let after = |status: Status, details: &[u8]| status.with_details(details).retry_after();
        let busy = || Status::resource_exhausted("busy");
        assert_eq!(after(busy(), b"retry-after-ms:0"), Some(Duration::ZERO));
        assert_eq!(after(busy(), b"retry-after-ms:4294967295"), Some(Duration::from_millis(u32::MAX.into())));
        for hostile in [
            &b""[..],
            b"retry-after-ms:",
            b"retry-after-ms:4294967296",
            b"retry-after-ms:-1",
            b"retry-after-ms:\xff",
        ] {
            assert_eq!(after(busy(), hostile), None);
        }
        assert_eq!(after(Status::internal("broken"), b"retry-after-ms:5"), None);
        let soon = Duration::from_nanos(1);
        assert_eq!(busy().with_retry_after(soon).retry_after(), Some(Duration::from_millis(1)));
        assert_eq!(
            busy().with_retry_after(Duration::MAX).retry_after(),
            Some(Duration::from_millis(u32::MAX.into()))
        );
    }

    #[test]
    fn a_status_says_whether_it_may_have_run() {
        let status = Status::unavailable("gone");
        assert!(status.may_have_run());
        assert!(!status.not_run().may_have_run());
    }
}
