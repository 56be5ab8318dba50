//! Numbers about what runs, for whoever watches it.
//!
//! [`Metrics`] is plain data: families of samples, as [Prometheus' data model] has them. Whoever exports them in another way
//! goes through them; printed, they are Prometheus' text format. What a server counts itself is [`Server::metrics`], what a
//! client is told to count [`ClientMetrics`]; a program adds its own families to them.
//!
//! [Prometheus' data model]: https://prometheus.io/docs/concepts/data_model/
//! [`Server::metrics`]: crate::Server::metrics
//! [`ClientMetrics`]: crate::layers::ClientMetrics

mod histogram;
mod tally;
mod text;

use std::time::Duration;
use std::{slice, vec};

pub use self::histogram::{BUCKETS, Distribution};
pub(crate) use self::tally::{Counters, Slot, Tally, UNKNOWN};

/// What is counted and measured at one moment, in the order it is told.
///
/// ```
/// use rpc_core::metrics::{Family, Metrics};
///
/// let rooms = Family::gauge("chat_rooms", "Rooms that there are.").with([], 3_u64);
/// let metrics = Metrics::from_iter([rooms]);
/// assert_eq!(metrics.value("chat_rooms", &[]), Some(3.0));
/// assert_eq!(
///     metrics.to_string(),
///     "# HELP chat_rooms Rooms that there are.\n# TYPE chat_rooms gauge\nchat_rooms 3\n"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    families: Vec<Family>,
}

/// Samples of one name, which differ in their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Vec<Sample>,
}

/// What a family's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows, and begins anew with the process. Its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many there were up to each size.
    Histogram,
}

/// One number, or one histogram, and what tells it from others of its family.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name and value of each label.
    pub labels: Vec<(&'static str, String)>,
    /// The number itself.
    pub value: Value,
}

/// What a sample says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or gauge: a plain number, seconds, or bytes, as the family's name says.
    Number(f64),
    /// Of a histogram.
    Distribution(Distribution),
}

impl Metrics {
    /// The families.
    pub fn iter(&self) -> slice::Iter<'_, Family> {
        self.families.iter()
    }

    /// The number of the sample with exactly these labels, in any order; of a histogram, how many it has counted.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let family = self.iter().find(|family| family.name == name)?;
        let is_meant = |sample: &&Sample| {
            let has = |&(name, value): &(&str, &str)| {
                sample.labels.iter().any(|(known, of)| *known == name && of == value)
            };
            sample.labels.len() == labels.len() && labels.iter().all(has)
        };
        Some(match &family.samples.iter().find(is_meant)?.value {
            Value::Number(number) => *number,
            Value::Distribution(distribution) => number(distribution.count()),
        })
    }

    /// The sum of a counter's or gauge's samples that have all of these labels; nothing sums to 0.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.iter().filter(|family| family.name == name).flat_map(Family::samples);
        let meant = samples.filter(|sample| {
            labels
                .iter()
                .all(|(name, value)| sample.labels.iter().any(|(known, of)| known == name && of == value))
        });
        meant.map(|sample| if let Value::Number(number) = sample.value { number } else { 0.0 }).sum()
    }
}

impl Family {
    /// A counter without samples. Its name ends in `_total`.
    pub fn counter(name: &'static str, help: &'static str) -> Family {
        Family { name, kind: Kind::Counter, help, samples: Vec::new() }
    }

    /// A gauge without samples.
    pub fn gauge(name: &'static str, help: &'static str) -> Family {
        Family { name, kind: Kind::Gauge, help, samples: Vec::new() }
    }

    /// A histogram without samples.
    pub fn histogram(name: &'static str, help: &'static str) -> Family {
        Family { name, kind: Kind::Histogram, help, samples: Vec::new() }
    }

    /// The family with one more sample. A value of another kind than the family's, and labels that another sample has, are
    /// the caller's mistake: Prometheus refuses what comes of it.
    #[must_use]
    pub fn with<const N: usize>(
        mut self,
        labels: [(&'static str, &str); N],
        value: impl Into<Value>,
    ) -> Family {
        let labels = labels.map(|(name, value)| (name, value.to_owned())).into();
        self.samples.push(Sample { labels, value: value.into() });
        self
    }

    /// The name of all samples.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the numbers are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the numbers mean, in a sentence.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// The samples.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

impl Extend<Family> for Metrics {
    fn extend<I: IntoIterator<Item = Family>>(&mut self, families: I) {
        self.families.extend(families);
    }
}

impl FromIterator<Family> for Metrics {
    fn from_iter<I: IntoIterator<Item = Family>>(families: I) -> Metrics {
        Metrics { families: Vec::from_iter(families) }
    }
}

impl IntoIterator for Metrics {
    type Item = Family;
    type IntoIter = vec::IntoIter<Family>;

    fn into_iter(self) -> vec::IntoIter<Family> {
        self.families.into_iter()
    }
}

impl<'a> IntoIterator for &'a Metrics {
    type Item = &'a Family;
    type IntoIter = slice::Iter<'a, Family>;

    fn into_iter(self) -> slice::Iter<'a, Family> {
        self.iter()
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Value {
        Value::Number(number(count))
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Value {
        Value::from(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Value {
    /// 1 while it is so.
    fn from(is_so: bool) -> Value {
        Value::from(u64::from(is_so))
    }
}

impl From<Duration> for Value {
    /// Seconds.
    fn from(time: Duration) -> Value {
        Value::Number(time.as_secs_f64())
    }
}

impl From<Distribution> for Value {
    fn from(distribution: Distribution) -> Value {
        Value::Distribution(distribution)
    }
}

/// Exact up to 2^53; Prometheus' numbers are no better.
#[expect(clippy::cast_precision_loss, reason = "the data model has floating-point numbers")]
fn number(count: u64) -> f64 {
    count as f64
}
