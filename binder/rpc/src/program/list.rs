//! `rpc list`: which procedures there are, at one server or at all that a binder knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use binder::{Binder as _, BinderClient, BinderError, Query};
use clap::Args;
use rpc_core::reflect::{CallKind, RESERVED, Reflection as _, ReflectionClient, Summary};
use rpc_core::{Client, Code, Context, Endpoint, Status, threads};

use super::Failure;
use super::paint::{Paint, harmless};
use super::reach::{Reach, endpoint};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server, as --to and before it; without both all servers that the binder knows
    #[arg(value_name = "ADDR", value_parser = endpoint)]
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

The second column is the service, which `rpc health` and `rpc watch` take.";

/// Servers that are asked at most.
const SERVERS: usize = 64;

/// Servers that are asked at the same time.
const AT_ONCE: usize = 16;

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

/// All procedures of the server at `endpoint`.
///
/// # Errors
/// When it gives no answer.
pub(super) fn at(reach: &Reach, endpoint: &Endpoint) -> Result<Vec<Summary>, Failure> {
    let reflection = ReflectionClient::new(reach.at(endpoint)?).with_deadline(reach.patience());
    names(&reflection).map_err(|status| Failure::of_status(format!("the server at {endpoint}"), status))
}

/// Of all servers that a binder knows, all within the patience for one. A server that gives no answer is told of on standard
/// error, and what it has is listed by its names alone.
pub(super) fn everywhere(reach: &Reach) -> Result<Vec<Summary>, Failure> {
    let registered = registered(reach)?;
    let servers: BTreeSet<&Endpoint> = registered.values().flatten().collect();
    let mut told: BTreeMap<String, Summary> = BTreeMap::new();
    for (server, answer) in sweep(reach, servers.into_iter().take(SERVERS))? {
        match answer {
            Ok(summaries) => {
                told.extend(summaries.into_iter().map(|summary| (summary.name.clone(), summary)));
            }
            // It has procedures, and no descriptions of them.
            Err(status) if status.code() == Code::Unimplemented => {}
            Err(status) => {
                let line = format!("the server at {server} gives no answer: {}", status.message());
                writeln!(io::stderr().lock(), "rpc: {}", harmless(&line))?;
            }
        }
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

/// What each of the servers has, or why that is not known; in their order.
fn sweep<'e>(
    reach: &Reach,
    servers: impl Iterator<Item = &'e Endpoint>,
) -> Result<BTreeMap<Endpoint, Result<Vec<Summary>, Status>>, Failure> {
    let until = Instant::now() + reach.patience();
    let mut questions = Vec::new();
    for server in servers {
        // Metadata is for the one who is called, and not for everybody whom a binder names.
        let client = reach.secured(Client::connect(server.to_string()))?.with_deadline(reach.patience());
        questions.push((server.clone(), ReflectionClient::new(client)));
    }
    let questions = Arc::new(Mutex::new(questions));
    let (sender, answers) = mpsc::channel();
    let asking = (0..AT_ONCE).map(|_| {
        let (questions, sender) = (questions.clone(), sender.clone());
        let next = move || questions.lock().unwrap_or_else(PoisonError::into_inner).pop();
        threads::spawn("rpc-list", move || {
            while let Some((server, reflection)) = next() {
                let context = Context::background().with_deadline(until);
                let answer = context.scope(|| names(&reflection));
                if sender.send((server, answer)).is_err() {
                    return;
                }
            }
        })
    });
    let asking = asking.collect::<io::Result<Vec<_>>>().map_err(Failure::Threads)?;
    asking.into_iter().for_each(threads::Thread::join);
    drop(sender);
    Ok(answers.into_iter().collect())
}

/// Three columns: names, the services that they are of, and what they do.
fn table(shown: &[&Summary], paint: Paint) -> String {
    let widest = |of: fn(&Summary) -> &str| {
        shown.iter().map(|summary| of(summary).chars().count()).max().unwrap_or_default()
    };
    let (names, services) = (widest(|summary| &summary.name), widest(|summary| &summary.service));
    let line = |summary: &&Summary| {
        let name = paint.name(&format!("{:names$}", harmless(&summary.name)));
        let service = format!("{:services$}", harmless(&summary.service));
        let line = format!("{name}  {service}  {}", harmless(&summary.doc));
        format!("{}\n", line.trim_end())
    };
    shown.iter().map(line).collect()
}
