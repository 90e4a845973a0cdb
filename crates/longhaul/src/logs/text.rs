//! What an event says, as one line of text.

use std::{fmt, sync::Arc};

use longhaul_core::limits::LOG_TEXT_MAX;
use tracing::field::{Field, Visit};

/// Says what to keep in place of a field's value.
#[derive(Clone)]
pub(super) struct Redact(pub(super) Arc<Replace>);

type Replace = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

/// `message name=value …`, in at most so many bytes as a line keeps.
#[derive(Default)]
pub(super) struct Text<'a> {
    redact: Option<&'a Redact>,
    message: String,
    fields: String,
}

impl<'a> Text<'a> {
    pub(super) fn new(redact: Option<&'a Redact>) -> Self {
        Self { redact, message: String::new(), fields: String::new() }
    }

    /// The message, and then the fields.
    pub(super) fn finish(self) -> String {
        let Self { message, fields, .. } = self;
        match (message.is_empty(), fields.is_empty()) {
            (_, true) => message,
            (true, false) => fields,
            (false, false) => format!("{message} {fields}"),
        }
    }

    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // The log crate's events come with fields of their own, which are no part of what was said.
        if field.name().starts_with("log.") {
            return;
        }
        let mut text = Bounded(String::new());
        // An error means that it is full.
        let _ = fmt::write(&mut text, value);
        let text = self.redact.and_then(|redact| (redact.0)(field.name(), &text.0)).unwrap_or(text.0);
        if field.name() == "message" {
            self.message = text;
        } else if self.fields.len() < LOG_TEXT_MAX {
            let gap = if self.fields.is_empty() { "" } else { " " };
            self.fields.extend([gap, field.name(), "=", &text]);
        }
    }
}

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.put(field, format_args!("{value}"));
        } else {
            self.put(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

/// A value of any length is told in bounded memory.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LOG_TEXT_MAX - self.0.len();
        self.0.push_str(longhaul_core::limits::cut(text, room));
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}
