//! Batches: runs that are added by a program, and one that begins when they are done.

use std::time::Duration;

use longhaul::{
    AnyError, Batch, ChildRefused, Client, Context, EnqueueError, ExecutionResult, Failure, InsertError, Longhaul,
    RetryFrom, RunId, RunOutcome, StateKind, Success, TITLE_TAG, Task, TaskFn, store_api::Explanation,
};

use crate::kit::{Scene, happened};

/// A line of a file; 0 is refused the first time.
struct Line(std::sync::atomic::AtomicBool);

impl Task for Line {
    const NAME: &'static str = "line";
    type Metadata = u64;
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, ()>) -> ExecutionResult<u64, AnyError> {
        let refuse = *ctx.metadata() == 0 && !self.0.swap(true, std::sync::atomic::Ordering::AcqRel);
        if refuse {
            return Failure::for_result().permanently().with_error(AnyError::msg("an empty line"));
        }
        Success::with_result(*ctx.metadata()).for_error()
    }
}

/// Says how many lines there were, how many failed, and what the others add up to, which it reads in pages.
struct Report;

impl Task for Report {
    const NAME: &'static str = "report";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = (u64, u64, u64);
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<(u64, u64, u64), AnyError> {
        let counts = ctx.members().counts().await?;
        let (lines, mut sum, mut next) = (ctx.members().find::<Line>().state(StateKind::Completed), 0, None);
        loop {
            let page = lines.page(next, 2).await?;
            for found in &page.runs {
                sum += found.status.outcome_now()?.and_then(RunOutcome::completed).unwrap_or(0);
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        if ctx.metadata() == "refused" && counts.failed == 0 {
            return Failure::for_result().permanently().with_error(AnyError::msg("the printer is out of paper"));
        }
        Success::with_result((counts.total, counts.failed, sum)).for_error()
    }
}

fn server(scene: &Scene) -> Longhaul {
    scene.builder().concurrency(2).task(Line(false.into())).task(Report).start().unwrap()
}

async fn batch(client: &Client, name: &str) -> Batch<Report> {
    client.batch(name, client.enqueue::<Report>(name.into())).await.unwrap()
}

async fn all_ended(batch: &Batch<Report>) {
    for line in batch.members().find::<Line>().all().await.unwrap() {
        line.run.outcome().await.unwrap();
    }
}

fn lines(of: impl IntoIterator<Item = u64>) -> impl Iterator<Item = (String, u64)> {
    of.into_iter().map(|line| (format!("line {line}"), line))
}

#[tokio::test]
async fn a_callback_begins_once_the_batch_is_closed_and_reads_what_came_of_its_members() {
    let scene = Scene::new();
    let server = server(&scene);
    let batch = batch(&server.client(), "import 7").await;
    batch.add_all::<Line>(lines(0..=4)).await.unwrap();
    all_ended(&batch).await;
    assert_eq!(batch.run().status().await.unwrap().state(), StateKind::Suspended, "more may be added");
    batch.add::<Line>("line 5", 5).priority(1).await.unwrap();
    let report = batch.close().await.unwrap();
    assert_eq!(report.outcome().await.unwrap(), RunOutcome::Completed((6, 1, 15)));
    assert_eq!(happened(&report.status().await.unwrap()), ["enqueued", "proceeded", "claimed", "completed"]);
    assert_eq!(batch.progress().await.unwrap().to_string(), "6 of 6, 1 failed");
    let fourth = batch.members().get::<Line>("line 4").await.unwrap().expect("it was added");
    assert_eq!(fourth.outcome_now().unwrap(), Some(RunOutcome::Completed(4)));
    assert!(batch.members().get::<Line>("line 9").await.unwrap().is_none());
    batch.close().await.expect("twice is once");
}

#[tokio::test]
async fn a_program_that_was_killed_while_it_added_members_does_it_all_again() {
    let scene = Scene::new();
    let make = async |upto: u64| {
        let batch = batch(&scene.client(), "import 7").await;
        batch.add_all::<Line>(lines(1..=upto)).await.map(|()| batch)
    };
    let half = make(1500).await.unwrap();
    let whole = make(2500).await.unwrap();
    assert_eq!(whole.id(), half.id());
    whole.close().await.unwrap();
    let again = make(2500).await.expect("all of them are there");
    again.close().await.expect("it is closed");
    assert_eq!(again.progress().await.unwrap().total, 2500);
    let closed = EnqueueError::Refused(InsertError::Child(ChildRefused::Closed { parent: half.id() }));
    assert_eq!(make(2501).await.unwrap_err(), closed);
    assert_eq!(scene.client().select().count().await, Ok(2501));
    // Also when it is done.
    let server = server(&scene);
    let report = server.client().run::<Report>(half.id());
    assert_eq!(report.outcome().await.unwrap(), RunOutcome::Completed((2500, 0, 2500 * 2501 / 2)));
    assert_eq!(make(2500).await.expect("its name is taken for a while").id(), half.id());
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    scene.clock.advance(month);
    assert!(scene.client().find_batch::<Report>("import 7").await.unwrap().is_none());
    assert_ne!(batch(&scene.client(), "import 7").await.id(), half.id());
}

#[tokio::test]
async fn a_callback_that_waits_for_success_waits_for_a_retry() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    let batch = client.batch("b", client.enqueue::<Report>("b".into())).once_all_completed().await.unwrap();
    batch.add_all::<Line>(lines(0..=2)).await.unwrap();
    let report = batch.close().await.unwrap();
    all_ended(&batch).await;
    let why = report.explain().await.unwrap();
    assert_eq!(why.to_string(), "it is suspended until all runs of its batch completed");
    assert!(matches!(why, Explanation::AwaitsRuns { .. }));
    assert_eq!(batch.retry_failed(RetryFrom::TheStart).await.unwrap().done, 1);
    assert_eq!(report.outcome().await.unwrap(), RunOutcome::Completed((3, 0, 3)));
}

#[tokio::test]
async fn a_callback_that_waits_for_a_failure_begins_before_the_others_ended() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    let batch = client.batch("b", client.enqueue::<Report>("b".into())).once_any_failed().await.unwrap();
    batch.add_all::<Line>(lines([0, 1])).await.unwrap();
    batch.add::<Line>("later", 2).after(Duration::from_secs(60)).await.unwrap();
    let report = batch.close().await.unwrap();
    assert_eq!(report.outcome().await.unwrap().completed().map(|(total, failed, _)| (total, failed)), Some((3, 1)));
    assert_eq!(batch.progress().await.unwrap().open(), 1);
}

