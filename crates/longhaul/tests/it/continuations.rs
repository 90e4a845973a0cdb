//! Continuations: what follows a run, whose metadata comes from how that run ended.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use longhaul::{
    AnyError, Builder, Context, Continuation, EnqueueError, ExecutionResult, Failure, Followed, OutcomeError,
    RunHandle, RunId, RunOutcome, StateKind, Success, Suspended, Task, TaskFn, store_api::Explanation,
    testing::Interruptions,
};

use crate::kit::{Scene, reaches};

/// Its result is its metadata; 0 fails.
struct Order;

impl Task for Order {
    const NAME: &'static str = "order";
    type Metadata = u64;
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, ()>) -> ExecutionResult<u64, AnyError> {
        match *ctx.metadata() {
            0 => Failure::for_result().permanently().with_error(AnyError::msg("sold out")),
            amount => Success::with_result(amount).for_error(),
        }
    }
}

struct Invoice;

impl Task for Invoice {
    const NAME: &'static str = "invoice";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = usize;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<usize, AnyError> {
        Success::with_result(ctx.metadata().len()).for_error()
    }
}

const INVOICE: Continuation<Order, Invoice> = Continuation::new("order/invoice");
const AGAIN: Continuation<Invoice, Order> = Continuation::new("invoice/order").queue("follow-ups");

fn with_mappings(builder: Builder) -> Builder {
    builder
        .then(INVOICE, |asked, outcome| match outcome {
            RunOutcome::Completed(amount) => Some(format!("{asked} asked, {amount} sold")),
            RunOutcome::Failed { error: Some(error), .. } => Some(format!("{asked}: {error}")),
            RunOutcome::Failed { .. } | RunOutcome::Cancelled { .. } => None,
        })
        .then(AGAIN, |_, outcome| outcome.completed().map(|length| length as u64))
}

fn builder(scene: &Scene) -> Builder {
    with_mappings(scene.builder().concurrency(1).task(Order).task(Invoice))
}

/// The run that follows, once it is there.
async fn following(scene: &Scene, order: &RunHandle<Order>) -> RunHandle<Invoice> {
    let mut changed = scene.client().ended(longhaul::EndedCursor::START);
    loop {
        match scene.client().run::<Order>(order.id()).followed_by(INVOICE).await.unwrap() {
            Followed::Run(run) => return run,
            Followed::Nothing { why } => panic!("nothing follows: {why:?}"),
            Followed::Waits => _ = changed.next().await.unwrap(),
        }
    }
}

#[tokio::test]
async fn what_follows_a_run_is_made_from_what_it_was_asked_and_how_it_ended() {
    let scene = Scene::new();
    let server = builder(&scene).start().unwrap();
    for (amount, expected) in [(7, "7 asked, 7 sold"), (0, "0: sold out")] {
        let order = server.client().enqueue::<Order>(amount).then(INVOICE).await.unwrap();
        let invoice = following(&scene, &order).await;
        assert_eq!(invoice.status().await.unwrap().metadata().unwrap(), expected);
        let again = scene.client().run::<Invoice>(invoice.id());
        assert_eq!(again.outcome().await.unwrap(), RunOutcome::Completed(expected.len()));
    }
    assert_eq!(server.client().find::<Invoice>().count().await, Ok(2));
}

#[tokio::test]
async fn nothing_follows_if_the_mapping_says_so() {
    let scene = Scene::new();
    let order = scene.client().enqueue::<Order>(7).then(INVOICE).await.unwrap();
    assert!(matches!(order.followed_by(INVOICE).await, Ok(Followed::Waits)));
    order.cancel().await.unwrap();
    let server = builder(&scene).start().unwrap();
    let mapped = server.client().select().kind("order/invoice").unwrap().page(None, 9).await.unwrap().runs;
    let outcome = server.client().run_fn(FOLLOW, mapped[0].run.id).outcome().await.unwrap();
    assert_eq!(outcome, RunOutcome::Completed(None));
    assert!(matches!(order.followed_by(INVOICE).await, Ok(Followed::Nothing { why: None })));
    assert_eq!(server.client().find::<Invoice>().count().await, Ok(0));
}

