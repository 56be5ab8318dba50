//! Plots as SVG, by day and by night: colours follow the reader's scheme, and nothing stands behind them.
//!
//! `bars` are panels of horizontal bars, one a peer; `lines` are curves over an axis that grows by powers of ten.

mod bars;
mod lines;

use std::fmt::Write;

pub use bars::{Bar, Panel, bars};
pub use lines::{Axis, Line, lines};

/// What something that is drawn stands for, and so its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ours,
    /// The limit that others are measured by.
    Limit,
    /// Others, by number.
    Other(usize),
}

impl Tone {
    fn class(self) -> String {
        match self {
            Tone::Ours => "ours".into(),
            Tone::Limit => "limit".into(),
            Tone::Other(number) => format!("other{}", number % OTHERS),
        }
    }
}

const OTHERS: usize = 5;

const STYLE: &str = "
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.head { font-weight: 600 }
.faint { fill: #59636e }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.ours { fill: #0969da; stroke: #0969da } .limit { fill: #818b98; stroke: #818b98 }
.other0 { fill: #c4770b; stroke: #c4770b } .other1 { fill: #1a7f37; stroke: #1a7f37 }
.other2 { fill: #8250df; stroke: #8250df } .other3 { fill: #bf3989; stroke: #bf3989 }
.other4 { fill: #b35900; stroke: #b35900 }
.line { fill: none; stroke-width: 2 }
rect, circle { stroke: none !important } rect.rest { fill: #b6c1cd }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
.ours { fill: #4493f8; stroke: #4493f8 } .limit { fill: #9198a1; stroke: #9198a1 }
.other0 { fill: #e3a13b; stroke: #e3a13b } .other1 { fill: #3fb950; stroke: #3fb950 }
.other2 { fill: #ab7df8; stroke: #ab7df8 } .other3 { fill: #f778ba; stroke: #f778ba }
.other4 { fill: #f0883e; stroke: #f0883e }
.line { fill: none } rect.rest { fill: #525c68 }
}
";

/// A document that is being drawn.
struct Canvas {
    body: String,
    width: f64,
    height: f64,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Canvas {
        Canvas { body: String::new(), width, height }
    }

    /// Writing to memory cannot fail.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, class: &str, anchor: &str, text: &str) {
        let text = escaped(text);
        self.put(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// The whole document; `about` is what a reader hears who cannot see it.
    fn finish(self, about: &str) -> String {
        let (width, height, about) = (self.width, self.height, escaped(about));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-label=\"{about}\">\n<title>{about}</title>\n<style>{STYLE}</style>\n{}</svg>\n",
            self.body
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Three digits that matter, with the thousands set apart.
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    let plain = format!("{value:.digits$}");
    let (whole, rest) = plain.split_once('.').map_or((plain.as_str(), ""), |(whole, rest)| (whole, rest));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let behind = whole.len() - place;
        if place > 0 && behind.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_that_matter() {
        let told = [1_234_567.0, 999.6, 123.4, 45.67, 4.567, 0.4567, 0.04567, 0.0, -1234.0].map(figure);
        assert_eq!(told, ["1,234,567", "1,000", "123", "45.7", "4.57", "0.457", "0.0457", "0", "-1,234"]);
    }

    #[test]
    fn text_cannot_leave_its_element() {
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
