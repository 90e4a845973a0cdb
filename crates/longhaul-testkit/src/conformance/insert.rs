//! Enqueueing.

use std::time::Duration;

use longhaul_core::{
    Inserted, Priority, Queue, RunId, State, Tag, admit,
    run::Due,
    store::{Filter, GetError, InsertError},
};

use super::{
    Scene,
    scene::{ids, proceed},
};
use crate::fixture::{completed, value};

pub async fn what_was_asked_can_be_read_back(mut scene: Scene) {
    let mut new = scene.new_run();
    new.queue = Queue::new("mail").expect("a name");
    new.priority = Priority(-3);
    new.tags = [Tag::new("order", "7").expect("a tag"), Tag::new("customer", "Zoë").expect("a tag")].into();
    new.policy = new.policy.from_the_start().crashes(5);
    new.timeout = Some(Duration::from_millis(1500));
    new.due = Some(Due::At(scene.now().after(Duration::from_secs(5))));
    new.execution_metadata = Some(value(77));
    let id = scene.insert(new.clone()).await;

    let snapshot = scene.get(id).await;
    let (run, first) = admit(scene.now(), &new);
    assert_eq!(snapshot.run, run);
    assert_eq!(snapshot.history.entries, [first]);
    assert_eq!(snapshot.metadata, new.metadata);
    assert_eq!(snapshot.initial, Some(value(77)));
    assert_eq!(snapshot.execution_metadata, Some(value(77)));
    assert_eq!(snapshot.ended, None);
}

pub async fn a_repeated_insert_is_a_duplicate_and_changes_nothing(mut scene: Scene) {
    let new = scene.new_run();
    let mut other = new.clone();
    other.metadata = value(99);
    let id = scene.insert(new.clone()).await;
    let duplicate = Ok(vec![Err(InsertError::Duplicate(id))]);
    assert_eq!(scene.store.insert(vec![other.clone()]).await, duplicate);
    assert_eq!(scene.get(id).await.metadata, new.metadata);

    let claimed = scene.claim_one().await;
    let running = scene.get(id).await;
    assert_eq!(scene.store.insert(vec![other.clone()]).await, duplicate);
    assert_eq!(scene.get(id).await, running);

    let done = scene.end(&claimed, completed(1)).await;
    assert_eq!(scene.store.insert(vec![other]).await, duplicate);
    assert_eq!(scene.get(id).await, done);
    assert_eq!(scene.claim(1).await, []);
}

pub async fn each_run_of_a_batch_is_kept_or_refused_by_itself(mut scene: Scene) {
    let [first, second, third] = [scene.new_run(), scene.new_run(), scene.new_run()];
    scene.insert(second.clone()).await;
    let answers = scene.store.insert(vec![first.clone(), second.clone(), third.clone(), third.clone()]).await;
    let duplicate = |id: RunId| Err(InsertError::Duplicate(id));
    assert_eq!(answers, Ok(vec![Ok(Inserted::New), duplicate(second.id), Ok(Inserted::New), duplicate(third.id)]));
    for new in [first, second, third] {
        assert_eq!(scene.get(new.id).await.metadata, new.metadata);
    }
}

pub async fn an_insert_of_nothing_is_answered(scene: Scene) {
    assert_eq!(scene.store.insert(vec![]).await, Ok(vec![]));
}

pub async fn many_runs_can_be_inserted_at_once(mut scene: Scene) {
    let batch: Vec<_> = (0..700).map(|_| scene.new_run()).collect();
    let answers = scene.store.insert(batch.clone()).await.expect("the store works");
    assert_eq!(answers, vec![Ok(Inserted::New); 700]);
    scene.crash().await;
    let claimed = scene.claim(1000).await;
    assert_eq!(ids(&claimed), batch.iter().map(|new| new.id).collect::<Vec<_>>());
    assert!(claimed.iter().zip(&batch).all(|(claimed, new)| claimed.metadata == new.metadata));
}

pub async fn inserts_made_at_once_are_all_kept(mut scene: Scene) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, new) = (scene.store.clone(), scene.new_run());
        calls.spawn(async move { store.insert(vec![new]).await });
    }
    assert!(calls.join_all().await.into_iter().all(|answer| answer == Ok(vec![Ok(Inserted::New)])));
    scene.crash().await;
    assert_eq!(scene.store.count(Filter::default()).await, Ok(100));
}

pub async fn a_wait_counts_from_when_the_store_took_the_run(mut scene: Scene) {
    let mut new = scene.new_run();
    new.due = Some(Due::After(Duration::from_secs(30)));
    scene.clock.advance(Duration::from_secs(100));
    let taken = scene.now();
    let id = scene.insert(new).await;
    assert_eq!(scene.get(id).await.run.state, State::Pending { due: taken.after(Duration::from_secs(30)) });
    assert_eq!(scene.get(id).await.run.created, taken);
}

pub async fn a_run_that_never_was_is_not_found(mut scene: Scene) {
    let id = scene.new_run().id;
    assert_eq!(scene.store.get(id).await, Err(GetError::NotFound(id)));
    assert_eq!(scene.store.changed(id, 0).await, Err(GetError::NotFound(id)));
    assert!(scene.store.proceed(proceed(id)).await.is_err());
}