/// Only to wait for its end.
const FOLLOW: TaskFn<(), (), Option<RunId>> = TaskFn::new("order/invoice");

#[tokio::test]
async fn a_server_without_the_mapping_leaves_the_continuation_to_one_that_has_it() {
    let scene = Scene::new();
    let server = scene.builder().task(Order).task(Invoice).start().unwrap();
    let order = server.client().enqueue::<Order>(7).then(INVOICE).await.unwrap();
    order.outcome().await.unwrap();
    assert!(matches!(order.followed_by(INVOICE).await, Ok(Followed::Waits)));
    let mapped = server.client().select().kind("order/invoice").unwrap().page(None, 9).await.unwrap().runs;
    assert_eq!(mapped[0].run.state.kind(), StateKind::Pending);
    let why = scene.client().run_fn(FOLLOW, mapped[0].run.id).explain().await.unwrap();
    assert!(matches!(why, Explanation::NoServerForKind(_)), "{why:?}");
    let other = scene.another();
    let server = with_mappings(other.builder()).start().unwrap();
    following(&scene, &server.client().run::<Order>(order.id())).await;
}

#[tokio::test]
async fn a_chain_goes_on_and_two_may_follow_one() {
    const MAIL: Continuation<Order, Order> = Continuation::new("order/mail");
    let scene = Scene::new();
    let server = builder(&scene).then(MAIL, |asked, _| Some(asked * 100)).start().unwrap();
    let client = server.client();
    let chain = INVOICE.then(AGAIN).then(INVOICE);
    let order = client.enqueue::<Order>(7).priority(1).then(chain).then(MAIL).await.unwrap();
    let invoice = following(&scene, &order).await;
    let length = "7 asked, 7 sold".len() as u64;
    let mut ended = scene.client().ended(longhaul::EndedCursor::START);
    let second = loop {
        match scene.client().run::<Invoice>(invoice.id()).followed_by(AGAIN).await.unwrap() {
            Followed::Run(run) => break run,
            _ => _ = ended.next().await.unwrap(),
        }
    };
    let last = following(&scene, &second).await;
    let expected = format!("{length} asked, {length} sold");
    assert_eq!(last.status().await.unwrap().metadata().unwrap(), expected);
    let mapped = client.select().kind("invoice/order").unwrap().page(None, 9).await.unwrap().runs;
    assert_eq!(mapped[0].run.queue.as_str(), "follow-ups");
    while order.followed_by(MAIL).await.unwrap().run().is_none() {
        ended.next().await.unwrap();
    }
    assert!(matches!(last.followed_by(AGAIN).await, Err(OutcomeError::NotFound(_))), "the chain is at its end");
}

#[tokio::test]
async fn a_name_is_one_continuation_of_a_run() {
    let scene = Scene::new();
    let client = scene.client();
    let enqueue = || client.enqueue::<Order>(7).unique("order 7").then(INVOICE);
    let first = enqueue().await.unwrap();
    assert_eq!(enqueue().await.unwrap().id(), first.id());
    first.then(INVOICE).await.unwrap();
    assert_eq!(client.select().count().await, Ok(2));
    // As if the process had died between the two.
    let alone = client.enqueue::<Order>(8).unique("order 8").await.unwrap();
    client.enqueue::<Order>(8).unique("order 8").then(INVOICE).await.unwrap();
    assert!(matches!(alone.followed_by(INVOICE).await, Ok(Followed::Waits)));
    let server = builder(&scene).start().unwrap();
    for order in [first, alone] {
        following(&scene, &order).await;
    }
    assert_eq!(server.client().find::<Invoice>().count().await, Ok(2));
    // After its end it follows at once.
    let late = server.client().enqueue::<Order>(9).await.unwrap();
    late.outcome().await.unwrap();
    late.then(INVOICE).await.unwrap();
    following(&scene, &late).await;
}

