//! `binder list`: everything that is registered, as a table for people or as JSON for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use binder::{Binder, Entry, Mode, PAGE, Query, REGISTRATIONS, State};
use clap::Args;
use rpc_core::Endpoint;

use super::arguments::{metadata, pair};
use super::output::{self, Form, short};
use super::screen::{Screen, Tone};
use super::table::{self, Cell, Column, Side, WHOLE, Worth};
use super::{Ask, Asked, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the names begin with; all without it
    prefix: Option<String>,

    /// Only those that say this of themselves; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,

    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder list
  binder list chat. --metadata zone=a
  binder list --json | jq -r .name

On a terminal the table is as wide as the terminal: columns are left out from the right. In a pipe it has all \
of them.

The JSON has one object a registration, sorted by name and age:
  name              the procedure's name
  address, port     where it is served, as this machine can reach it
  out_of_reach      why this machine cannot reach it; null if it can
  state             live, draining, or suspect: not heard of for a whole lease
  mode              exclusive, or shared with other servers
  epoch             the registration's number; later ones are higher
  instance          which server process has it, shortened
  incarnation       when that process started, in ms since 1970; 0: not said
  weight            its share of the calls beside the others' weights
  version, metadata what the server says of itself
  age_ms            for how long this server has it
  lease_ms          after what time it is suspect if the server is not heard of
  lease_left_ms     how much of that is left
  calls_per_minute  how often the server was called for it lately; null: it
                    does not say";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { prefix, metadata: pairs, ask } = arguments;
    let prefix = prefix.clone().unwrap_or_default();
    let query = Query { prefix, metadata: metadata(pairs), ..Query::default() };
    let unfiltered = query == Query::default();
    let (binder, entries) = ask.first(|asked| {
        entries(asked, query.clone(), |_| true).map(|entries| (asked.binder.clone(), entries))
    })?;
    match ask.form() {
        Form::Json => output::json_lines(&entries)?,
        Form::Text if entries.is_empty() && unfiltered => {
            output::remark(&format!("no procedures are registered with the binder at {binder}"))?;
        }
        Form::Text if entries.is_empty() => output::remark(&format!(
            "no procedures like that are registered with the binder at {binder}; `binder list` shows all"
        ))?,
        Form::Text => {
            io::stdout().lock().write_all(draw(&entries, Screen::stdout()).as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is found page by page, as long as entries are `wanted`; never more than a binder holds, whatever this one answers.
pub(super) fn entries(
    asked: &Asked,
    mut query: Query,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<Vec<Entry>, Failure> {
    let mut entries: Vec<Entry> = Vec::new();
    for _ in 0..PAGES {
        let page = asked.client.list(query.clone()).map_err(|error| asked.failure(error))?;
        let length = page.entries.len();
        let kept: Vec<_> = page.entries.into_iter().take_while(&wanted).collect();
        query.after = page.next.filter(|_| kept.len() == length);
        entries.extend(kept);
        if query.after.is_none() {
            break;
        }
    }
    Ok(entries)
}

const COLUMNS: [Column; 11] = [
    Column { title: "NAME", side: Side::Left, worth: Worth::Needed, least: 12 },
    Column { title: "ADDRESS", side: Side::Left, worth: Worth::Needed, least: WHOLE },
    Column { title: "STATE", side: Side::Left, worth: Worth::Needed, least: WHOLE },
    Column { title: "AGE", side: Side::Right, worth: Worth::Extra(8), least: WHOLE },
    Column { title: "LEASE", side: Side::Right, worth: Worth::Extra(7), least: WHOLE },
    Column { title: "WEIGHT", side: Side::Right, worth: Worth::Extra(6), least: WHOLE },
    Column { title: "CALLS/S", side: Side::Right, worth: Worth::Extra(5), least: WHOLE },
    Column { title: "VERSION", side: Side::Left, worth: Worth::Extra(4), least: WHOLE },
    Column { title: "INSTANCE", side: Side::Left, worth: Worth::Extra(3), least: WHOLE },
    Column { title: "EPOCH", side: Side::Left, worth: Worth::Extra(2), least: WHOLE },
    Column { title: "METADATA", side: Side::Left, worth: Worth::Extra(1), least: 16 },
];

fn draw(entries: &[Entry], screen: Screen) -> String {
    let rows: Vec<_> = entries.iter().map(row).collect();
    table::draw(&COLUMNS, &rows, screen)
}

fn row(entry: &Entry) -> [Cell; 11] {
    // Who serves alone gets every call, whatever the weight.
    let weight = if entry.mode == Mode::Shared { entry.weight.to_string() } else { String::new() };
    [
        entry.name.clone().into(),
        place(entry).into(),
        Cell::new(tone(entry.state), &entry.state.to_string()),
        short(Duration::from_millis(entry.age_ms)).into(),
        short(Duration::from_millis(entry.lease_left_ms)).into(),
        weight.into(),
        entry.calls_per_minute.map(per_second).unwrap_or_default().into(),
        entry.version.clone().unwrap_or_default().into(),
        entry.instance.clone().into(),
        entry.epoch.to_string().into(),
        pairs(&entry.metadata).into(),
    ]
}

/// Calls a minute as calls a second: `0`, `0.2`, `37`, `1200`.
fn per_second(a_minute: u64) -> String {
    match a_minute {
        0 => "0".to_owned(),
        1..600 => format!("{}.{}", a_minute / 60, (a_minute % 60 / 6).max(u64::from(a_minute < 6))),
        _ => (a_minute / 60).to_string(),
    }
}

/// Where it is served, as one writes it.
pub(super) fn place(entry: &Entry) -> String {
    Endpoint::new(entry.address.as_str(), entry.port).to_string()
}

pub(super) fn tone(state: State) -> Tone {
    match state {
        State::Live => Tone::Good,
        State::Draining => Tone::Doubtful,
        State::Suspect => Tone::Bad,
    }
}

fn pairs(metadata: &BTreeMap<String, String>) -> String {
    metadata.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// The most pages that a binder has.
const PAGES: usize = REGISTRATIONS.div_ceil(PAGE) + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::screen::Paint;

    fn entry(name: &str, port: u16, age_ms: u64) -> Entry {
        Entry {
            name: name.into(),
            address: "127.0.0.1".into(),
            port,
            out_of_reach: None,
            state: State::Live,
            mode: Mode::Exclusive,
            epoch: 1_763_719_200_000_001,
            instance: "3f9a12cc01ab".into(),
            incarnation: 1_763_719_200_000,
            weight: 1,
            version: None,
            metadata: BTreeMap::new(),
            age_ms,
            lease_ms: 15_000,
            lease_left_ms: 12_345,
            calls_per_minute: None,
        }
    }

    fn shared() -> Entry {
        let metadata = [("zone", "Zürich"), ("disk", "ssd")].map(|(key, value)| (key.into(), value.into()));
        Entry {
            mode: Mode::Shared,
            weight: 20,
            version: Some("1.4.0".into()),
            metadata: BTreeMap::from(metadata),
            state: State::Suspect,
            lease_left_ms: 0,
            ..entry("resize", 4001, 90_061_000)
        }
    }

    #[track_caller]
    fn check(entries: &[Entry], columns: Option<usize>, expected: &[&str]) {
        let drawn = draw(entries, Screen { columns, paint: Paint::Plain });
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn columns_that_nobody_fills_are_left_out() {
        check(
            &[entry("create_room", 4000, 1_000), entry("send", 40001, 312_000)],
            None,
            &[
                "NAME         ADDRESS          STATE     AGE  LEASE  INSTANCE      EPOCH",
                "create_room  127.0.0.1:4000   live       1s    12s  3f9a12cc01ab  1763719200000001",
                "send         127.0.0.1:40001  live   5m 12s    12s  3f9a12cc01ab  1763719200000001",
            ],
        );
    }

    #[test]
    fn a_table_fits_terminals_of_120_80_and_40_columns() {
        let entries = [entry("create_room", 4000, 1_000), shared()];
        check(
            &entries,
            Some(120),
            &[
                "NAME         ADDRESS         STATE      AGE  LEASE  WEIGHT  VERSION  INSTANCE      EPOCH             METADATA",
                "create_room  127.0.0.1:4000  live        1s    12s                   3f9a12cc01ab  1763719200000001",
                "resize       127.0.0.1:4001  suspect  1d 1h     0s      20  1.4.0    3f9a12cc01ab  1763719200000001  disk=ssd zone=Züri…",
            ],
        );
        check(
            &entries,
            Some(80),
            &[
                "NAME         ADDRESS         STATE      AGE  LEASE  WEIGHT  VERSION",
                "create_room  127.0.0.1:4000  live        1s    12s",
                "resize       127.0.0.1:4001  suspect  1d 1h     0s      20  1.4.0",
            ],
        );
        check(
            &entries,
            Some(40),
            &[
                "NAME         ADDRESS         STATE",
                "create_room  127.0.0.1:4000  live",
                "resize       127.0.0.1:4001  suspect",
            ],
        );
    }

    #[test]
    fn calls_are_told_a_second_and_what_was_called_is_not_told_as_idle() {
        for (a_minute, told) in [
            (0, "0"),
            (1, "0.1"),
            (12, "0.2"),
            (59, "0.9"),
            (60, "1.0"),
            (599, "9.9"),
            (600, "10"),
            (72_000, "1200"),
        ] {
            assert_eq!(per_second(a_minute), told, "{a_minute}");
        }
        let called = Entry { calls_per_minute: Some(90), ..entry("add", 4000, 1_000) };
        check(
            &[called, entry("sub", 4000, 1_000)],
            Some(80),
            &[
                "NAME  ADDRESS         STATE  AGE  LEASE  CALLS/S  INSTANCE      EPOCH",
                "add   127.0.0.1:4000  live    1s    12s      1.5  3f9a12cc01ab  1763719200000001",
                "sub   127.0.0.1:4000  live    1s    12s           3f9a12cc01ab  1763719200000001",
            ],
        );
    }
}
