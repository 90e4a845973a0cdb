//! Children: what a task enqueues under a name, waits for without a slot, and reads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul::{
    AnyError, ChildCounts, ChildRefused, Context, EnqueueError, ExecutionResult, Failure, InsertError, Longhaul,
    OnCancel, RetryFrom, RetryRunError, RunId, RunOutcome, StateKind, Success, Suspended, TaskFn,
    limits::CHILD_DEPTH_MAX, store_api::Explanation, testing::Interruptions,
};

use crate::kit::{Gate, Scene, happened, reaches, until};

/// One page of a document, which may be unreadable once.
struct Page;

impl longhaul::Task for Page {
    const NAME: &'static str = "page";
    type Metadata = u64;
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, ()>) -> ExecutionResult<u64, AnyError> {
        match *ctx.metadata() {
            0 => Failure::for_result().permanently().with_error(AnyError::msg("an empty page")),
            page => Success::with_result(page * 10).for_error(),
        }
    }
}

/// Reads all pages, one child each, and adds up what they gave.
type Document = TaskFn<Vec<u64>, (), u64, AnyError>;
const DOCUMENT: Document = TaskFn::new("document");

async fn document(ctx: &Context<Vec<u64>, ()>) -> ExecutionResult<u64, AnyError> {
    let pages = ctx.metadata().iter().enumerate().map(|(nth, page)| (format!("page {nth}"), *page));
    ctx.enqueue_children::<Page>(pages).await?;
    if ctx.children().await?.open() > 0 {
        return Suspended::for_result().on_all_children().for_error();
    }
    let mut sum = 0;
    for nth in 0..ctx.metadata().len() {
        let page = ctx.child::<Page>(&format!("page {nth}")).await?.expect("it was enqueued");
        sum += page.outcome_now()?.expect("it is final").completed().unwrap_or(1);
    }
    Success::with_result(sum).for_error()
}

fn server(scene: &Scene, concurrency: usize) -> Longhaul {
    let builder = scene.builder().concurrency(concurrency).task(Page);
    builder.task_fn(DOCUMENT, |ctx| async move { document(&ctx).await }).start().unwrap()
}

#[tokio::test]
async fn a_parent_that_waits_with_one_slot_leaves_it_to_its_children_and_is_woken_once() {
    let scene = Scene::new();
    let server = server(&scene, 1);
    let pages: Vec<u64> = (1..=300).collect();
    let run = server.client().enqueue_fn(DOCUMENT, pages).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(300 * 301 / 2 * 10));
    let status = run.status().await.unwrap();
    assert_eq!(happened(&status), ["enqueued", "claimed", "suspended", "proceeded", "claimed", "completed"]);
    let counts = run.children().await.unwrap();
    assert_eq!((counts.total, counts.completed, counts.ends), (300, 300, 300));
}

#[tokio::test]
async fn a_parent_reads_how_its_children_ended_whatever_their_end() {
    let scene = Scene::new();
    let server = server(&scene, 4);
    let run = server.client().enqueue_fn(DOCUMENT, vec![1, 0, 3]).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(10 + 1 + 30));
    assert_eq!(run.children().await.unwrap().to_string(), "3 of 3, 1 failed");
    let children = server.client().find::<Page>().children_of(run.id()).all().await.unwrap();
    assert_eq!(children.len(), 3);
}

#[tokio::test]
async fn a_parent_that_is_killed_between_two_children_enqueues_none_twice() {
    let scene = Scene::new();
    let gate = Gate::default();
    let attempts = Arc::new(AtomicUsize::new(0));
    let (wait, count) = (gate.clone(), attempts.clone());
    let builder = scene.builder().task(Page).task_fn(DOCUMENT, move |ctx: Context<Vec<u64>, ()>| {
        let (wait, count) = (wait.clone(), count.clone());
        async move {
            ctx.enqueue_child::<Page>("page 0", ctx.metadata()[0]).await?;
            if count.fetch_add(1, Ordering::AcqRel) == 0 {
                wait.open();
                std::future::pending::<()>().await;
            }
            document(&ctx).await
        }
    });
    let server = builder.start().unwrap();
    let run = server.client().enqueue_fn(DOCUMENT, vec![1, 2]).await.unwrap();
    gate.opened().await;
    scene.kill(server);
    let server = self::server(&scene, 4);
    let run = server.client().run_fn(DOCUMENT, run.id());
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(30));
    assert_eq!(run.children().await.unwrap().total, 2);
    assert_eq!(server.client().find::<Page>().all().await.unwrap().len(), 2);
}

/// Fails the first time.
struct Once(AtomicUsize);