#[tokio::test]
async fn one_that_goes_on_too_early_waits_again_and_one_without_its_run_ends() {
    let scene = Scene::new();
    let order = scene.client().enqueue::<Order>(7).after(std::time::Duration::from_secs(60)).then(INVOICE);
    let order = order.await.unwrap();
    let server = builder(&scene).start().unwrap();
    let mapped = server.client().select().kind("order/invoice").unwrap();
    let id = mapped.page(None, 9).await.unwrap().runs[0].run.id;
    assert_eq!(mapped.proceed().await.unwrap().done, 1);
    let follower = server.client().run_fn(FOLLOW, id);
    let again = crate::kit::until(&follower, |status| status.attempts() == 1 && status.state() == StateKind::Suspended);
    assert!(again.await.run().awaits.is_some(), "for the order");
    order.delete().await.unwrap();
    let status = reaches(&follower, StateKind::Cancelled).await;
    let why = format!("{}, which it was to follow, is not there", order.id());
    assert_eq!(status.cancel_reason(), Some(&*why));
    assert!(matches!(order.followed_by(INVOICE).await, Ok(Followed::Nothing { why: Some(told) }) if told == why));
}

#[tokio::test]
async fn a_child_and_a_member_of_a_batch_are_followed_too() {
    const PARENT: TaskFn<(), (), u64> = TaskFn::new("parent");
    let scene = Scene::new();
    let builder = builder(&scene).task_fn(PARENT, |ctx: Context<(), ()>| async move {
        ctx.enqueue_child::<Order>("a", 7).then(INVOICE).await?;
        match ctx.children().await?.open() {
            0 => Success::with_result(ctx.children().await?.total).for_error(),
            _ => Suspended::for_result().on_all_children().for_error(),
        }
    });
    let server = builder.start().unwrap();
    let client = server.client();
    let parent = client.enqueue_fn(PARENT, ()).await.unwrap();
    assert_eq!(parent.outcome().await.unwrap(), RunOutcome::Completed(1), "what follows is no child of the parent");
    let child = client.find::<Order>().children_of(parent.id()).all().await.unwrap().remove(0).run;
    following(&scene, &child).await;
    let batch = client.batch("b", client.enqueue_fn(PARENT, ())).await.unwrap();
    let member: Result<RunHandle<Order>, EnqueueError> = batch.add::<Order>("m", 8).then(INVOICE).await;
    following(&scene, &member.unwrap()).await;
}

/// Counts how often it is executed.
struct Counted(Arc<AtomicUsize>);

impl Task for Counted {
    const NAME: &'static str = "counted";
    type Metadata = u64;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, _: &Context<u64, ()>) -> ExecutionResult<(), AnyError> {
        self.0.fetch_add(1, Ordering::AcqRel);
        Success::with_empty_result().for_error()
    }
}

struct Parent;

impl Task for Parent {
    const NAME: &'static str = "parent";
    type Metadata = ();
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), ()>) -> ExecutionResult<u64, AnyError> {
        for name in ["a", "b"] {
            ctx.enqueue_child::<Order>(name, 7).then(COUNTED).await?;
        }
        match ctx.children().await?.open() {
            0 => Success::with_result(ctx.children().await?.total).for_error(),
            _ => Suspended::for_result().on_all_children().for_error(),
        }
    }
}

const COUNTED: Continuation<Order, Counted> = Continuation::new("order/counted");

#[tokio::test]
async fn a_parent_that_is_broken_off_anywhere_has_each_child_followed_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let played = Interruptions::fresh(|| Parent).child(Order).child(Counted(count.clone()));
    let report = played.then(COUNTED, |_, outcome| outcome.completed()).check(()).await;
    assert!(report.interruptions > 8, "also between a child and its continuation: {report:?}");
    assert_eq!(count.load(Ordering::Acquire), 2 * (report.interruptions + 1));
}
