//! Making a run apart from keeping it.

use std::sync::Arc;

use longhaul::{
    Client, Codec, Context, EnqueueError, Enqueued, RunOutcome, Store, Success, Task, TaskOptions, testing,
};

use crate::kit::{Count, CountUp, SECOND, Scene, WORK};

#[tokio::test]
async fn a_prepared_run_is_kept_by_whoever_hands_it_to_a_store_and_by_nobody_before() {
    let scene = Scene::new();
    let client = scene.client();
    let prepared = client.enqueue::<CountUp>(Count { to: 3 }).tag("order", 7).prepare().unwrap();
    assert_eq!(client.select().count().await.unwrap(), 0);

    let mut answers = client.store().insert(vec![prepared.new_run().clone()]).await.unwrap();
    let enqueued = prepared.enqueued(&client, answers.remove(0).unwrap());
    assert!(enqueued.is_new());
    let run = enqueued.run();
    assert_eq!(run.id(), prepared.id());
    let _server = scene.builder().task(CountUp).start().unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(3));

    // The same run once more: its id is there.
    assert!(matches!(prepared.send(&client).await, Err(EnqueueError::Refused(_))));
}

#[tokio::test]
async fn sending_is_preparing_and_inserting() {
    let client = Client::new(Arc::new(testing::memory_store()));
    let builder = || client.enqueue::<CountUp>(Count { to: 3 }).queue("bulk").priority(3).after(SECOND).unique("a");
    let sent = builder().send().await.unwrap().run();
    let prepared = builder().prepare().unwrap();
    let (there, new) = (sent.status().await.unwrap(), prepared.new_run());
    let there = there.run();
    assert_eq!(
        (&there.queue, there.priority, there.constraints()),
        (&new.queue, new.priority, &**new.constraints.as_ref().unwrap())
    );
    let second = prepared.send(&client).await.unwrap();
    assert!(matches!(second, Enqueued::Existing { run, .. } if run.id() == sent.id()));
}

#[tokio::test]
async fn what_is_refused_without_a_store_is_refused_by_prepare() {
    let refused = longhaul::new_run::<CountUp>(Count { to: 3 }).queue("two words").prepare().unwrap_err();
    assert!(matches!(refused, EnqueueError::Name(_)));
    let refused = longhaul::new_run::<CountUp>(Count { to: 3 }).trace("t".repeat(129)).prepare().unwrap_err();
    assert_eq!(refused, EnqueueError::TraceTooLong(129));
}

struct AsText;

impl Task for AsText {
    const NAME: &'static str = "as-text";
    type Metadata = u64;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = longhaul::AnyError;

    async fn execute(&self, _: &Context<u64, ()>) -> longhaul::ExecutionResult<(), longhaul::AnyError> {
        Success::with_empty_result().for_error()
    }

    fn options() -> TaskOptions {
        TaskOptions::default().codec(Codec::Json).queue("text")
    }
}

#[tokio::test]
async fn a_run_prepared_without_a_client_has_the_codec_that_its_task_names_and_the_name_that_the_builder_gives() {
    let prepared = longhaul::new_run::<AsText>(7).acting_as("ann").prepare().unwrap();
    let new = prepared.new_run();
    assert_eq!((new.metadata.codec(), new.metadata.body(), new.queue.as_str()), (Codec::Json, &b"7"[..], "text"));
    let of_function = longhaul::new_run_fn(WORK, 7).prepare().unwrap();
    assert_eq!(of_function.new_run().metadata.codec(), Codec::Bincode);

    let store: Arc<dyn Store> = Arc::new(testing::memory_store());
    let run = prepared.send(&Client::new(store)).await.unwrap().run();
    let history = run.status().await.unwrap().history().lines().map(|line| line.to_string()).collect::<Vec<_>>();
    assert_eq!(history, ["enqueued by ann"]);
}

#[test]
fn runs_prepared_without_a_client_have_ids_in_the_order_of_their_making() {
    let ids: Vec<_> = (0..100).map(|to| longhaul::new_run::<CountUp>(Count { to }).prepare().unwrap().id()).collect();
    assert!(ids.is_sorted());
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
}
