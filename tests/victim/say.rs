//! Facts on standard output, a line each.

use std::io::Write;

/// One `write` a line: a process that is killed leaves whole lines, or nothing.
pub(crate) fn line(mut text: String) {
    text.push('\n');
    // The one who reads may be gone; then nobody checks.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

macro_rules! say {
    ($($format:tt)*) => { crate::say::line(format!($($format)*)) };
}

pub(crate) use say;
