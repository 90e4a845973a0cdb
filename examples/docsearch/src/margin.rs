//! Standard error as a terminal that leaves its cursor where a `^C` does no harm.

use std::io;

use console::Term;
use indicatif::TermLike;

/// A terminal writes `^C` where its cursor stands. indicatif leaves that behind the last column, from where the `^C`
/// would come on a new line, and the bar be wiped away one line too low. So many columns are kept free instead.
const MARGIN: u16 = 4;

/// Where the bar is drawn.
#[derive(Debug)]
pub(crate) struct Margin(Term);

impl Margin {
    pub(crate) fn of_stderr() -> Self {
        Self(Term::stderr())
    }

    /// How many columns of the last line may be filled.
    pub(crate) fn columns(&self) -> u16 {
        self.width().saturating_sub(MARGIN)
    }
}

impl TermLike for Margin {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    /// Comes after each drawing; also after each wiping, when the cursor is in the first column and stays there.
    fn flush(&self) -> io::Result<()> {
        self.0.move_cursor_left(MARGIN.into())?;
        self.0.flush()
    }
}
