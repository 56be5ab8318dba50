//! What was measured, as a person reads it on a terminal.

use std::fmt::Write as _;

use super::load::Measured;

/// The widest bar, in letters.
const WIDEST: u64 = 40;

/// Lines of the histogram at most; each is half as long again as the one before.
const LINES: usize = 32;

/// The report, in lines.
pub(super) fn of(measured: &Measured) -> String {
    let mut text = String::new();
    let (calls, seconds) = (measured.calls(), measured.took.as_secs_f64());
    let rate = if seconds > 0.0 { measured.times.len() as f64 / seconds } else { 0.0 };
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(text, "{calls} calls in {seconds:.2} s, {rate:.0} answered a second");
    for (name, count) in &measured.failures {
        let _ = writeln!(text, "{count} failed: {name}");
    }
    if measured.never_made > 0 {
        let _ = writeln!(
            text,
            "{} more were due and not made: the server is slower than the rate",
            measured.never_made
        );
    }
    if measured.times.is_empty() {
        return text;
    }
    let at = |quantile| milliseconds(measured.times.value_at_quantile(quantile));
    let _ = writeln!(
        text,
        "p50 {} ms   p90 {} ms   p99 {} ms   p99.9 {} ms   max {} ms\n",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        milliseconds(measured.times.max()),
    );
    histogram(measured, &mut text);
    text
}

/// A line for each range of times: from this on, so many.
fn histogram(measured: &Measured, text: &mut String) {
    let (least, most) = (measured.times.min().max(1), measured.times.max());
    let mut ranges = Vec::new();
    let mut from = least;
    while from <= most && ranges.len() < LINES {
        let last = ranges.len() + 1 == LINES;
        let until = if last { most + 1 } else { from + (from / 2).max(1) };
        ranges.push((from, measured.times.count_between(from, until - 1)));
        from = until;
    }
    let longest = ranges.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    for (from, count) in ranges {
        let bar = "#".repeat(usize::try_from((count * WIDEST).div_ceil(longest)).unwrap_or_default());
        let line = format!("{:>10} ms  {count:>9}  {bar}", milliseconds(from));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_rate_the_failures_the_quantiles_and_a_histogram() {
        let report = of(&Measured::of(&[100, 110, 120, 180, 400], &[("Unavailable", 2), ("failed", 1)]));
        let expected = "\
8 calls in 2.00 s, 2 answered a second
2 failed: Unavailable
1 failed: failed
p50 0.120 ms   p90 0.400 ms   p99 0.400 ms   p99.9 0.400 ms   max 0.400 ms

     0.100 ms          3  ########################################
     0.150 ms          1  ##############
     0.225 ms          0
     0.337 ms          1  ##############
";
        assert_eq!(report, expected);
    }

    #[test]
    fn a_run_without_an_answer_has_no_times() {
        assert_eq!(
            of(&Measured::of(&[], &[("Unavailable", 2)])),
            "2 calls in 2.00 s, 0 answered a second\n2 failed: Unavailable\n"
        );
    }

    #[test]
    fn calls_that_were_due_and_not_made_are_told() {
        let measured = Measured { never_made: 70, ..Measured::of(&[], &[("Unavailable", 2)]) };
        assert!(
            of(&measured).ends_with("\n70 more were due and not made: the server is slower than the rate\n")
        );
    }

    #[test]
    fn times_far_apart_take_no_more_lines_than_fit() {
        assert!(of(&Measured::of(&[1, 3_000_000_000], &[])).lines().count() <= LINES + 4);
    }
}
