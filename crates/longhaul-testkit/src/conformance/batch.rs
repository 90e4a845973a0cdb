//! Batches: runs whose members are added from outside, and which begin when those are done.

use longhaul_core::{
    Actor, Batch, CallbackWhen, ChildRefused, Constraints, Explanation, Inserted, NewRun, RunId, StateKind,
    store::{Claimed, InsertError, Retried, Retry, RetryFrom, RunUpdate, UpdateError, prelude::*},
};

use super::{
    Scene,
    family::{child_of, parent_of},
    scene::ids,
};
use crate::fixture::completed;

impl Scene {
    async fn batch(&mut self, callback: CallbackWhen) -> RunId {
        let constraints = Constraints { batch: Some(callback.into()), ..Constraints::default() };
        let new = NewRun { constraints: Some(constraints.into()), ..self.new_run() };
        self.insert(new).await
    }

    fn new_member(&mut self, of: RunId, name: &str) -> NewRun {
        child_of(self.new_run(), parent_of(of, None, name))
    }

    async fn members(&mut self, of: RunId, names: &[&str]) -> Vec<RunId> {
        let new: Vec<NewRun> = names.iter().map(|name| self.new_member(of, name)).collect();
        let ids = new.iter().map(|new| new.id).collect();
        let answers = self.store.insert(new).await.expect("the store works");
        assert!(answers.iter().all(|answer| *answer == Ok(Inserted::New)), "{answers:?}");
        ids
    }

    async fn close_batch(&self, id: RunId) -> Result<StateKind, UpdateError> {
        self.store.update(id, RunUpdate::CloseBatch, Actor::UNKNOWN).await
    }

    async fn claim_members(&mut self, count: usize) -> Vec<Claimed> {
        let claimed = self.claim(count + 9).await;
        assert_eq!(claimed.len(), count);
        claimed
    }
}

pub async fn a_batch_that_is_open_waits_although_its_members_are_final(mut scene: Scene) {
    let id = scene.batch(CallbackWhen::AllFinal).await;
    assert_eq!(ids(&scene.claim(9).await), [], "it has no members yet");
    scene.members(id, &["a", "b"]).await;
    for one in scene.claim_members(2).await {
        scene.end(&one, completed(7)).await;
    }
    scene.crash().await;
    assert_eq!(scene.state(id).await, StateKind::Suspended);
    let why = scene.store.explain(id).await.expect("it is there");
    assert!(matches!(why, Explanation::AwaitsRuns { .. }), "{why:?}");
    assert_eq!(why.to_string(), "it is suspended until its batch is closed, and all runs of its batch are final");
    assert_eq!(scene.close_batch(id).await, Ok(StateKind::Suspended));
    assert_eq!(ids(&scene.claim(9).await), [id], "nothing else has to happen");
}

pub async fn a_batch_that_is_closed_begins_once_when_its_members_are_final(mut scene: Scene) {
    let id = scene.batch(CallbackWhen::AllFinal).await;
    scene.members(id, &["a", "b"]).await;
    scene.close_batch(id).await.expect("it is open");
    assert!(matches!(scene.close_batch(id).await, Err(UpdateError::Refused { .. })), "once");
    let mut members = scene.claim_members(2).await;
    scene.gives_up(&members.remove(0)).await;
    scene.crash().await;
    assert_eq!(scene.state(id).await, StateKind::Suspended);
    let last = scene.claim_one().await;
    scene.end(&last, completed(7)).await;
    assert_eq!(ids(&scene.claim(9).await), [id]);
    assert!(matches!(scene.close_batch(id).await, Err(UpdateError::Refused { .. })));
}

pub async fn a_batch_that_is_closed_takes_no_more_members(mut scene: Scene) {
    let id = scene.batch(CallbackWhen::AllFinal).await;
    let there = scene.new_member(id, "a");
    scene.insert(there.clone()).await;
    let late = scene.new_member(id, "late");
    scene.close_batch(id).await.expect("it is open");
    let member = scene.claim_one().await;
    let refused = || Err(InsertError::Child(ChildRefused::Closed { parent: id }));
    for _ in 0..2 {
        let answers = scene.store.insert(vec![there.clone(), late.clone()]).await;
        assert_eq!(answers, Ok(vec![Err(InsertError::Duplicate(there.id)), refused()]));
        // The same while the callback is executed.
        if scene.state(id).await == StateKind::Suspended {
            scene.end(&member, completed(7)).await;
            assert_eq!(scene.claim_one().await.run.id, id);
        }
    }
}

pub async fn a_batch_without_a_member_begins_when_it_is_closed(mut scene: Scene) {
    let id = scene.batch(CallbackWhen::AllCompleted).await;
    scene.close_batch(id).await.expect("it is open");
    scene.crash().await;
    assert_eq!(ids(&scene.claim(9).await), [id]);
}

pub async fn the_callback_of_a_batch_begins_when_it_says(mut scene: Scene) {
    let completed_ones = scene.batch(CallbackWhen::AllCompleted).await;
    let failed_one = scene.batch(CallbackWhen::AnyFailed).await;
    for id in [completed_ones, failed_one] {
        scene.members(id, &["a", "b"]).await;
        scene.close_batch(id).await.expect("it is open");
    }
    let mut failed = Vec::new();
    let mut open = Vec::new();
    for member in scene.claim_members(4).await {
        let of = member.run.parent().expect("a member").id;
        if failed.iter().all(|(there, _)| *there != of) {
            scene.gives_up(&member).await;
            failed.push((of, member.run.id));
        } else {
            open.push(member);
        }
    }
    assert_eq!(ids(&scene.claim(9).await), [failed_one]);
    for member in &open {
        scene.end(member, completed(7)).await;
    }
    assert_eq!(scene.state(completed_ones).await, StateKind::Suspended, "one has failed");
    let id = failed.iter().find(|(of, _)| *of == completed_ones).expect("one of it failed").1;
    let successor = scene.new_run().id;
    let retry = Retry { id, successor, from: RetryFrom::Checkpoint, by: Actor::UNKNOWN };
    assert_eq!(scene.store.retry(retry).await, Ok(Retried::New), "although the batch is closed");
    let again = scene.claim_one().await;
    scene.end(&again, completed(7)).await;
    assert_eq!(ids(&scene.claim(9).await), [completed_ones]);
}

pub async fn a_retry_of_a_callback_begins_at_once_and_knows_its_batch(mut scene: Scene) {
    let id = scene.batch(CallbackWhen::AllFinal).await;
    scene.close_batch(id).await.expect("it is open");
    let mut failed = id;
    for _ in 0..2 {
        let callback = scene.claim_one().await;
        assert_eq!(callback.run.id, failed);
        scene.gives_up(&callback).await;
        let successor = scene.new_run().id;
        let retry = Retry { id: failed, successor, from: RetryFrom::TheStart, by: Actor::UNKNOWN };
        assert_eq!(scene.store.retry(retry).await, Ok(Retried::New));
        let batch = scene.get(successor).await.run.constraints().batch;
        assert_eq!(batch, Some(Batch { callback: CallbackWhen::AllFinal, of: Some(id) }));
        failed = successor;
    }
}
