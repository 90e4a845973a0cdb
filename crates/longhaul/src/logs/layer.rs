//! Hears what is told within an attempt.

use std::{fmt, sync::Arc};

use longhaul_core::{Epoch, LogLevel, RunId};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{RunLogs, buffer::Buffer, text::Text};
use crate::telemetry::EXECUTE;

/// Hears the events that are told within attempts: a layer for `tracing_subscriber`'s registry. Made by
/// [`RunLogs::layer`].
///
/// ```
/// use longhaul::{RunLogLayer, RunLogs};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let layer: RunLogLayer = RunLogs::new().layer();
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// ```
#[derive(Debug, Clone)]
pub struct RunLogLayer(RunLogs);

/// What a span inside of an attempt says of itself.
struct MessageText(String);

impl RunLogLayer {
    pub(super) fn new(logs: RunLogs) -> Self {
        Self(logs)
    }

    fn text(&self, record: impl FnOnce(&mut dyn Visit)) -> String {
        let mut text = Text::new(self.0.redact.as_ref());
        record(&mut text);
        text.finish()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RunLogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let metadata = attributes.metadata();
        if metadata.name() == EXECUTE && metadata.target().starts_with("longhaul::") {
            let mut named = Named::default();
            attributes.record(&mut named);
            if let Named { run: Some(run), attempt: Some(attempt) } = named
                && let Some(buffer) = self.0.buffer(run, attempt)
            {
                span.extensions_mut().insert(buffer);
            }
        } else if span.scope().skip(1).any(|parent| buffer_of(&parent).is_some()) {
            let text = self.text(|visitor| attributes.record(visitor));
            span.extensions_mut().insert(MessageText(text));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(MessageText(said)) = extensions.get_mut::<MessageText>() {
            let more = self.text(|visitor| values.record(visitor));
            *said = if said.is_empty() { more } else { format!("{said} {more}") };
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > self.0.level {
            return;
        }
        let Some(scope) = context.event_scope(event) else { return };
        let mut text = String::new();
        for span in scope {
            if let Some(buffer) = buffer_of(&span) {
                text += &self.text(|visitor| event.record(visitor));
                return buffer.push(level(*metadata.level()), metadata.target(), &text);
            }
            let extensions = span.extensions();
            let said = extensions.get::<MessageText>().map_or("", |said| &said.0);
            let inner = text;
            text = if said.is_empty() {
                format!("{}: {inner}", span.name())
            } else {
                format!("{}{{{said}}}: {inner}", span.name())
            };
        }
    }
}

fn buffer_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Arc<Buffer>> {
    span.extensions().get::<Arc<Buffer>>().cloned()
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Which attempt a span is of.
#[derive(Default)]
struct Named {
    run: Option<RunId>,
    attempt: Option<Epoch>,
}

impl Visit for Named {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "run.attempt" {
            self.attempt = u32::try_from(value).ok().map(Epoch);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "run.id" {
            self.run = format!("{value:?}").parse().ok();
        }
    }
}