impl longhaul::Task for Once {
    const NAME: &'static str = "once";
    type Metadata = ();
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, _: &Context<(), ()>) -> ExecutionResult<u64, AnyError> {
        match self.0.fetch_add(1, Ordering::AcqRel) {
            0 => Failure::for_result().permanently().with_error(AnyError::msg("the first time")),
            _ => Success::with_result(7).for_error(),
        }
    }
}

#[tokio::test]
async fn a_child_that_failed_is_retried_under_its_name() {
    const PARENT: TaskFn<(), (), String, AnyError> = TaskFn::new("parent");
    let scene = Scene::new();
    let builder = scene.builder().task(Once(AtomicUsize::new(0)));
    let server = builder.task_fn(PARENT, |ctx: Context<(), ()>| async move {
        ctx.enqueue_child::<Once>("it", ()).await?;
        if ctx.children().await?.failed > 0 {
            let unknown = ctx.retry_child("another", RetryFrom::Checkpoint).await.unwrap_err();
            assert!(matches!(unknown, RetryRunError::NotFound(_)), "{unknown}");
            let nameless = ctx.retry_child("", RetryFrom::Checkpoint).await.unwrap_err();
            assert!(matches!(nameless, RetryRunError::Name(_)), "{nameless}");
            ctx.retry_child("it", RetryFrom::Checkpoint).await?;
        }
        if ctx.children().await?.open() > 0 {
            return Suspended::for_result().on_all_children().for_error();
        }
        let child = ctx.child::<Once>("it").await?.expect("it was enqueued");
        Success::with_result(format!("{:?} of {}", child.outcome_now()?, ctx.children().await?)).for_error()
    });
    let server = server.start().unwrap();
    let run = server.client().enqueue_fn(PARENT, ()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed().as_deref(), Some("Some(Completed(7)) of 1 of 1"));
}

#[tokio::test]
async fn a_parent_takes_each_child_as_it_ends() {
    const COLLECT: TaskFn<u64, Vec<u64>, Vec<u64>, AnyError> = TaskFn::new("collect");
    let scene = Scene::new();
    let server = scene.builder().task(Page).task_fn(COLLECT, |ctx: Context<u64, Vec<u64>>| async move {
        let pages = (1..=*ctx.metadata()).map(|page| (page.to_string(), page));
        ctx.enqueue_children::<Page>(pages).await?;
        let seen = ctx.children().await?;
        for page in 1..=*ctx.metadata() {
            let child = ctx.child::<Page>(&page.to_string()).await?.expect("it was enqueued");
            if let Some(outcome) = child.outcome_now()? {
                let value = outcome.completed().expect("no page is empty");
                ctx.update(|taken| {
                    if !taken.contains(&value) {
                        taken.push(value);
                    }
                });
            }
        }
        if ctx.read(Vec::len) < *ctx.metadata() as usize {
            return Suspended::for_result().on_any_child(seen).for_error();
        }
        let mut taken = ctx.read(Clone::clone);
        taken.sort_unstable();
        Success::with_result(taken).for_error()
    });
    let server = server.start().unwrap();
    let run = server.client().enqueue_fn(COLLECT, 3).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(vec![10, 20, 30]));
}

#[tokio::test]
async fn a_parent_that_waits_says_for_what_and_fails_at_its_deadline() {
    const PATIENT: TaskFn<(), (), (), AnyError> = TaskFn::new("patient");
    let hour = Duration::from_secs(3600);
    let scene = Scene::new();
    // Nobody executes pages.
    let server = scene.builder().task_fn(PATIENT, move |ctx: Context<(), ()>| async move {
        ctx.enqueue_child::<Page>("1", 1).await?;
        Suspended::for_result().on_all_children().or_fail_after(hour).for_error()
    });
    let server = server.start().unwrap();
    let run = server.client().enqueue_fn(PATIENT, ()).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    let why = run.explain().await.unwrap();
    assert!(matches!(&why, Explanation::AwaitsRuns { .. }), "{why}");
    assert!(why.to_string().starts_with("it is suspended until all of its children are final until "), "{why}");
    scene.clock.advance(hour);
    reaches(&run, StateKind::Failed).await;
}

