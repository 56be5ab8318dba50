//! The lines of a state file.
//!
//! ```text
//! crc32    JSON
//! 9f3b21aa {"binder":{"format":1,"epoch":1763719200000001}}
//! 07c1d0e4 {"lease":{"instance":{"id":"3f9a…"},"incarnation":1763719200000,"lease_ms":15000}}
//! 5d20bb91 {"held":{"name":"send_message","address":"127.0.0.1","port":4000,…}}       of the lease above
//! 11f0c3a7 {"lost":{"name":"chat","why":"removed"}}                                   of the lease above
//! 4b1f77c9 {"removed":{"instance":{"id":"3f9a…"},"incarnation":1763719200000,"name":"chat","left_ms":600000}}
//! e3a80d52 {"end":{"lines":5}}
//! ```
//! Text, so that a person can read it. Each line proves itself, so that damage has a place.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address::{Place, Vantage};
use crate::contract::{LossReason, Mode};
use crate::features::Features;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;
use crate::registry::{Intent, Saved, SavedLease, SavedRecord, SavedRemoval, millis};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Binder { format: u32, epoch: u64 },
    Lease { instance: InstanceText, incarnation: u64, lease_ms: u64 },
    Held(HeldText),
    Lost { name: String, why: LossReason },
    Removed { instance: InstanceText, incarnation: u64, name: String, left_ms: u64 },
    End { lines: usize },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InstanceText {
    Id(String),
    /// An address, a port, and a procedure.
    At(String, u16, String),
}

#[derive(Debug, Serialize, Deserialize)]
struct HeldText {
    name: String,
    address: String,
    port: u16,
    mode: Mode,
    weight: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    epoch: u64,
    rank: u64,
    incarnation: u64,
    age_ms: u64,
    draining: bool,
}

/// What is wrong with a state file.
#[derive(Debug, Error)]
pub(super) enum Damage {
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("it ends behind line {0}, before its end: it was cut off")]
    Truncated(usize),
    #[error("it is of format {0}, and this program knows format {FORMAT}: a newer binder wrote it")]
    Newer(u32),
    #[error("line {0} {1}")]
    Line(usize, String),
}

/// Writes all lines.
pub(super) fn write(
    epoch: u64,
    leases: impl IntoIterator<Item = SavedLease>,
    removals: &[SavedRemoval],
    to: &mut impl Write,
) -> io::Result<()> {
    let mut lines = 1;
    write_line(&Line::Binder { format: FORMAT, epoch }, to)?;
    for lease in leases {
        let instance = InstanceText::of(&lease.owner.instance);
        let (incarnation, lease_ms) = (lease.owner.incarnation, millis(lease.term));
        write_line(&Line::Lease { instance, incarnation, lease_ms }, to)?;
        for record in &lease.held {
            write_line(&Line::Held(HeldText::of(record)), to)?;
        }
        for (name, why) in &lease.lost {
            write_line(&Line::Lost { name: name.to_string(), why: *why }, to)?;
        }
        lines += 1 + lease.held.len() + lease.lost.len();
    }
    for SavedRemoval { owner, name, left } in removals {
        let (instance, incarnation) = (InstanceText::of(&owner.instance), owner.incarnation);
        let (name, left_ms) = (name.to_string(), millis(*left));
        write_line(&Line::Removed { instance, incarnation, name, left_ms }, to)?;
    }
    lines += removals.len();
    write_line(&Line::End { lines }, to)
}

fn write_line(line: &Line, to: &mut impl Write) -> io::Result<()> {
    let text = serde_json::to_string(line)?;
    writeln!(to, "{:08x} {text}", crc32fast::hash(text.as_bytes()))
}

/// Reads all lines.
///
/// # Errors
/// [`Damage`] names the first line that is not as it was written.
pub(super) fn read(from: &mut impl BufRead) -> Result<Saved, Damage> {
    let mut reader = Reader { from, line: 0, saved: Saved::default(), known: HashSet::new() };
    match reader.next()? {
        Line::Binder { format: FORMAT, epoch } => reader.saved.epoch = epoch,
        Line::Binder { format, .. } => return Err(Damage::Newer(format)),
        _ => return Err(reader.damage("is not the first line of a state file")),
    }
    loop {
        let before = reader.line;
        match reader.next()? {
            Line::End { lines } if lines == before => return Ok(reader.saved),
            line => reader.take(line)?,
        }
    }
}

struct Reader<'a, R> {
    from: &'a mut R,
    /// How many lines were read.
    line: usize,
    saved: Saved,
    known: HashSet<Instance>,
}

