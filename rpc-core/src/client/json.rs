//! Calls by name and JSON text, for those who do not have the trait: tools, scripts, gateways.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Deserializer};
use thiserror::Error;

use super::{Client, Pending};
use crate::codec::{Encoding, Json};
use crate::limits::{CALLED_BY_NAME, PROCEDURE_NAME};
use crate::service::{Kind, Procedure};
use crate::status::Status;
use crate::stream::Stream;

/// Calls procedures by their names, with JSON in and JSON out. It has the options of the [`Client`] that it is made of.
///
/// Arguments are an object by parameter names, `{"room_name":"x"}`, or an array of all of them in order; none are empty
/// text or `null`. The server needs the feature `json`, and answers `Unimplemented` without it. The caller knows what kind of call it
/// is: one of another kind fails in words, or ends as the server ends it.
///
/// ```no_run
/// let client = rpc_core::Client::connect("127.0.0.1:4000").json();
/// let room = client.call("create_room", r#"{"room_name":"x"}"#)?;
/// assert_eq!(room.as_str(), "null");
/// # Ok::<(), rpc_core::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JsonClient {
    client: Client,
}

/// What a call by name failed with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The procedure's own error.
    #[error("the procedure failed: {0}")]
    Failed(Json),
    /// The call ended otherwise.
    #[error(transparent)]
    Status(#[from] Status),
}

impl Client {
    /// The same client for calls by name, with JSON in and out.
    pub fn json(&self) -> JsonClient {
        JsonClient { client: self.with_encoding(Encoding::Json) }
    }
}

impl JsonClient {
    /// Calls a procedure without streams and waits for its result.
    ///
    /// # Errors
    /// [`JsonError::Failed`] with the procedure's own error, or a [`Status`]: `InvalidArgument` also for what is no JSON.
    pub fn call(&self, procedure: &str, arguments: &str) -> Result<Json, JsonError> {
        self.client.call(known(procedure, Kind::Unary)?, &document(arguments)?)
    }

    /// As [`call`](JsonClient::call), but the result is waited for later.
    ///
    /// # Errors
    /// `InvalidArgument` for arguments that are no JSON; all else comes with the result.
    pub fn start(&self, procedure: &str, arguments: &str) -> Result<Pending<Json, JsonError>, JsonError> {
        Ok(self.client.start(known(procedure, Kind::Unary)?, &document(arguments)?))
    }

    /// Calls a procedure that answers with a stream.
    ///
    /// # Errors
    /// As [`call`](JsonClient::call).
    pub fn call_for_stream(&self, procedure: &str, arguments: &str) -> Result<Stream<Json>, JsonError> {
        self.client.call_for_stream(known(procedure, Kind::ServerStream)?, &document(arguments)?)
    }

    /// Calls a procedure that takes a stream; `arguments` are the others.
    ///
    /// # Errors
    /// As [`call`](JsonClient::call).
    pub fn call_with_stream(
        &self,
        procedure: &str,
        arguments: &str,
        input: Stream<Json>,
    ) -> Result<Json, JsonError> {
        self.client.call_with_stream(known(procedure, Kind::ClientStream)?, &document(arguments)?, input)
    }

    /// Calls a procedure that takes a stream and answers with one; `arguments` are those beside the stream.
    ///
    /// # Errors
    /// As [`call`](JsonClient::call).
    pub fn call_with_streams(
        &self,
        procedure: &str,
        arguments: &str,
        input: Stream<Json>,
    ) -> Result<Stream<Json>, JsonError> {
        self.client.call_with_streams(known(procedure, Kind::Bidirectional)?, &document(arguments)?, input)
    }
}

/// A failure is the procedure's own document, whatever it says.
impl<'de> Deserialize<'de> for JsonError {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<JsonError, D::Error> {
        Json::deserialize(from).map(JsonError::Failed)
    }
}

/// The arguments, written once more by the call. Nothing stands for none, and so does `null`: all that may be left out are.
fn document(arguments: &str) -> Result<Json, Status> {
    let text = if matches!(arguments.trim_ascii(), "" | "null") { "{}" } else { arguments };
    text.parse().map_err(|error| Status::invalid_argument(format!("the arguments: {error}")).not_run())
}

fn known(name: &str, kind: Kind) -> Result<&'static Procedure, Status> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::default);
    KNOWN.find(name, kind)
}

/// Procedures as their callers describe them. The rest of the client takes names for constants, which they are in every
/// trait; those that come at run time are kept for good, each once, and so there is a limit.
#[derive(Default)]
struct Known(Mutex<HashMap<(&'static str, Kind), &'static Procedure>>);

impl Known {
    fn find(&self, name: &str, kind: Kind) -> Result<&'static Procedure, Status> {
        if name.is_empty() || name.len() > PROCEDURE_NAME {
            let length = name.len();
            let message =
                format!("a procedure's name has 1 to {PROCEDURE_NAME} bytes, and this one {length}");
            return Err(Status::invalid_argument(message).not_run());
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(procedure) = known.get(&(name, kind)) {
            return Ok(procedure);
        }
        if known.len() >= CALLED_BY_NAME {
            let message =
                format!("this process has called {CALLED_BY_NAME} procedures by name, which is the limit");
            return Err(Status::resource_exhausted(message).not_run());
        }
        let name: &'static str = String::leak(name.to_owned());
        let procedure: &'static Procedure = Box::leak(Box::new(Procedure::new(name, kind)));
        known.insert((name, kind), procedure);
        Ok(procedure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Code;

    #[test]
    fn a_name_is_kept_once_for_each_kind_of_call() {
        let known = Known::default();
        let first = known.find("once", Kind::Unary).unwrap();
        assert!(std::ptr::eq(first, known.find("once", Kind::Unary).unwrap()));
        assert_eq!(known.find("once", Kind::ServerStream).unwrap().kind, Kind::ServerStream);
    }

    #[test]
    fn what_is_no_name_is_refused_before_it_is_kept() {
        let known = Known::default();
        assert!(known.find(&"n".repeat(PROCEDURE_NAME), Kind::Unary).is_ok());
        for name in ["", &"n".repeat(PROCEDURE_NAME + 1)] {
            let refused = known.find(name, Kind::Unary).unwrap_err();
            assert!(refused.message().contains("1 to 255 bytes") && !refused.may_have_run());
        }
    }

    #[test]
    fn names_past_the_limit_are_refused_and_those_before_it_still_known() {
        let known = Known::default();
        let names: Vec<String> = (0..=CALLED_BY_NAME).map(|number| number.to_string()).collect();
        let (last, first) = names.split_last().unwrap();
        assert!(first.iter().all(|name| known.find(name, Kind::Unary).is_ok()));
        assert_eq!(known.find(last, Kind::Unary).unwrap_err().code(), Code::ResourceExhausted);
        assert!(first.iter().all(|name| known.find(name, Kind::Unary).is_ok()));
    }
}