#[tokio::test]
async fn a_cancel_goes_down_to_children_that_run_and_to_those_that_wait() {
    const CHILD: TaskFn<u64, (), (), AnyError> = TaskFn::new("page");
    let (scene, gate) = (Scene::new(), Gate::default());
    let begun = gate.clone();
    let server = scene.builder().concurrency(2).task_fn(CHILD, move |ctx: Context<u64, ()>| {
        begun.open();
        async move {
            ctx.until_stopped(std::future::pending::<()>()).await?;
            unreachable!("what is pending never ends")
        }
    });
    let server = server.task_fn(DOCUMENT, |ctx| async move { document(&ctx).await }).start().unwrap();
    let run = server.client().enqueue_fn(DOCUMENT, (0..50).collect()).await.unwrap();
    gate.opened().await;
    reaches(&run, StateKind::Suspended).await;
    run.cancel().because("not needed").await.unwrap();
    let mut status = run.children().await.unwrap();
    for child in server.client().find_fn(CHILD).all().await.unwrap() {
        until(&child.run, |status| status.state().is_final()).await;
        status = run.children().await.unwrap();
    }
    assert_eq!(status, ChildCounts { total: 50, cancelled: 50, ends: 50, ..ChildCounts::default() });
}

#[tokio::test]
async fn a_run_may_wait_for_its_children_before_it_is_cancelled() {
    let scene = Scene::new();
    let server = server(&scene, 1);
    // Held back, so that the cancel comes first.
    let client = server.client();
    client.queue("default").unwrap().pause().await.unwrap();
    let run = client.enqueue_fn(DOCUMENT, vec![1, 2]).on_cancel(OnCancel::Wait).queue("parents").await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    run.cancel().await.unwrap();
    assert_eq!(run.status().await.unwrap().state(), StateKind::Suspended);
    client.queue("default").unwrap().resume().await.unwrap();
    let RunOutcome::Cancelled { .. } = run.outcome().await.unwrap() else { panic!("it was cancelled") };
    assert_eq!(run.children().await.unwrap().completed, 2);
}

/// Enqueues itself as its own child, as long as it may.
struct Deeper;

impl longhaul::Task for Deeper {
    const NAME: &'static str = "deeper";
    type Metadata = u8;
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u8, ()>) -> ExecutionResult<String, AnyError> {
        match ctx.enqueue_child::<Deeper>("deeper", ctx.metadata() + 1).await {
            Ok(_) => {}
            Err(EnqueueError::Refused(InsertError::Child(ChildRefused::TooDeep { .. }))) => {
                return Success::with_result(format!("at {}", ctx.metadata())).for_error();
            }
            Err(other) => return Failure::for_result().with_error(AnyError::msg(other.to_string())),
        }
        match ctx.child::<Deeper>("deeper").await?.expect("it was enqueued").outcome_now()? {
            Some(outcome) => Success::with_result(outcome.completed().expect("it completes")).for_error(),
            None => Suspended::for_result().on_all_children().for_error(),
        }
    }
}

#[tokio::test]
async fn a_tree_has_a_depth_that_it_does_not_exceed() {
    let scene = Scene::new();
    let server = scene.builder().task(Deeper).start().unwrap();
    let run = server.client().enqueue::<Deeper>(0).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(format!("at {CHILD_DEPTH_MAX}")));
}

#[tokio::test]
async fn a_run_waits_for_runs_of_others_by_their_ids() {
    const LATER: TaskFn<RunId, (), (), AnyError> = TaskFn::new("later");
    let scene = Scene::new();
    let server = scene.builder().task(Page).task_fn(LATER, |ctx: Context<RunId, ()>| async move {
        match ctx.attempt().number {
            1 => Suspended::for_result().on_runs([*ctx.metadata()]).for_error(),
            _ => Success::with_empty_result().for_error(),
        }
    });
    let server = server.start().unwrap();
    let client = server.client();
    let page = client.enqueue::<Page>(1).after(Duration::from_secs(60)).await.unwrap();
    let later = client.enqueue_fn(LATER, page.id()).await.unwrap();
    reaches(&later, StateKind::Suspended).await;
    assert_eq!(later.explain().await.unwrap().to_string(), format!("it is suspended until {} is final", page.id()));
    scene.clock.advance(Duration::from_secs(60));
    assert!(later.outcome().await.unwrap().completed().is_some());
}

#[tokio::test]
async fn a_run_that_comes_after_others_begins_when_they_are_final_and_reads_what_they_gave() {
    let scene = Scene::new();
    let server = server(&scene, 4);
    let client = server.client();
    let hour = Duration::from_secs(3600);
    let first = client.enqueue::<Page>(1).after(hour).await.unwrap();
    let second = client.enqueue::<Page>(2).after_runs([first.id()]).await.unwrap();
    let third = client.enqueue::<Page>(3).after_success_of([first.id(), second.id()]).await.unwrap();
    assert_eq!(second.explain().await.unwrap().to_string(), format!("it is suspended until {} is final", first.id()));
    scene.clock.advance(hour);
    assert_eq!(third.outcome().await.unwrap(), RunOutcome::Completed(30));
    assert!(first.status().await.unwrap().state().is_final() && second.status().await.unwrap().state().is_final());

    let bad = client.enqueue::<Page>(0).await.unwrap();
    let never = client.enqueue::<Page>(5).after_success_of([bad.id()]).await.unwrap();
    let RunOutcome::Cancelled { reason, .. } = never.outcome().await.unwrap() else { panic!("it began") };
    assert_eq!(reason, Some(format!("{}, which it was to come after, is failed", bad.id())));
    let all = (0..65).map(|n| RunId::from_bytes([n; 16]));
    let refused = client.enqueue::<Page>(5).after_runs(all).await.unwrap_err();
    assert_eq!(refused, EnqueueError::TooManyAwaited(65));
}

