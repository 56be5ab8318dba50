//! Panels of horizontal bars.

use super::{Canvas, Tone, figure};

/// One bar; `None` where there is nothing to show, with the reason instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub name: String,
    pub value: Option<f64>,
    pub tone: Tone,
}

/// Bars of one scale, which begins at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub title: String,
    pub bars: Vec<Bar>,
}

const PANEL: f64 = 430.0;
const NAMES: f64 = 70.0;
const FIGURES: f64 = 75.0;
const ROW: f64 = 19.0;
const HEAD: f64 = 44.0;
const COLUMNS: usize = 2;

/// Panels beside and below each other under one title.
pub fn bars(title: &str, panels: &[Panel]) -> String {
    let columns = panels.len().clamp(1, COLUMNS);
    let rows: Vec<&[Panel]> = panels.chunks(columns).collect();
    let height = |row: &&[Panel]| HEAD + ROW * tallest(row);
    let total: f64 = rows.iter().map(height).sum();
    let mut canvas = Canvas::new(PANEL * wide(COLUMNS) + 10.0, total + 40.0);
    canvas.text(10.0, 22.0, "title", "start", title);
    let mut top = 30.0;
    for row in &rows {
        for (column, panel) in row.iter().enumerate() {
            draw(&mut canvas, panel, 10.0 + PANEL * wide(column), top);
        }
        top += height(row);
    }
    canvas.finish(title)
}

#[expect(clippy::cast_precision_loss, reason = "there are few panels and bars")]
fn wide(count: usize) -> f64 {
    count as f64
}

fn tallest(row: &[Panel]) -> f64 {
    wide(row.iter().map(|panel| panel.bars.len()).max().unwrap_or(0))
}

fn draw(canvas: &mut Canvas, panel: &Panel, left: f64, top: f64) {
    canvas.text(left, top + 22.0, "head", "start", &panel.title);
    let most = scale(&panel.bars);
    let space = PANEL - NAMES - FIGURES - 10.0;
    let mut y = top + 32.0;
    for bar in &panel.bars {
        canvas.text(left + NAMES - 6.0, y + 12.0, "", "end", &bar.name);
        let Some(value) = bar.value else {
            canvas.text(left + NAMES, y + 12.0, "faint", "start", "–");
            y += ROW;
            continue;
        };
        let length = if most > 0.0 { (space * value / most).clamp(1.0, space) } else { 1.0 };
        let class = if matches!(bar.tone, Tone::Other(_)) { "rest".into() } else { bar.tone.class() };
        canvas.put(format_args!(
            r#"<rect x="{:.1}" y="{y:.1}" width="{length:.1}" height="{:.1}" rx="2" class="{class}"/>"#,
            left + NAMES,
            ROW - 4.0
        ));
        canvas.text(left + NAMES + length + 5.0, y + 12.0, "faint", "start", &told(value, most));
        y += ROW;
    }
}

/// What the longest bar stands for. One that is beyond all others is cut off, so that they can be told apart.
fn scale(bars: &[Bar]) -> f64 {
    let mut values: Vec<f64> = bars.iter().filter_map(|bar| bar.value).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    match values[..] {
        [first, second, _, ..] if first > 4.0 * second => 1.5 * second,
        [first, ..] => first,
        [] => 0.0,
    }
}

fn told(value: f64, most: f64) -> String {
    if value > most { format!("→ {}", figure(value)) } else { figure(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(values: &[Option<f64>]) -> Panel {
        let bar = |value: &Option<f64>| Bar { name: "<a&b>".into(), value: *value, tone: Tone::Ours };
        Panel { title: "x < y".into(), bars: values.iter().map(bar).collect() }
    }

    #[test]
    fn a_plot_is_well_formed_and_has_a_bar_for_each_figure() {
        let drawn =
            bars("calls & more", &[panel(&[Some(1.0), None, Some(4.0)]), panel(&[Some(0.0)]), panel(&[])]);
        let document = roxmltree::Document::parse(&drawn).unwrap();
        let widths: Vec<f64> = document
            .descendants()
            .filter(|node| node.has_tag_name("rect"))
            .map(|node| node.attribute("width").unwrap().parse().unwrap())
            .collect();
        assert_eq!(widths.len(), 3);
        assert!((widths[1] / widths[0] - 4.0).abs() < 0.01, "{widths:?}");
        assert!(drawn.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn a_bar_far_beyond_the_others_is_cut_off_and_says_so() {
        let drawn = bars("far", &[panel(&[Some(10.0), Some(1.0), Some(0.5)])]);
        assert!(drawn.contains("→ 10.0") && !drawn.contains("→ 1.00"), "{drawn}");
        assert!(!bars("near", &[panel(&[Some(3.0), Some(1.0), Some(0.5)])]).contains('→'));
    }

    #[test]
    fn a_plot_of_nothing_is_still_a_document() {
        assert!(roxmltree::Document::parse(&bars("nothing", &[])).is_ok());
    }
}
