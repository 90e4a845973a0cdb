//! The names of spans, events and their fields are those of the table.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex},
};

use longhaul::{
    AnyError, AttemptEnd, Cancellation, EndKind, Failure, Lifecycle, Next, RetryPolicy, RunHandle, RunId, StateKind,
    Success, Suspended, TaskFn, layer_fn, run::Transition,
};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

use crate::kit::{Count, CountUp, GRACE, Gate, Scene, WORK, hear, reaches};

/// A span or an event: its fields, with the values of those that have one.
type Seen = (String, BTreeMap<String, Option<String>>);

/// Collects what longhaul tells.
#[derive(Clone, Default)]
struct Collecting(Arc<Mutex<Vec<Seen>>>);

struct Values<'a>(&'a mut BTreeMap<String, Option<String>>);

impl Visit for Values<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), Some(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), Some(value.into()));
    }
}

impl<S: Subscriber> Layer<S> for Collecting {
    fn on_new_span(&self, span: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let metadata = span.metadata();
        let mut fields = metadata.fields().iter().map(|field| (field.name().to_owned(), None)).collect();
        span.record(&mut Values(&mut fields));
        self.0.lock().unwrap().push((format!("span {}", metadata.name()), fields));
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Values(&mut fields));
        if let Some(Some(name)) = fields.remove("message").filter(|name| name.as_deref() == Some("run.settled")) {
            self.0.lock().unwrap().push((format!("event {name}"), fields));
        }
    }
}

/// The fields that the table gives to `name`, a span or an event.
fn in_the_table(page: &str, name: &str) -> BTreeSet<String> {
    let (what, name) = name.split_once(' ').unwrap();
    let row = page.lines().find(|line| line.contains(&format!("| {what} `{name}`")));
    let row = row.unwrap_or_else(|| panic!("{name} is not in the table"));
    let fields = row.trim_end_matches('|').rsplit(" | ").next().unwrap();
    fields.split('`').skip(1).step_by(2).map(Into::into).collect()
}

fn value<'a>(seen: &'a Seen, field: &str) -> Option<&'a str> {
    seen.1[field].as_deref()
}

#[tokio::test]
async fn spans_and_events_have_the_fields_of_the_table() {
    let collecting = Collecting::default();
    let _listening = hear(Registry::default().with(collecting.clone()));
    let scene = Scene::new();
    let server = scene
        .builder()
        .task(CountUp)
        .layer(layer_fn(|_, next: Next| {
            let around = tracing::Span::current();
            assert_eq!(around.metadata().unwrap().name(), "run.execute", "the span is around the layers");
            next.run()
        }))
        .service_fn("idle", |token| async move { token.cancelled().await })
        .start()
        .unwrap();
    server.spawn("work", |_| async {}).unwrap();
    let client = server.client();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced = client.enqueue::<CountUp>(Count { to: 1 }).trace(parent).queue("mail").await.unwrap();
    traced.outcome().await.unwrap();
    let plain = client.enqueue::<CountUp>(Count { to: 1 }).await.unwrap();
    plain.outcome().await.unwrap();
    let id = server.server_id().to_string();
    server.shutdown(GRACE).await;

    let seen = collecting.0.lock().unwrap().clone();
    for page in [include_str!("../../src/telemetry.rs"), include_str!("../../../../docs/guide/14-telemetry.md")] {
        for (name, fields) in &seen {
            let fields: BTreeSet<_> = fields.keys().cloned().collect();
            assert_eq!(fields, in_the_table(page, name), "{name}");
        }
        let told: BTreeSet<_> = seen.iter().map(|(name, _)| name.as_str()).collect();
        let all = ["event run.settled", "span background.run", "span run.execute", "span service.run"];
        assert_eq!(told.into_iter().collect::<Vec<_>>(), all);
        assert_eq!(page.matches("| span `").count() + page.matches("| event `").count(), all.len());
    }

    let of = |run: &RunHandle<CountUp>| {
        let id = run.id().to_string();
        let is_of = |seen: &&Seen| seen.0 == "span run.execute" && value(seen, "run.id") == Some(&id);
        seen.iter().find(is_of).expect("it was executed").clone()
    };
    let executed = of(&traced);
    let fields = ["run.kind", "run.queue", "run.attempt", "run.resumed", "trace.parent", "server"];
    let values = fields.map(|field| value(&executed, field).unwrap().to_owned());
    assert_eq!(values, ["count-up", "mail", "1", "false", parent, &id]);
    assert_eq!(value(&of(&plain), "trace.parent"), None);
}

