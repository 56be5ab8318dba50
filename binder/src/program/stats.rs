//! `binder stats`: how much the binder holds, and how it is.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use binder::{Binder, Saving, Stats};
use clap::Args;
use serde::Serialize;

use super::output::{self, Form, count, short};
use super::screen::Screen;
use super::{Ask, Failure};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ask: Ask,
}

pub(super) const HELP: &str = "\
Examples:
  binder stats
  binder stats --json | jq .counters.lookups

The JSON is one object a binder:
  binder               its address
  version, uptime_ms   the binder's version, and for how long it has run
  revision             binder: which start of which binder;
                       number: of the changes so far
  names                procedures that somebody serves
  registrations        of all states
  leases               server processes
  suspect_leases       those that were not heard of for a whole lease
  watchers             those who are told every change
  counters             since the start: lookups, registrations, renewals, and
                       expired registrations
  alarm                null, or since_ms, ends_in_ms and a sentence: so many
                       servers fell silent at once that none is given up
  saving               null without a state file, or saved_ms_ago, trouble: why
                       it cannot be written, retry_in_ms, and file: its path,
                       null for who asks from another machine without a token";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let ask = &arguments.ask;
    let (mut gap, screen) = ("", Screen::stdout());
    ask.each(|asked| {
        let stats = asked.client.stats().map_err(|error| asked.failure(error))?;
        let binder = asked.binder.to_string();
        match ask.form() {
            Form::Json => output::json(&Of { binder, stats })?,
            Form::Text => {
                write!(io::stdout().lock(), "{gap}{}", sheet(&binder, &stats, screen))?;
                gap = "\n";
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// A binder and what it says.
#[derive(Serialize)]
struct Of {
    binder: String,
    #[serde(flatten)]
    stats: Stats,
}

fn sheet(binder: &str, stats: &Stats, screen: Screen) -> String {
    let uptime = short(Duration::from_millis(stats.uptime_ms));
    let counters = &stats.counters;
    let rows = [
        ("binder", format!("{binder}, version {}, up {uptime}", stats.version)),
        ("procedures", format!("{}, {}", stats.names, count(stats.registrations, "registration"))),
        ("servers", format!("{}, {} of them suspect", stats.leases, stats.suspect_leases)),
        ("watchers", stats.watchers.to_string()),
        ("lookups", counters.lookups.to_string()),
        ("registered", counters.registrations.to_string()),
        ("renewed", counters.renewals.to_string()),
        ("expired", counters.expired.to_string()),
        ("revision", stats.revision.number.to_string()),
        ("state file", state_file(stats.saving.as_ref())),
        ("alarm", stats.alarm.as_ref().map_or_else(|| "none".to_owned(), |alarm| alarm.sentence.clone())),
    ];
    let mut sheet = String::new();
    for (title, text) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(sheet, "{title:12}{}", screen.wrapped(&text, MARGIN));
    }
    sheet
}

/// As wide as a title.
const MARGIN: &str = "            ";

fn state_file(saving: Option<&Saving>) -> String {
    let Some(Saving { file, saved_ms_ago, trouble, retry_in_ms }) = saving else {
        return "none (--state FILE keeps everything over a restart)".to_owned();
    };
    let saved = match saved_ms_ago {
        Some(ago) => format!("saved {} ago", short(Duration::from_millis(*ago))),
        None => "not saved since the start".to_owned(),
    };
    let file = file.as_deref().unwrap_or("a file there");
    match trouble {
        Some(why) => {
            format!("{file}, {saved}, cannot be written now, tried again {}: {why}", soon(*retry_in_ms))
        }
        None => format!("{file}, {saved}"),
    }
}

/// When a failed attempt is made again.
pub(super) fn soon(retry_in_ms: Option<u64>) -> String {
    match retry_in_ms {
        Some(ms) if ms >= 1_000 => format!("in {}", short(Duration::from_millis(ms))),
        _ => "at once".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use binder::{Alarm, Counters, Revision};

    use super::*;

    #[test]
    fn the_sheet_says_what_there_is_and_what_is_wrong() {
        let stats = Stats {
            version: "0.1.0".into(),
            uptime_ms: 11_040_000,
            revision: Revision { binder: 7, number: 1_234 },
            names: 12,
            registrations: 14,
            leases: 3,
            suspect_leases: 1,
            watchers: 2,
            counters: Counters { lookups: 10, registrations: 14, renewals: 99, expired: 1 },
            alarm: Some(Alarm { since_ms: 1, ends_in_ms: 2, sentence: "3 of 4 are silent".into() }),
            saving: Some(Saving {
                file: Some("/var/lib/binder/state".into()),
                saved_ms_ago: Some(61_000),
                trouble: Some("no space".into()),
                retry_in_ms: Some(16_000),
            }),
        };
        let expected = "\
binder      127.0.0.1:5000, version 0.1.0, up 3h 4m
procedures  12, 14 registrations
servers     3, 1 of them suspect
watchers    2
lookups     10
registered  14
renewed     99
expired     1
revision    1234
state file  /var/lib/binder/state, saved 1m 1s ago, cannot be written now, tried again in 16s: no space
alarm       3 of 4 are silent
";
        assert_eq!(sheet("127.0.0.1:5000", &stats, Screen::PLAIN), expected);
        let narrow = Screen { columns: Some(40), ..Screen::PLAIN };
        let sheet = sheet("127.0.0.1:5000", &stats, narrow);
        assert!(
            sheet.contains("binder      127.0.0.1:5000, version\n            0.1.0, up 3h 4m\n"),
            "{sheet}"
        );
        assert!(sheet.lines().all(|line| line.len() <= 40), "{sheet}");
        let saving = Saving { file: None, saved_ms_ago: Some(1_000), trouble: None, retry_in_ms: None };
        assert_eq!(state_file(Some(&saving)), "a file there, saved 1s ago");
    }
}
