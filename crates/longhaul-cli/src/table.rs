//! Columns that fit.

use std::fmt::Write;

use crate::escape;

/// A column is never made narrower than this.
const NARROW: usize = 6;

/// How a cell is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Red,
    Green,
    Yellow,
    Faint,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Faint => "2",
        }
    }

    pub(crate) fn paint(self, text: &str) -> String {
        format!("\x1b[{}m{text}\x1b[0m", self.code())
    }

    /// Of a state.
    pub(crate) fn of_state(state: &str) -> Option<Self> {
        Some(match state {
            "failed" | "incompatible" => Self::Red,
            "running" | "completed" => Self::Green,
            "suspended" | "retrying" => Self::Yellow,
            "cancelled" => Self::Faint,
            _ => return None,
        })
    }
}

/// A table with a line of headings. Where the width does not suffice, the widest columns are cut.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<(String, Option<Colour>)>>,
}

impl Table {
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) -> &mut Self {
        let cells = cells.map(|cell| (escape::line(&cell).into_owned(), None));
        self.rows.push(cells.into());
        self
    }

    /// Colours a cell of the last row.
    pub(crate) fn colour(&mut self, column: usize, colour: Option<Colour>) {
        if let Some(row) = self.rows.last_mut() {
            row[column].1 = colour;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// `width`: how many characters a line may have; `None`: any number.
    pub(crate) fn render(&self, width: Option<usize>, is_coloured: bool) -> String {
        let widths = self.widths(width);
        let mut text = String::new();
        let heading = self.headings.iter().map(|heading| ((*heading).to_owned(), None)).collect();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            let mut gap = 0;
            for ((cell, colour), width) in row.iter().zip(&widths) {
                let cell = cut(cell, *width);
                let length = cell.chars().count();
                let _ = write!(line, "{:gap$}", "");
                match colour {
                    Some(colour) if is_coloured => line.push_str(&colour.paint(&cell)),
                    _ => line.push_str(&cell),
                }
                gap = width - length + 2;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self, width: Option<usize>) -> Vec<usize> {
        let of_column = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].0.chars().count());
            cells.max().unwrap_or(0).max(self.headings[column].len())
        };
        let mut widths: Vec<usize> = (0..self.headings.len()).map(of_column).collect();
        let Some(width) = width else { return widths };
        let gaps = 2 * (widths.len() - 1);
        // The widest column gives way first. The first one names its row, and is never cut.
        while widths.iter().sum::<usize>() + gaps > width {
            match widths.iter_mut().skip(1).max_by_key(|width| **width) {
                Some(widest) if *widest > NARROW => *widest -= 1,
                _ => break,
            }
        }
        widths
    }
}

/// At most so many characters, with a sign that some are missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_column_gives_way_until_the_line_fits() {
        let mut table = Table::new(&["ID", "KIND", "TEXT"]);
        table.row(["1".into(), "export".into(), "x".repeat(100)]);
        table.row(["2".into(), "y".repeat(50), "short".into()]);
        let text = table.render(Some(40), false);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains('…'), "{text}");
        assert!(table.render(None, false).contains(&"x".repeat(100)));
    }
}