/// Collects the warnings, with the runs that they are about.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<Warning>>>);

type Warning = (Option<String>, String);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == tracing::Level::WARN {
            let mut fields = BTreeMap::new();
            event.record(&mut Values(&mut fields));
            let mut message = fields.remove("message").flatten().unwrap_or_default();
            if let Some(attempt) = fields.remove("run.attempt").flatten() {
                message = format!("{message} (attempt {attempt})");
            }
            self.0.lock().unwrap().push((fields.remove("run.id").flatten(), message));
        }
    }
}

#[tokio::test]
async fn that_a_run_was_parked_or_failed_for_good_is_told_as_a_warning_with_what_to_do() {
    const AS_NUMBER: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("changed");
    const AS_TEXT: TaskFn<String, u64, u64, AnyError> = TaskFn::new("changed").version(2);
    let warnings = Warnings::default();
    let _hearing = hear(Registry::default().with(warnings.clone()));
    let scene = Scene::new();
    let parked = scene.client().enqueue_fn(AS_NUMBER, 7).await.unwrap();
    let fails = scene.client().enqueue_fn(WORK, 1).retry(RetryPolicy::never()).await.unwrap();
    let server = scene
        .builder()
        .task_fn(AS_TEXT, |_| async { Success::with_result(1).for_error() })
        .task_fn(WORK, |_| async { Failure::for_result().with_error(AnyError::msg("no route")) })
        .start()
        .unwrap();
    reaches(&parked, StateKind::Incompatible).await;
    fails.outcome().await.unwrap();
    server.shutdown(GRACE).await;
    let told = warnings.0.lock().unwrap().clone();
    let of = |id: RunId| {
        let of_run = told.iter().filter(|(run, _)| *run == Some(id.to_string()));
        of_run.map(|(_, message)| message.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        of(parked.id()),
        ["a run was parked as incompatible: it goes on when a server starts whose code reads its values"]
    );
    let failed = "a run failed for good: once the reason is mended, retry it by hand (attempt 1)";
    assert_eq!(of(fails.id()), [failed]);

    // The same code once more: it stays where it is, and that is told as well.
    let again = scene.builder().task_fn(AS_TEXT, |_| async { Success::with_result(1).for_error() }).start().unwrap();
    let other = again.client().enqueue_fn(AS_TEXT, "text".into()).await.unwrap();
    other.outcome().await.unwrap();
    again.shutdown(GRACE).await;
    let told = warnings.0.lock().unwrap().clone();
    let stay = "runs stay parked as incompatible: this code does not read them either; mend it and start again, or cancel them";
    assert_eq!(told.last().map(|(_, message)| message.as_str()), Some(stay));
}

#[tokio::test]
async fn that_a_run_is_executed_alone_after_crashes_is_told_as_a_warning() {
    let warnings = Warnings::default();
    let _hearing = hear(Registry::default().with(warnings.clone()));
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    for _ in 0..4 {
        let begun = Gate::default();
        let gate = begun.clone();
        let never_ends = move |_| {
            gate.open();
            std::future::pending()
        };
        let server = scene.builder().task_fn(WORK, never_ends).start().unwrap();
        begun.opened().await;
        scene.kill(server);
    }
    let id = run.id().to_string();
    let told = warnings.0.lock().unwrap().clone();
    let of_run = told.iter().filter(|(run, _)| *run == Some(id.clone())).map(|(_, message)| message.as_str());
    let starts = "a run starts that may have killed its process before: until it has saved something or ended, for 10 s \
                  at most, ";
    let starts: Vec<_> = of_run.filter_map(|message| message.strip_prefix(starts)).collect();
    let expected =
        ["no other such run starts on this server (attempt 3)", "nothing else starts on this server (attempt 4)"];
    assert_eq!(starts, expected);
}

#[tokio::test]
async fn a_warning_of_a_failure_names_the_execution_and_not_the_claim() {
    const AS_NUMBER: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("changed");
    const AS_TEXT: TaskFn<String, u64, u64, AnyError> = TaskFn::new("changed").version(2);
    let warnings = Warnings::default();
    let _hearing = hear(Registry::default().with(warnings.clone()));
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(AS_NUMBER, 7).retry(RetryPolicy::never()).await.unwrap();
    // The first claim is no attempt: the values could not be read.
    let reads_text = scene.builder().task_fn(AS_TEXT, |_| async { Success::with_result(1).for_error() });
    let server = reads_text.start().unwrap();
    reaches(&run, StateKind::Incompatible).await;
    server.shutdown(GRACE).await;
    let fails = |_| async { Failure::for_result().with_error(AnyError::msg("no route")) };
    let server = scene.builder().task_fn(AS_NUMBER, fails).start().unwrap();
    run.outcome().await.unwrap();
    server.shutdown(GRACE).await;
    let told = warnings.0.lock().unwrap().clone();
    let last = told.iter().rfind(|(id, _)| *id == Some(run.id().to_string())).unwrap();
    assert_eq!(last.1, "a run failed for good: once the reason is mended, retry it by hand (attempt 1)");
}

/// What was said of an end, by a layer or to a hook.
type ReportedEnd = (EndKind, Option<String>);

fn reported(end: &AttemptEnd) -> ReportedEnd {
    (end.kind(), end.message().map(Into::into))
}

#[tokio::test]
async fn a_layer_a_hook_telemetry_and_the_history_agree_about_an_end() {
    let collecting = Collecting::default();
    let _listening = hear(Registry::default().with(collecting.clone()));
    let (by_layer, by_hook) =
        (Arc::<Mutex<Vec<ReportedEnd>>>::default(), Arc::<Mutex<Vec<(ReportedEnd, StateKind)>>>::default());
    let (layer, hook) = (by_layer.clone(), by_hook.clone());
    let server = Scene::new()
        .builder()
        .task_fn(WORK, |ctx| async move {
            match *ctx.metadata() {
                1 => Success::with_result(7).for_error(),
                2 => Suspended::for_result().for_error(),
                3 => Failure::for_result().with_error(AnyError::msg("no paper")),
                4 => Failure::for_result().permanently().with_error(AnyError::msg("no printer")),
                _ => Cancellation::for_result().because("sold out").with_empty_error(),
            }
        })
        .layer(layer_fn(move |_, next: Next| {
            let layer = layer.clone();
            async move {
                let end = next.run().await;
                layer.lock().unwrap().push(reported(&end));
                end
            }
        }))
        .hook(move |event| {
            if let Lifecycle::AttemptEnded(ended) = event {
                hook.lock().unwrap().push((reported(&ended.end), ended.next));
            }
        })
        .start()
        .unwrap();
    let expected = [
        (EndKind::Completed, None, StateKind::Completed, Transition::Completed),
        (EndKind::Suspended, None, StateKind::Suspended, Transition::Suspended),
        (EndKind::Failed, Some("no paper"), StateKind::Retrying, Transition::Failed),
        (EndKind::Failed, Some("no printer"), StateKind::Failed, Transition::GaveUp),
        (EndKind::Cancelled, Some("sold out"), StateKind::Cancelled, Transition::Cancelled),
    ];
    for (n, (kind, message, next, transition)) in (1..).zip(expected) {
        let run = server.client().enqueue_fn(WORK, n).await.unwrap();
        let status = reaches(&run, next).await;
        let last = status.history().entries.last().unwrap();
        assert_eq!((last.what, last.why.as_deref()), (transition, message));
        let end = (kind, message.map(Into::into));
        assert_eq!(by_layer.lock().unwrap().pop(), Some(end.clone()));
        // The hook is told after the store has kept it, and others may see the state before.
        while by_hook.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(by_hook.lock().unwrap().pop(), Some((end, next)));
        let seen = collecting.0.lock().unwrap().pop().unwrap();
        let (name, state) = (seen.0.as_str(), value(&seen, "run.state"));
        assert_eq!((name, state), ("event run.settled", Some(next.as_str())));
    }
}
