//! Values as text with their parts named: a page colours them, a terminal prints them.

use serde_json::Value;

/// So many characters of a value are shown; the rest is there in the JSON.
const SHOWN_MAX: usize = 64 << 10;

/// What a part of a value is.
///
/// ```
/// use longhaul_inspect::render::Part;
///
/// assert_ne!(Part::Key, Part::Text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Brackets, commas, spaces and line ends.
    Layout,
    /// The name of a field, with its quotes.
    Key,
    /// A string, with its quotes.
    Text,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// A remark that a part was left out.
    Remark,
}

/// A value in lines, indented by two spaces, in parts. Large values are cut, and the last part says so.
///
/// ```
/// use longhaul_inspect::render::{Part, parts};
///
/// let parts = parts(&serde_json::json!({"table": "orders", "rows": 7}));
/// assert!(parts.contains(&(Part::Key, "\"rows\"".into())));
/// let text: String = parts.into_iter().map(|(_, text)| text).collect();
/// assert_eq!(text, "{\n  \"table\": \"orders\",\n  \"rows\": 7\n}");
/// ```
pub fn parts(value: &Value) -> Vec<(Part, String)> {
    let mut lines = Lines { parts: Vec::new(), shown: 0 };
    lines.value(value, 0);
    if lines.is_full() {
        lines.parts.push((Part::Remark, "\n… cut here: the rest is in the JSON".into()));
    }
    lines.parts
}

struct Lines {
    parts: Vec<(Part, String)>,
    shown: usize,
}

impl Lines {
    const fn is_full(&self) -> bool {
        self.shown >= SHOWN_MAX
    }

    fn put(&mut self, part: Part, text: &str) {
        if self.is_full() {
            return;
        }
        let room = SHOWN_MAX - self.shown;
        let text: String = text.chars().take(room).collect();
        self.shown += text.chars().count();
        match self.parts.last_mut() {
            Some((Part::Layout, last)) if part == Part::Layout => last.push_str(&text),
            _ => self.parts.push((part, text)),
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) => self.put(Part::Word, &value.to_string()),
            Value::Number(number) => self.put(Part::Number, &number.to_string()),
            Value::String(_) => self.put(Part::Text, &value.to_string()),
            Value::Array(items) => {
                self.group(['[', ']'], items, depth, |lines, item| lines.value(item, depth + 1));
            }
            Value::Object(fields) => self.group(['{', '}'], fields, depth, |lines, (key, value)| {
                lines.put(Part::Key, &Value::from(key.as_str()).to_string());
                lines.put(Part::Layout, ": ");
                lines.value(value, depth + 1);
            }),
        }
    }

    fn group<I: IntoIterator>(
        &mut self,
        [open, close]: [char; 2],
        items: I,
        depth: usize,
        mut put: impl FnMut(&mut Self, I::Item),
    ) {
        self.put(Part::Layout, &open.to_string());
        let mut any = false;
        for item in items {
            if self.is_full() {
                return;
            }
            let separator = if any { "," } else { "" };
            self.put(Part::Layout, &format!("{separator}\n{}", "  ".repeat(depth + 1)));
            put(self, item);
            any = true;
        }
        if any {
            self.put(Part::Layout, &format!("\n{}", "  ".repeat(depth)));
        }
        self.put(Part::Layout, &close.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_value_is_cut_and_says_so() {
        let value = Value::from(vec!["x".repeat(1000); 1000]);
        let parts = parts(&value);
        let text: usize = parts.iter().map(|(_, text)| text.chars().count()).sum();
        assert!(text < SHOWN_MAX + 100, "{text} characters are shown");
        assert_eq!(parts.last().map(|(part, _)| *part), Some(Part::Remark));
    }

    #[test]
    fn empty_groups_stay_on_their_line() {
        let text: String = parts(&serde_json::json!({"a": [], "b": {}})).into_iter().map(|(_, text)| text).collect();
        assert_eq!(text, "{\n  \"a\": [],\n  \"b\": {}\n}");
    }
}
