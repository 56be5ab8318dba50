//! Curves over axes that grow by powers of ten.

use super::{Canvas, Tone};

/// What one axis tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis<'a> {
    pub title: &'a str,
}

/// A curve by its points; those that are not above zero have no place on such an axis and are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub name: String,
    pub tone: Tone,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 100.0;
const TOP: f64 = 45.0;
const BOTTOM: f64 = 50.0;

/// Powers of ten from the one below the least to the one above the most.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    begin: f64,
    length: f64,
}

impl Scale {
    fn new(figures: impl Iterator<Item = f64>, begin: f64, length: f64) -> Scale {
        let (least, most) = figures.fold((f64::MAX, f64::MIN), |(least, most), figure| {
            (least.min(figure.log10()), most.max(figure.log10()))
        });
        if least > most {
            return Scale { low: 0.0, high: 1.0, begin, length };
        }
        let (low, high) = (least.floor(), most.ceil());
        Scale { low, high: if high > low { high } else { low + 1.0 }, begin, length }
    }

    fn place(&self, figure: f64) -> f64 {
        self.begin + self.length * (figure.log10() - self.low) / (self.high - self.low)
    }

    fn powers(&self) -> impl Iterator<Item = f64> + use<> {
        let high = self.high;
        std::iter::successors(Some(self.low), |power| Some(power + 1.0))
            .take_while(move |power| *power <= high)
    }
}

pub fn lines(title: &str, x: Axis<'_>, y: Axis<'_>, lines: &[Line]) -> String {
    let drawn: Vec<Line> = lines.iter().map(positive).collect();
    let points = || drawn.iter().flat_map(|line| line.points.iter());
    let across = Scale::new(points().map(|point| point.0), LEFT, WIDTH - LEFT - RIGHT);
    let up = Scale::new(points().map(|point| point.1), HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT);
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    canvas.text(10.0, 22.0, "title", "start", title);
    grid(&mut canvas, across, up);
    canvas.text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0, "faint", "middle", x.title);
    canvas.text(10.0, TOP - 6.0, "faint", "start", y.title);
    let mut taken = Vec::new();
    for line in &drawn {
        curve(&mut canvas, line, across, up, &mut taken);
    }
    canvas.finish(title)
}

fn positive(line: &Line) -> Line {
    let points = line.points.iter().copied().filter(|(x, y)| *x > 0.0 && *y > 0.0).collect();
    Line { points, ..line.clone() }
}

fn grid(canvas: &mut Canvas, across: Scale, up: Scale) {
    let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
    for power in up.powers() {
        let y = up.place(10_f64.powf(power));
        canvas.put(format_args!(r#"<path d="M{left:.1} {y:.1}H{right:.1}" class="grid"/>"#));
        canvas.text(left - 6.0, y + 4.0, "faint", "end", &power_of_ten(power));
    }
    for power in across.powers() {
        let x = across.place(10_f64.powf(power));
        canvas.put(format_args!(r#"<path d="M{x:.1} {top:.1}V{bottom:.1}" class="grid"/>"#));
        canvas.text(x, bottom + 16.0, "faint", "middle", &power_of_ten(power));
    }
}

fn power_of_ten(power: f64) -> String {
    match power {
        power if power >= 9.0 => format!("{:.0} G", 10_f64.powf(power - 9.0)),
        power if power >= 6.0 => format!("{:.0} M", 10_f64.powf(power - 6.0)),
        power if power >= 3.0 => format!("{:.0} k", 10_f64.powf(power - 3.0)),
        power => format!("{}", 10_f64.powf(power)),
    }
}

/// The curve, and its name where it ends; names that would cover each other are set below.
fn curve(canvas: &mut Canvas, line: &Line, across: Scale, up: Scale, taken: &mut Vec<f64>) {
    let class = line.tone.class();
    let places: Vec<(f64, f64)> = line.points.iter().map(|(x, y)| (across.place(*x), up.place(*y))).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    if path.is_empty() {
        return;
    }
    canvas.put(format_args!(r#"<path d="M{}" class="{class} line"/>"#, path.join("L")));
    for (x, y) in &places {
        canvas.put(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" class="{class}"/>"#));
    }
    if let Some((x, y)) = places.last() {
        let mut y = *y;
        while taken.iter().any(|other| (other - y).abs() < 13.0) {
            y += 13.0;
        }
        taken.push(y);
        canvas.text(x + 8.0, y + 4.0, "", "start", &line.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_well_formed_and_shows_what_has_a_place() {
        let line = Line {
            name: "a<b".into(),
            tone: Tone::Other(7),
            points: vec![(0.0, 5.0), (1.0, 10.0), (100.0, 1000.0), (10_000.0, 20.0)],
        };
        let drawn = lines("growth", Axis { title: "x" }, Axis { title: "y & z" }, &[line]);
        let document = roxmltree::Document::parse(&drawn).unwrap();
        let points = document.descendants().filter(|node| node.has_tag_name("circle"));
        assert_eq!(points.count(), 3);
    }

    #[test]
    fn equal_figures_and_none_at_all_have_a_scale_too() {
        let flat = Line { name: "flat".into(), tone: Tone::Ours, points: vec![(1.0, 10.0), (10.0, 10.0)] };
        let drawn = lines("flat", Axis { title: "x" }, Axis { title: "y" }, &[flat]);
        assert!(roxmltree::Document::parse(&drawn).is_ok() && !drawn.contains("NaN"));
        let drawn = lines("none", Axis { title: "x" }, Axis { title: "y" }, &[]);
        assert!(roxmltree::Document::parse(&drawn).is_ok() && !drawn.contains("NaN"));
    }

    #[test]
    fn powers_of_ten_are_told_shortly() {
        assert_eq!(
            [-1.0, 0.0, 2.0, 3.0, 5.0, 6.0, 9.0].map(power_of_ten),
            ["0.1", "1", "100", "1 k", "100 k", "1 M", "1 G"]
        );
    }
}
