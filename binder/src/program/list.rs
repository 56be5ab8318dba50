//! `binder list`: everything that is registered, as a table for people or as JSON for programs.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use binder::{Binder, Entry, PAGE, Query, REGISTRATIONS};
use rpc_core::Endpoint;

use super::{Ask, Failure};

pub(super) const HELP: &str = "\
Examples:
  binder list
  binder list --json | jq -r '.[].name'

The JSON array has one object a registration, sorted by name and age:
  name              the procedure's name
  address, port     where it is served, as this machine can reach it
  out_of_reach      why this machine cannot reach it; null where nothing speaks against it
  state             live, draining, or suspect: not heard of for a whole lease
  mode              exclusive, or shared with other servers
  epoch             the registration's number; later ones are higher
  instance          which server process has it, shortened
  incarnation       when that process started, in milliseconds since 1970; 0: it did not say
  weight            its share of the calls beside the other servers' weights
  version, metadata what the server says of itself
  age_ms            for how long this server has it
  lease_ms          after what time it is suspect if the server is not heard of
  lease_left_ms     how much of that is left";

pub(super) fn table(ask: &Ask) -> Result<ExitCode, Failure> {
    let entries = entries(ask)?;
    if entries.is_empty() {
        writeln!(io::stderr().lock(), "no procedures are registered with the binder at {}", ask.binder)?;
        return Ok(ExitCode::SUCCESS);
    }
    io::stdout().lock().write_all(draw(&entries).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn json(ask: &Ask) -> Result<ExitCode, Failure> {
    let mut array = serde_json::to_string(&entries(ask)?).map_err(io::Error::from)?;
    array.push('\n');
    io::stdout().lock().write_all(array.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// All pages, one after the other; never more than a binder holds, whatever this one answers.
fn entries(ask: &Ask) -> Result<Vec<Entry>, Failure> {
    let client = ask.client()?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut query = Query::default();
    for _ in 0..PAGES {
        let page = client.list(query.clone()).map_err(|error| ask.failure(error))?;
        entries.extend(page.entries);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    Ok(entries)
}

/// Columns as wide as their widest cell, two blanks apart; numbers to the right.
fn draw(entries: &[Entry]) -> String {
    let mut rows = vec![["NAME", "ADDRESS", "STATE", "AGE", "LEASE", "INSTANCE", "EPOCH"].map(str::to_owned)];
    rows.extend(entries.iter().map(row));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let [name, address, state, age, lease, instance, _] = widths;
    let line = |[n, a, s, g, l, i, e]: &[String; 7]| {
        format!("{n:name$}  {a:address$}  {s:state$}  {g:>age$}  {l:>lease$}  {i:instance$}  {e}\n")
    };
    rows.iter().map(line).collect()
}

fn row(entry: &Entry) -> [String; 7] {
    [
        entry.name.clone(),
        Endpoint::new(entry.address.as_str(), entry.port).to_string(),
        entry.state.to_string(),
        short(Duration::from_millis(entry.age_ms)),
        short(Duration::from_millis(entry.lease_left_ms)),
        entry.instance.clone(),
        entry.epoch.to_string(),
    ]
}

/// The most pages that a binder has.
const PAGES: usize = REGISTRATIONS.div_ceil(PAGE) + 1;

/// A time in its one or two largest units: `42s`, `5m 12s`, `3h 4m`, `2d 7h`.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use binder::{Mode, State};

    use super::*;

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
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = draw(&[entry("create_room", 4000, 1_000), entry("send", 40001, 312_000)]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "NAME         ADDRESS          STATE     AGE  LEASE  INSTANCE      EPOCH",
                "create_room  127.0.0.1:4000   live       1s    12s  3f9a12cc01ab  1763719200000001",
                "send         127.0.0.1:40001  live   5m 12s    12s  3f9a12cc01ab  1763719200000001",
            ]
        );
    }

    #[test]
    fn times_are_told_in_their_largest_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (3_600, "1h 0m"), (180_000, "2d 2h")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
    }
}
