//! Where a command writes, and whom it asks.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::table::{Colour, Table};

/// Where a command writes, and whom it asks. [`Terminal::of_process`] is the usual one; tests hand in buffers.
///
/// ```
/// use longhaul_cli::Terminal;
///
/// let terminal = Terminal::of_process();
/// # let _ = terminal;
/// ```
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Characters of a line; `None`: the output is no terminal.
    width: Option<usize>,
    is_coloured: bool,
    /// Whether somebody can answer a question.
    is_interactive: bool,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { width, is_coloured, is_interactive, .. } = self;
        f.debug_struct("Terminal")
            .field("width", width)
            .field("is_coloured", is_coloured)
            .field("is_interactive", is_interactive)
            .finish_non_exhaustive()
    }
}

impl Terminal {
    /// Standard input, output and error. Colours are used on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    pub fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0).max(40));
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            width: is_terminal.then_some(width),
            is_coloured: is_terminal && !is_set("NO_COLOR") && !is_dumb,
            is_interactive: is_terminal && io::stdin().is_terminal(),
        }
    }

    /// Writes into something else, without colours; `width` in characters is that of a terminal. Questions are answered
    /// from `input`, if there is one.
    pub fn into_writers(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        width: Option<usize>,
        input: Option<&str>,
    ) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            is_interactive: input.is_some(),
            input: Box::new(io::Cursor::new(input.unwrap_or_default().to_owned())),
            width,
            is_coloured: false,
        }
    }

    /// A line of the answer. The caller has escaped it.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// For what is written as it stands.
    #[cfg(feature = "sled")]
    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }

    /// A line beside the answer.
    pub(crate) fn remark(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.err, "{line}")
    }

    /// What can be done next: for people, so not in a pipe.
    pub(crate) fn hint(&mut self, command: &str) -> io::Result<()> {
        if self.width.is_none() {
            return Ok(());
        }
        let line = format!("\nNext: {command}");
        let line = if self.is_coloured { Colour::Faint.paint(&line) } else { line };
        self.remark(&line)
    }

    pub(crate) fn table(&mut self, table: &Table) -> io::Result<()> {
        let text = table.render(self.width, self.is_coloured);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// A table that is as wide as it is.
    pub(crate) fn wide_table(&mut self, table: &Table) -> io::Result<()> {
        let text = table.render(None, self.is_coloured);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    pub(crate) fn paint(&self, text: &str, colour: Option<Colour>) -> String {
        match colour {
            Some(colour) if self.is_coloured => colour.paint(text),
            _ => text.to_owned(),
        }
    }

    /// Whether somebody looks at a terminal, and can press a key.
    #[cfg(feature = "top")]
    pub(crate) const fn is_interactive(&self) -> bool {
        self.is_interactive && self.width.is_some()
    }

    /// Colours a text as this terminal has colours.
    #[cfg(feature = "top")]
    pub(crate) fn painter(&self) -> impl Fn(&str, Option<Colour>) -> String + use<> {
        let is_coloured = self.is_coloured;
        move |text, colour| match colour {
            Some(colour) if is_coloured => colour.paint(text),
            _ => text.to_owned(),
        }
    }

    /// Whether the answer is yes; `None`: there is nobody to ask.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<Option<bool>> {
        if !self.is_interactive {
            return Ok(None);
        }
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(Some(matches!(answer.trim(), "y" | "Y" | "yes")))
    }

    /// Everything on the input.
    pub(crate) fn read_all(&mut self) -> io::Result<String> {
        let mut text = String::new();
        io::Read::read_to_string(&mut self.input, &mut text)?;
        Ok(text)
    }
}
