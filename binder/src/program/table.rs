//! Tables that fit the screen.
//!
//! Columns are as wide as their widest cell, two blanks apart. Where that is too wide, the columns of least worth are
//! shortened and left out until it fits. What a program reads is never shortened.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::screen::{Screen, Tone, harmless};

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) side: Side,
    pub(super) worth: Worth,
    /// Cells may be cut down to so many columns; [`WHOLE`] for those that say nothing when they are cut.
    pub(super) least: usize,
}

/// Where the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    /// Numbers.
    Right,
}

/// Which columns go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Left out where there is no room for it, the lowest first.
    Extra(u8),
    /// Never left out.
    Needed,
}

/// Of a column that is never cut.
pub(super) const WHOLE: usize = usize::MAX;

/// One cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn new(tone: Tone, text: &str) -> Cell {
        Cell { text: harmless(text), tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::new(Tone::Neutral, &text)
    }
}

/// The table as text, each line ended. Columns without a filled cell are left out.
pub(super) fn draw<const N: usize>(columns: &[Column; N], rows: &[[Cell; N]], screen: Screen) -> String {
    let mut shown: Vec<Shown> = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        let cells = || rows.iter().filter_map(move |row| row.get(place));
        let widest = cells().map(|cell| cell.text.width()).max().unwrap_or(0);
        if widest > 0 {
            shown.push(Shown { place, column: *column, width: widest.max(column.title.width()) });
        }
    }
    if let Some(room) = screen.columns {
        fit(&mut shown, room);
    }
    let titles = columns.map(|column| Cell::new(Tone::Heading, column.title));
    [&titles].into_iter().chain(rows).map(|row| line(&shown, row, screen)).collect()
}

/// A column that is drawn.
struct Shown {
    place: usize,
    column: Column,
    width: usize,
}

fn fit(shown: &mut Vec<Shown>, room: usize) {
    loop {
        let total = shown.iter().map(|column| column.width + GAP).sum::<usize>().saturating_sub(GAP);
        let excess = total.saturating_sub(room);
        let least = |shown: &Shown| shown.column.least.max(shown.column.title.width());
        // What is shortened to its least is worth nothing more to us, unless it may be left out.
        let candidates = shown.iter().enumerate().filter(|(_, column)| {
            column.column.worth < Worth::Needed
                || (column.column.least != WHOLE && column.width > least(column))
        });
        let Some((place, _)) = candidates.min_by_key(|(_, column)| column.column.worth) else { return };
        if excess == 0 {
            return;
        }
        let Some(column) = shown.get_mut(place) else { return };
        let least = least(column);
        if column.column.least != WHOLE && column.width >= least.saturating_add(excess) {
            column.width -= excess;
            return;
        }
        if column.column.worth < Worth::Needed {
            shown.remove(place);
        } else {
            column.width = least;
        }
    }
}

fn line(shown: &[Shown], row: &[Cell], screen: Screen) -> String {
    let mut text = String::new();
    let mut owed = 0;
    for Shown { place, column, width } in shown {
        let Some(cell) = row.get(*place) else { continue };
        let cut = shortened(&cell.text, *width);
        let padding = width.saturating_sub(cut.width());
        let (before, after) = if column.side == Side::Right { (padding, 0) } else { (0, padding) };
        text.extend(std::iter::repeat_n(' ', owed + before));
        text.push_str(&screen.paint.tint(cell.tone, &cut));
        owed = after + GAP;
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The text in at most so many columns; a mark at its end says that there was more.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut width = 0;
    for character in text.chars() {
        width += character.width().unwrap_or(0);
        if width >= columns {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::screen::Paint;

    const COLUMNS: [Column; 4] = [
        Column { title: "NAME", side: Side::Left, worth: Worth::Needed, least: 6 },
        Column { title: "AGE", side: Side::Right, worth: Worth::Extra(2), least: WHOLE },
        Column { title: "NOTE", side: Side::Left, worth: Worth::Extra(1), least: 5 },
        Column { title: "EMPTY", side: Side::Left, worth: Worth::Needed, least: WHOLE },
    ];

    #[track_caller]
    fn check(columns: Option<usize>, expected: &str) {
        let row = |name: &str, age: &str, note: &str| {
            [name.to_owned().into(), age.to_owned().into(), note.to_owned().into(), Cell::default()]
        };
        let rows = [row("create_room", "1s", "端っこ zone"), row("send", "5m 12s", "")];
        let drawn = draw(&COLUMNS, &rows, Screen { columns, paint: Paint::Plain });
        assert_eq!(drawn, expected);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_empty_ones_are_left_out() {
        let whole = "NAME            AGE  NOTE\ncreate_room      1s  端っこ zone\nsend         5m 12s\n";
        check(None, whole);
        check(Some(32), whole);
    }

    #[test]
    fn what_is_worth_least_is_cut_and_then_left_out() {
        check(Some(31), "NAME            AGE  NOTE\ncreate_room      1s  端っこ zo…\nsend         5m 12s\n");
        check(Some(26), "NAME            AGE  NOTE\ncreate_room      1s  端っ…\nsend         5m 12s\n");
        check(Some(25), "NAME            AGE\ncreate_room      1s\nsend         5m 12s\n");
        check(Some(18), "NAME\ncreate_room\nsend\n");
        check(Some(8), "NAME\ncreate_…\nsend\n");
        check(Some(1), "NAME\ncreat…\nsend\n");
    }

    #[test]
    fn colours_take_no_room() {
        let row = [Cell::new(Tone::Good, "live"), "x".to_owned().into(), Cell::default(), Cell::default()];
        let screen = Screen { columns: None, paint: Paint::Colours };
        let drawn = draw(&COLUMNS, &[row], screen);
        assert_eq!(drawn, "\u{1b}[1mNAME\u{1b}[0m  \u{1b}[1mAGE\u{1b}[0m\n\u{1b}[32mlive\u{1b}[0m    x\n");
    }
}
