//! `rpc list`: which procedures there are, at one server or at all that a binder knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::process::ExitCode;

use binder::{Binder as _, BinderClient, BinderError, Query};
use clap::Args;
use rpc_core::reflect::{CallKind, RESERVED, Reflection as _, ReflectionClient, Summary};
use rpc_core::{Client, Code, Endpoint, Status};

use super::Failure;
use super::paint::{Paint, harmless};
use super::reach::{Reach, endpoint};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server, as --to; without it all servers that the binder knows
    #[arg(value_name = "ADDR", value_parser = endpoint, conflicts_with = "to")]
    server: Option<Endpoint>,

    /// Print nothing but the names, one a line
    #[arg(long)]
    plain: bool,

    /// Show also what every server has: rpc.describe and the like
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    reach: Reach,
}

pub(super) const HELP: &str = "\
Examples:
  rpc list
  rpc list 127.0.0.1:4000
  rpc list --plain --to unix:/run/chat.sock

A shell that completes names can take them from --plain, in bash: complete -W \"$(rpc list --plain)\" rpc";

/// Servers that are asked at most.
const SERVERS: usize = 64;

/// Pages that are asked for at most, of 256 procedures or 1,000 registrations.
const PAGES: usize = 1_000;

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { server, plain, all, reach } = arguments;
    let summaries = match server.as_ref().or(reach.to.as_ref()) {
        Some(endpoint) => at(reach, endpoint)?,
        None => everywhere(reach)?,
    };
    let shown = summaries.iter().filter(|summary| *all || !summary.name.starts_with(RESERVED));
    let mut text = String::new();
    if *plain {
        shown.for_each(|summary| text += &format!("{}\n", harmless(&summary.name)));
    } else {
        text = table(&shown.collect::<Vec<_>>(), Paint::stdout());
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// All procedures of a server.
///
/// # Errors
/// What the server says.
pub(super) fn names(reflection: &ReflectionClient) -> Result<Vec<Summary>, Status> {
    let mut all: Vec<Summary> = Vec::new();
    for _ in 0..PAGES {
        let page = reflection.procedures(all.last().map(|summary| summary.name.clone()))?;
        let more = page.more && !page.procedures.is_empty();
        all.extend(page.procedures);
        if !more {
            break;
        }
    }
    Ok(all)
}

/// What a binder knows: each procedure, and where it is served.
///
/// # Errors
/// When no binder answers.
pub(super) fn registered(reach: &Reach) -> Result<BTreeMap<String, BTreeSet<Endpoint>>, Failure> {
    let token = reach.token()?;
    let client = reach
        .secured(Client::connect_any(reach.binder.iter().map(ToString::to_string)))?
        .with_deadline(reach.patience());
    let client = token.iter().fold(client, |client, token| token.beside(&client));
    let (binder, mut query) = (BinderClient::new(client), Query::default());
    let mut found: BTreeMap<String, BTreeSet<Endpoint>> = BTreeMap::new();
    for _ in 0..PAGES {
        let page = binder.list(query.clone()).map_err(refused)?;
        for entry in page.entries {
            found.entry(entry.name).or_default().insert(Endpoint::new(entry.address, entry.port));
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    Ok(found)
}

fn refused(error: BinderError) -> Failure {
    match error {
        BinderError::Status(status) if status.code() != Code::Unavailable => {
            Failure::of_status("the binder", status)
        }
        error => Failure::Binder(error),
    }
}

fn at(reach: &Reach, endpoint: &Endpoint) -> Result<Vec<Summary>, Failure> {
    let reflection = ReflectionClient::new(reach.at(endpoint)?).with_deadline(reach.patience());
    names(&reflection).map_err(|status| Failure::of_status(format!("the server at {endpoint}"), status))
}

/// Of all servers that a binder knows. What one does not tell of its procedures is left out.
fn everywhere(reach: &Reach) -> Result<Vec<Summary>, Failure> {
    let registered = registered(reach)?;
    let servers: BTreeSet<&Endpoint> = registered.values().flatten().collect();
    let mut told: BTreeMap<String, Summary> = BTreeMap::new();
    for server in servers.into_iter().take(SERVERS) {
        let summaries = at(reach, server).unwrap_or_default();
        told.extend(summaries.into_iter().map(|summary| (summary.name.clone(), summary)));
    }
    let unknown = |name: &String| Summary {
        name: name.clone(),
        service: String::new(),
        kind: CallKind::Unary,
        idempotent: false,
        doc: String::new(),
    };
    Ok(registered.keys().map(|name| told.remove(name).unwrap_or_else(|| unknown(name))).collect())
}

/// Two columns: names, and what they do.
fn table(shown: &[&Summary], paint: Paint) -> String {
    let widest = shown.iter().map(|summary| summary.name.chars().count()).max().unwrap_or_default();
    let line = |summary: &&Summary| {
        let name = format!("{:widest$}", harmless(&summary.name));
        let line = format!("{}  {}", paint.name(&name), harmless(&summary.doc));
        format!("{}\n", line.trim_end())
    };
    shown.iter().map(line).collect()
}