impl<R: BufRead> Reader<'_, R> {
    fn next(&mut self) -> Result<Line, Damage> {
        let mut text = Vec::new();
        let limit = LINE_BYTES + 1;
        self.from.by_ref().take(limit).read_until(b'\n', &mut text).map_err(Damage::Read)?;
        let is_whole = text.pop_if(|last| *last == b'\n').is_some();
        if !is_whole && (text.len() as u64) < limit {
            return Err(Damage::Truncated(self.line));
        }
        self.line += 1;
        if !is_whole {
            return Err(self.damage("is longer than any that a binder writes"));
        }
        let json = proven(&text).ok_or_else(|| self.damage("does not agree with its checksum"))?;
        serde_json::from_slice(json).map_err(|error| self.damage(&format!("is not understood: {error}")))
    }

    fn take(&mut self, line: Line) -> Result<(), Damage> {
        match line {
            Line::Lease { instance, incarnation, lease_ms } => {
                let instance = instance.parse().map_err(|why| self.damage(&why))?;
                if !self.known.insert(instance.clone()) {
                    return Err(self.damage("tells of a lease a second time"));
                }
                let owner = Owner { instance, incarnation };
                let (held, lost) = (Vec::new(), BTreeMap::new());
                let term = Duration::from_millis(lease_ms);
                self.saved.leases.push(SavedLease { owner, term, held, lost });
                Ok(())
            }
            Line::Held(text) => {
                let record = text.parse().map_err(|why| self.damage(&why))?;
                self.lease()?.held.push(record);
                Ok(())
            }
            Line::Lost { name, why } => {
                let name = self.name(&name)?;
                self.lease()?.lost.insert(name, why);
                Ok(())
            }
            Line::Removed { instance, incarnation, name, left_ms } => {
                let instance = instance.parse().map_err(|why| self.damage(&why))?;
                let (owner, name) = (Owner { instance, incarnation }, self.name(&name)?);
                let left = Duration::from_millis(left_ms);
                self.saved.removals.push(SavedRemoval { owner, name, left });
                Ok(())
            }
            Line::Binder { .. } => Err(self.damage("begins a second state")),
            Line::End { .. } => {
                Err(self.damage("ends a state of another length: lines are missing before it"))
            }
        }
    }

    fn name(&self, text: &str) -> Result<ProcedureName, Damage> {
        ProcedureName::parse(text).map_err(|error| self.damage(&format!("is wrong: {error}")))
    }

    fn lease(&mut self) -> Result<&mut SavedLease, Damage> {
        let line = self.line;
        self.saved.leases.last_mut().ok_or_else(|| Damage::Line(line, "stands before every lease".into()))
    }

    fn damage(&self, why: &str) -> Damage {
        Damage::Line(self.line, why.to_owned())
    }
}

/// The JSON of a line whose checksum is right.
fn proven(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == crc32fast::hash(json)).then_some(json)
}

impl InstanceText {
    fn of(instance: &Instance) -> InstanceText {
        match instance {
            Instance::Named(id) => InstanceText::Id(format!("{:032x}", u128::from_be_bytes(id.bytes()))),
            Instance::At(at) => {
                let (place, name) = &**at;
                InstanceText::At(place.address(), place.port(), name.to_string())
            }
        }
    }

    fn parse(self) -> Result<Instance, String> {
        match self {
            InstanceText::Id(text) => match u128::from_str_radix(&text, 16) {
                Ok(id) if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    Ok(Instance::Named(id.to_be_bytes().into()))
                }
                _ => Err(format!("has the instance {text:?}, which is not 32 hexadecimal digits")),
            },
            InstanceText::At(address, port, name) => {
                let name = ProcedureName::parse(&name).map_err(|error| format!("is wrong: {error}"))?;
                place(&address, port).map(|place| Owner::at(&place, &name).instance)
            }
        }
    }
}

impl HeldText {
    fn of(record: &SavedRecord) -> HeldText {
        let SavedRecord { name, place, mode, features, .. } = record;
        HeldText {
            name: name.to_string(),
            address: place.address(),
            port: place.port(),
            mode: *mode,
            weight: features.weight.get(),
            version: features.version().map(ToString::to_string),
            metadata: features.metadata().clone(),
            epoch: record.epoch,
            rank: record.rank,
            incarnation: record.incarnation,
            age_ms: millis(record.age),
            draining: record.intent == Intent::Drain,
        }
    }

    fn parse(self) -> Result<SavedRecord, String> {
        let wrong = |error: &dyn std::error::Error| format!("is wrong: {error}");
        let name = ProcedureName::parse(&self.name).map_err(|error| wrong(&error))?;
        let features = Features::parse(self.weight, self.version.as_deref(), self.metadata);
        let features = features.map_err(|error| wrong(&error))?;
        let place = place(&self.address, self.port)?;
        Ok(SavedRecord {
            name,
            place,
            mode: self.mode,
            features,
            epoch: self.epoch,
            rank: self.rank,
            incarnation: self.incarnation,
            age: Duration::from_millis(self.age_ms),
            intent: if self.draining { Intent::Drain } else { Intent::Stay },
        })
    }
}

/// A saved address already means what its server meant, so it is read as if from beside the binder.
fn place(address: &str, port: u16) -> Result<Place, String> {
    Place::advertised(address, port, Vantage::Beside).map_err(|error| format!("is wrong: {error}"))
}

/// The format written, and the only one read.
const FORMAT: u32 = 1;
/// The longest line: metadata of 4 KiB whose every byte is escaped, and the rest.
const LINE_BYTES: u64 = 32 << 10;
