//! What a query of the dashboard asks for, as far as that takes no whole parser of PromQL.

/// A metric, and the labels that a query expects it to have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    /// In braces, and in `by (…)`.
    pub(crate) labels: Vec<String>,
    /// Those that must have a certain value, or must not.
    pub(crate) equal: Vec<(String, String)>,
}

/// Everything selected in a query. A metric is a name with an underscore that no bracket follows; a grouping is of the
/// selectors behind it, up to the next one.
pub(crate) fn selectors(query: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut grouping = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphabetic()) {
        let word = rest.get(start..).unwrap();
        let end = word.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let (word, behind) = word.split_at(end.unwrap_or(word.len()));
        rest = behind;
        if word == "by" {
            let (group, behind) = behind.trim_start().strip_prefix('(').unwrap().split_once(')').unwrap();
            // What histogram_quantile takes away again is a label of the buckets.
            grouping = group.split(',').map(|label| label.trim().to_owned()).collect();
            rest = behind;
        } else if word.contains('_') && !behind.starts_with('(') {
            let braces = behind.strip_prefix('{').and_then(|behind| behind.split_once('}'));
            let (matchers, behind) = braces.unwrap_or(("", behind));
            rest =
                behind.strip_prefix('[').and_then(|range| Some(range.split_once(']')?.1)).unwrap_or(behind);
            found.push(selector(word, matchers, &grouping));
        }
    }
    found
}

fn selector(metric: &str, matchers: &str, grouping: &[String]) -> Selector {
    let mut labels = grouping.to_vec();
    let mut equal = Vec::new();
    for matcher in matchers.split(',').filter(|matcher| !matcher.is_empty()) {
        let (label, value) = matcher.split_once('=').unwrap();
        let label = label.trim_end_matches('!').to_owned();
        if let Some(value) = value.strip_prefix('"') {
            equal.push((label.clone(), value.trim_end_matches('"').to_owned()));
        }
        labels.push(label);
    }
    Selector { metric: metric.to_owned(), labels, equal }
}

#[test]
fn selectors_are_found_with_their_labels() {
    let selector = |metric: &str, labels: &[&str], equal: &[(&str, &str)]| Selector {
        metric: metric.to_owned(),
        labels: labels.iter().copied().map(str::to_owned).collect(),
        equal: equal.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect(),
    };
    assert_eq!(selectors("sum(a_b)"), [selector("a_b", &[], &[])]);
    assert_eq!(
        selectors(
            r#"histogram_quantile(0.9, sum by (x, le) (rate(a_bucket{job=~"$job",code!="Ok"}[$__rate_interval])))"#
        ),
        [selector("a_bucket", &["x", "le", "job", "code"], &[("code", "Ok")])]
    );
    assert_eq!(
        selectors("sum by (x) (a_sum) / sum by (y) (a_count) > 0"),
        [selector("a_sum", &["x"], &[]), selector("a_count", &["y"], &[])]
    );
}
