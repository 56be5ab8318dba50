//! `rpc call`: one call, with JSON in and JSON out.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rpc_core::reflect::{CallKind, Description};
use rpc_core::{Code, Json, JsonClient, JsonError, Stream};

use super::Failure;
use super::fit::Fit;
use super::input::{Source, source};
use super::paint::Paint;
use super::reach::Reach;
use super::suggest;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The procedure
    #[arg(value_name = "NAME")]
    procedure: String,

    /// Its arguments: an object by their names, or an array of all of them; @FILE or - for standard input. None without it
    #[arg(value_name = "JSON", value_parser = source, allow_hyphen_values = true, default_value = "", hide_default_value = true)]
    arguments: Source,

    /// The items of the stream that it takes, one JSON document behind the other: @FILE, or - for standard input
    #[arg(long, value_name = "JSON", value_parser = source, allow_hyphen_values = true, default_value = "-")]
    items: Source,

    /// Where it has streams, for a server that does not describe its procedures
    #[arg(long, value_name = "KIND")]
    kind: Option<KindOfCall>,

    /// Print each document on one line also on a terminal, without colours
    #[arg(long)]
    raw: bool,

    #[command(flatten)]
    reach: Reach,
}

/// Where a procedure has streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindOfCall {
    /// Nowhere
    Unary,
    /// It answers with one
    ServerStream,
    /// It takes one
    ClientStream,
    /// It does both
    Bidirectional,
}

pub(super) const HELP: &str = "\
Examples:
  rpc call list_rooms
  rpc call create_room '{\"room_name\":\"lobby\"}' --metadata chat-session=hex:00ff
  rpc call rpc.health.watch '[\"\"]' --to 127.0.0.1:4000 --deadline 1m
  seq 3 | rpc call sum '{\"start\":1}'

A result is one JSON document; a stream is one a line, as they come. The procedure's own error stands on standard error,
with exit code 1.";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { procedure, arguments: given, items, kind, raw, reach } = arguments;
    let text = given.document()?;
    let description = if kind.is_some() { None } else { reach.describe(procedure)? };
    let described = description.as_ref().map(|description| description.kind.into());
    let kind = kind.or(described).unwrap_or(KindOfCall::Unary);
    if takes_stream(kind) && *given == Source::StandardInput && *items == Source::StandardInput {
        let message = "standard input cannot be both the arguments and the items: give one of them as @FILE";
        return Err(Failure::Usage(message.to_owned()));
    }
    let out = Out(if *raw { Paint::Raw } else { Paint::stdout() });
    let client = reach.client()?.json();
    let called = Called { procedure, text: &text, description: description.as_ref() };
    let items = || items.documents(description.as_ref().and_then(Fit::of));
    match kind {
        KindOfCall::Unary => out.document(&called.outcome(client.call(procedure, &text))?),
        KindOfCall::ServerStream => called.all(client.call_for_stream(procedure, &text), out),
        KindOfCall::ClientStream => {
            let (items, fault) = items()?;
            let sum = called.outcome(client.call_with_stream(procedure, &text, items));
            fault.or(sum.and_then(|sum| out.document(&sum)))
        }
        KindOfCall::Bidirectional => {
            let (items, fault) = items()?;
            fault.or(called.all(client.call_with_streams(procedure, &text, items), out))
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A client of `procedure` and its arguments, for those that call it many times.
///
/// # Errors
/// When the procedure is not there, or has streams.
pub(super) fn unary(procedure: &str, given: &Source, reach: &Reach) -> Result<(JsonClient, String), Failure> {
    let kind = reach.describe(procedure)?.map_or(KindOfCall::Unary, |description| description.kind.into());
    if kind != KindOfCall::Unary {
        return Err(Failure::Usage(format!("{procedure} has streams, and only calls without are measured")));
    }
    Ok((reach.client()?.json(), given.document()?))
}

fn takes_stream(kind: KindOfCall) -> bool {
    matches!(kind, KindOfCall::ClientStream | KindOfCall::Bidirectional)
}

/// A call that was made, and what is known of its procedure.
struct Called<'c> {
    procedure: &'c str,
    text: &'c str,
    description: Option<&'c Description>,
}

impl Called<'_> {
    fn outcome<T>(&self, outcome: Result<T, JsonError>) -> Result<T, Failure> {
        outcome.map_err(|error| match error {
            JsonError::Status(status) if status.code() == Code::InvalidArgument => {
                Failure::Arguments { what: self.procedure.to_owned(), status, hint: self.hint() }
            }
            error => Failure::of_call(self.procedure, error),
        })
    }

    fn all(&self, stream: Result<Stream<Json>, JsonError>, out: Out) -> Result<(), Failure> {
        for item in self.outcome(stream)? {
            out.document(&item.map_err(|status| Failure::of_status(self.procedure, status))?)?;
        }
        Ok(())
    }

    /// Which argument was meant by one that the procedure does not have.
    fn hint(&self) -> String {
        let given: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(self.text).unwrap_or_default();
        let names: Vec<&str> =
            self.description.into_iter().flat_map(|of| &of.parameters).map(|of| of.name.as_str()).collect();
        let unknown = given.keys().find(|name| !names.contains(&name.as_str()));
        unknown.map(|name| suggest::hint(name, names.into_iter())).unwrap_or_default()
    }
}

/// Standard output, a document at a time.
#[derive(Clone, Copy)]
struct Out(Paint);

impl Out {
    fn document(self, document: &Json) -> Result<(), Failure> {
        writeln!(io::stdout().lock(), "{}", self.0.json(document.as_str()))?;
        Ok(())
    }
}

impl From<CallKind> for KindOfCall {
    fn from(kind: CallKind) -> KindOfCall {
        match kind {
            CallKind::Unary => KindOfCall::Unary,
            CallKind::ServerStream => KindOfCall::ServerStream,
            CallKind::ClientStream => KindOfCall::ClientStream,
            CallKind::Bidirectional => KindOfCall::Bidirectional,
        }
    }
}
