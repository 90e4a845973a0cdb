//! What happens to runs without an attempt that could say so is logged by the store, as a warning.

mod common;

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use longhaul_testkit::conformance::{check, deadline, isolation};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// The warnings of this process. Stores log on threads of their own, so there is one listener for all.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        told().push(message.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn told() -> MutexGuard<'static, Vec<String>> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

const FAILED: &str = "a run failed for good: once the reason is mended, retry it by hand";

/// How many warnings begin like this.
fn count(start: &str) -> usize {
    told().iter().filter(|message| message.starts_with(start)).count()
}

#[test]
fn a_run_that_fails_without_an_attempt_is_told_as_a_warning() {
    tracing::subscriber::set_global_default(Listener).expect("nobody else listens");
    check(common::embedded, isolation::the_guilty_run_is_quarantined_and_the_innocent_go_on);
    assert_eq!(count(FAILED), 1);
    let deaths = "processes died while a run was executing that had saved nothing; ";
    assert_eq!(count(&format!("{deaths}its next attempt is its last try")), 1);
    assert!(count(&format!("{deaths}it is a suspect")) > 1, "{:?}", told());

    told().clear();
    check(common::embedded, deadline::a_suspension_fails_at_its_deadline_and_not_before);
    assert_eq!(count(FAILED), 1, "{:?}", told());
}
