//! Metrics in Prometheus' text format, version 0.0.4.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{Distribution, Family, Kind, Metrics, Sample, Value};

impl Display for Metrics {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|family| family.fmt(f))
    }
}

impl Display for Family {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.name();
        write!(f, "# HELP {name} ")?;
        escape(f, self.help(), "\\\n")?;
        writeln!(f, "\n# TYPE {name} {}", self.kind())?;
        self.samples().iter().try_for_each(|sample| sample.write(f, name))
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        })
    }
}

impl Sample {
    fn write(&self, f: &mut Formatter<'_>, name: &str) -> fmt::Result {
        match &self.value {
            Value::Number(number) => self.line(f, name, None, number),
            Value::Distribution(distribution) => self.lines(f, name, distribution),
        }
    }

    fn lines(&self, f: &mut Formatter<'_>, name: &str, distribution: &Distribution) -> fmt::Result {
        let count = distribution.count();
        let bucket = format!("{name}_bucket");
        for (bound, count) in distribution.cumulative() {
            self.line(f, &bucket, Some(&bound.as_secs_f64().to_string()), &count)?;
        }
        self.line(f, &bucket, Some("+Inf"), &count)?;
        self.line(f, &format!("{name}_sum"), None, &distribution.sum().as_secs_f64())?;
        self.line(f, &format!("{name}_count"), None, &count)
    }

    /// One line; `bound` is that of a bucket.
    fn line(
        &self,
        f: &mut Formatter<'_>,
        name: &str,
        bound: Option<&str>,
        number: &dyn Display,
    ) -> fmt::Result {
        f.write_str(name)?;
        let labels = self.labels.iter().map(|(name, value)| (*name, value.as_str()));
        let mut before = '{';
        for (name, value) in labels.chain(bound.map(|bound| ("le", bound))) {
            write!(f, "{before}{name}=\"")?;
            escape(f, value, "\\\n\"")?;
            f.write_char('"')?;
            before = ',';
        }
        f.write_str(if before == ',' { "} " } else { " " })?;
        writeln!(f, "{number}")
    }
}

/// Writes text, these characters with a backslash before them.
fn escape(f: &mut Formatter<'_>, text: &str, special: &str) -> fmt::Result {
    text.chars().try_for_each(|character| match character {
        '\n' if special.contains('\n') => f.write_str("\\n"),
        character if special.contains(character) => write!(f, "\\{character}"),
        character => f.write_char(character),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_its_help_its_kind_and_a_line_a_sample() {
        let family = Family::counter("calls_total", "Calls,\nby \\ and \"code\".")
            .with([("procedure", "a"), ("code", "Ok")], 3_u64)
            .with([("procedure", "\"\\\n"), ("code", "é")], 0.25);
        assert_eq!(
            family.to_string(),
            "# HELP calls_total Calls,\\nby \\\\ and \"code\".\n# TYPE calls_total counter\n\
             calls_total{procedure=\"a\",code=\"Ok\"} 3\n\
             calls_total{procedure=\"\\\"\\\\\\n\",code=\"é\"} 0.25\n"
        );
    }

    #[test]
    fn a_histogram_is_its_buckets_their_sum_and_their_count() {
        let text =
            Family::histogram("x_seconds", "X.").with([("a", "b")], Distribution::default()).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 21 + 1 + 2);
        assert_eq!(lines[2], "x_seconds_bucket{a=\"b\",le=\"0.00001\"} 0");
        assert_eq!(lines[3], "x_seconds_bucket{a=\"b\",le=\"0.000025\"} 0");
        assert_eq!(lines[22], "x_seconds_bucket{a=\"b\",le=\"60\"} 0");
        assert_eq!(lines[23], "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 0");
        assert_eq!(lines[24..], ["x_seconds_sum{a=\"b\"} 0", "x_seconds_count{a=\"b\"} 0"]);
        let bare = Family::histogram("x_seconds", "X.").with([], Distribution::default()).to_string();
        assert!(bare.contains("\nx_seconds_bucket{le=\"+Inf\"} 0\nx_seconds_sum 0\n"), "{bare}");
    }
}