#[tokio::test]
async fn a_cancelled_batch_cancels_its_members_and_never_calls_back() {
    let scene = Scene::new();
    let batch = batch(&scene.client(), "import 7").await;
    batch.add_all::<Line>(lines(1..=3)).await.unwrap();
    batch.cancel().because("the wrong file").await.unwrap();
    assert_eq!(batch.progress().await.unwrap().to_string(), "3 of 3, 3 cancelled");
    let RunOutcome::Cancelled { reason, .. } = batch.run().outcome().await.unwrap() else { panic!("it is not") };
    assert_eq!(reason.as_deref(), Some("the wrong file"));
    let late = batch.add::<Line>("late", 1).await.unwrap_err();
    assert!(matches!(late, EnqueueError::Refused(InsertError::Child(ChildRefused::Final { .. }))), "{late}");
}

#[tokio::test]
async fn a_callback_that_is_retried_by_hand_has_the_members_of_the_first() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    let batch = batch(&client, "refused").await;
    batch.add_all::<Line>(lines(0..=2)).await.unwrap();
    all_ended(&batch).await;
    assert_eq!(batch.retry_failed(RetryFrom::TheStart).await.unwrap().done, 1);
    let report = batch.close().await.unwrap();
    assert!(matches!(report.outcome().await.unwrap(), RunOutcome::Failed { .. }), "no line has failed");
    // A line that fails makes the second try succeed.
    let again = report.retry(RetryFrom::TheStart).await.unwrap();
    assert!(matches!(again.outcome().await.unwrap(), RunOutcome::Failed { .. }));
    let found = client.find_batch::<Report>("refused").await.unwrap().expect("its name is taken");
    assert_eq!((found.id(), found.progress().await.unwrap().total), (again.id(), 3));
}

#[tokio::test]
async fn a_callback_is_any_run_with_a_title_and_what_it_cannot_have_is_refused() {
    const REPORT: TaskFn<u8, (), u64> = TaskFn::new("report-fn");
    let scene = Scene::new();
    let client = scene.client();
    let callback = client.enqueue_fn(REPORT, 7).queue("reports").tag("customer", 7);
    let batch = client.batch("import 7", callback).await.unwrap();
    let run = scene.snapshot(batch.id()).await.run;
    assert_eq!((run.queue.as_str(), run.state.kind()), ("reports", StateKind::Suspended));
    let title = run.tags.iter().find(|tag| &*tag.key == TITLE_TAG).expect("it has one");
    assert_eq!(&*title.value, "import 7");
    let titled = client.enqueue_fn(REPORT, 7).tag(TITLE_TAG, "the import");
    let run = scene.snapshot(client.batch("titled", titled).await.unwrap().id()).await.run;
    assert_eq!(run.tags.iter().filter(|tag| &*tag.key == TITLE_TAG).count(), 1);
    let other: RunId = batch.id();
    for callback in [client.enqueue_fn(REPORT, 7).unique("x"), client.enqueue_fn(REPORT, 7).after_runs([other])] {
        let refused = client.batch("b", callback).await.unwrap_err();
        assert!(matches!(&refused, EnqueueError::Callback { batch, .. } if batch == "b"), "{refused}");
    }
}

#[tokio::test]
async fn members_may_be_of_several_kinds_and_have_children() {
    const FOLDER: TaskFn<(), (), u64, AnyError> = TaskFn::new("folder");
    struct Folder;
    impl Task for Folder {
        const NAME: &'static str = "folder";
        type Metadata = ();
        type ExecutionMetadata = ();
        type Output = u64;
        type Error = AnyError;

        async fn execute(&self, ctx: &Context<(), ()>) -> ExecutionResult<u64, AnyError> {
            ctx.enqueue_child::<Line>("inner", 7).await?;
            match ctx.children().await?.open() {
                0 => Success::with_result(ctx.children().await?.total).for_error(),
                _ => longhaul::Suspended::for_result().on_all_children().for_error(),
            }
        }
    }
    let scene = Scene::new();
    let builder = scene.builder().concurrency(1).task(Line(false.into())).task(Report).task(Folder);
    let server = builder.start().unwrap();
    let batch = batch(&server.client(), "mixed").await;
    batch.add::<Line>("line", 1).await.unwrap();
    let folder = batch.add::<Folder>("folder", ()).await.unwrap();
    let report = batch.close().await.unwrap();
    assert_eq!(report.outcome().await.unwrap(), RunOutcome::Completed((2, 0, 1)), "`inner` is no member");
    assert_eq!(server.client().run_fn(FOLDER, folder.id()).outcome().await.unwrap(), RunOutcome::Completed(1));
}