/// Two children, one after the other.
struct Chain;

impl longhaul::Task for Chain {
    const NAME: &'static str = "chain";
    type Metadata = u64;
    type ExecutionMetadata = Vec<u64>;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, Vec<u64>>) -> ExecutionResult<u64, AnyError> {
        for (nth, name) in ["first", "second"].into_iter().enumerate() {
            if ctx.read(Vec::len) > nth {
                continue;
            }
            let page = ctx.read(|got| got.last().copied()).unwrap_or(*ctx.metadata());
            ctx.enqueue_child::<Page>(name, page).await?;
            let Some(outcome) = ctx.child::<Page>(name).await?.expect("it was enqueued").outcome_now()? else {
                return Suspended::for_result().on_all_children().for_error();
            };
            ctx.update(|got| got.push(outcome.completed().expect("no page is empty")));
            ctx.checkpoint().await?;
        }
        Success::with_result(ctx.read(|got| got.iter().sum())).for_error()
    }
}

#[tokio::test]
async fn a_parent_comes_to_the_same_end_wherever_it_is_broken_off() {
    let report = Interruptions::fresh(|| Chain).child(Page).check(1).await;
    assert!(report.interruptions > 8, "{report:?}");
}

#[tokio::test]
#[should_panic(expected = "hand the tasks of its children to `Interruptions::child`")]
async fn a_parent_whose_children_nobody_plays_is_told_so() {
    Interruptions::fresh(|| Chain).check(1).await;
}

/// A tree of runs: each has as many children as it is deep, and counts the leaves below it.
struct Branch {
    begun: tokio::sync::watch::Sender<usize>,
}

impl longhaul::Task for Branch {
    const NAME: &'static str = "branch";
    type Metadata = u64; // levels below it
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, ()>) -> ExecutionResult<u64, AnyError> {
        self.begun.send_modify(|begun| *begun += 1);
        let below = *ctx.metadata();
        if below == 0 {
            return Success::with_result(1).for_error();
        }
        let names = (0..4).map(|nth| (nth.to_string(), below - 1));
        ctx.enqueue_children::<Branch>(names).await?;
        if ctx.children().await?.open() > 0 {
            return Suspended::for_result().on_all_children().for_error();
        }
        let mut leaves = 0;
        for nth in 0..4 {
            let child = ctx.child::<Branch>(&nth.to_string()).await?.expect("it was enqueued");
            leaves += child.outcome_now()?.expect("it is final").completed().expect("it completes");
        }
        Success::with_result(leaves).for_error()
    }
}

#[tokio::test]
async fn a_tree_of_runs_that_is_killed_again_and_again_has_each_run_once_and_loses_none() {
    let scene = Scene::new();
    let mut id = None;
    for kill_after in (0..12).map(|round| Some(1 + (round * 37) % 23)).chain([None]) {
        let begun = tokio::sync::watch::Sender::new(0);
        let mut count = begun.subscribe();
        let server = scene.builder().concurrency(4).task(Branch { begun }).start().unwrap();
        let client = server.client();
        let run = match id {
            Some(id) => client.run::<Branch>(id),
            None => client.enqueue::<Branch>(4).await.unwrap(),
        };
        id = Some(run.id());
        if let Some(kill_after) = kill_after {
            tokio::select! {
                killed = count.wait_for(|begun| *begun >= kill_after) => drop(killed),
                outcome = run.outcome() => drop(outcome),
            }
            scene.kill(server);
            continue;
        }
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(256));
        let found = client.find::<Branch>().all().await.unwrap();
        assert_eq!(found.len(), 1 + 4 + 16 + 64 + 256);
        for found in found {
            let history = happened(&found.status);
            assert_eq!(history.iter().filter(|what| *what == "completed").count(), 1, "{history:?}");
            // Woken no more often than it waited.
            let times = |word: &str| history.iter().filter(|what| *what == word).count();
            assert!(times("proceeded") <= times("suspended"), "{history:?}");
        }
    }
}
