//! Children, and runs that wait for others.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    After, AwaitedRuns, ChildCounts, ChildRefused, Constraints, Ended, Ending, Epoch, Explanation, Inserted, Key,
    NewRun, Parent, Retention, RunId, StateKind, Waiting,
    limits::{CHILD_DEPTH_MAX, PAGE_MAX},
    store::{
        Claimed, Filter, InsertError, PageRequest, Proceed, Proceeded, Retried, Retry, RetryFrom,
        copy::{CopyItem, CopyStore as _},
        prelude::*,
    },
};

use super::{
    Scene,
    copy::all,
    scene::{ids, proceed, settlement},
};
use crate::{
    MemoryStore,
    fixture::{completed, value},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) fn awaits(runs: AwaitedRuns) -> Ending {
    Ending::Awaits { signals: Vec::new(), runs: Some(runs), until: None, deadline: None }
}

fn named(open: &[RunId]) -> AwaitedRuns {
    AwaitedRuns::Runs { open: open.into(), any: false }
}

fn counts(total: u64, completed: u64, failed: u64) -> ChildCounts {
    ChildCounts { total, completed, failed, cancelled: 0, ends: completed + failed }
}

pub(super) fn parent_of(parent: RunId, epoch: Option<Epoch>, name: &str) -> Parent {
    Parent { id: parent, epoch, name: Key::new(name).expect("a name"), depth: 1 }
}

pub(super) fn child_of(new: NewRun, parent: Parent) -> NewRun {
    let id = parent.child_id();
    let before = new.constraints().clone();
    NewRun { id, constraints: Some(Arc::new(Constraints { parent: Some(parent), ..before })), ..new }
}

impl Scene {
    /// What the attempt would enqueue as a child of this name.
    pub(super) fn new_child(&mut self, of: &Claimed, name: &str) -> NewRun {
        child_of(self.new_run(), parent_of(of.run.id, Some(of.run.epoch), name))
    }

    pub(super) async fn children(&mut self, of: &Claimed, names: &[&str]) -> Vec<RunId> {
        let new: Vec<NewRun> = names.iter().map(|name| self.new_child(of, name)).collect();
        let ids = new.iter().map(|new| new.id).collect();
        let answers = self.store.insert(new).await.expect("the store works");
        assert!(answers.iter().all(|answer| *answer == Ok(Inserted::New)), "{answers:?}");
        ids
    }

    /// A run with children that are claimed, suspended for what `runs` says of them.
    async fn parent(&mut self, names: &[&str], runs: impl FnOnce(&[RunId]) -> AwaitedRuns) -> (RunId, Vec<Claimed>) {
        let parent = self.running().await;
        let children = self.children(&parent, names).await;
        let claimed = self.claim(names.len()).await;
        assert_eq!(claimed.len(), names.len());
        self.end(&parent, awaits(runs(&children))).await;
        let mut claimed = claimed;
        claimed.sort_by_key(|one| children.iter().position(|id| *id == one.run.id));
        (parent.run.id, claimed)
    }

    pub(super) async fn counts(&self, parent: RunId) -> ChildCounts {
        self.store.child_counts(parent).await.expect("the store works")
    }

    pub(super) async fn gives_up(&self, claimed: &Claimed) {
        let failure = longhaul_core::FailedAttempt::new(longhaul_core::Cause::Error, "no route", 1, self.now());
        self.end(claimed, Ending::Failed { failure, retry_after: None, permanent: true }).await;
    }
}

pub async fn a_child_that_is_enqueued_again_is_the_one_that_is_there(mut scene: Scene) {
    let parent = scene.running().await;
    let first = scene.new_child(&parent, "page 7");
    let id = first.id;
    assert_eq!(scene.store.insert(vec![first.clone(), first.clone()]).await.unwrap()[0], Ok(Inserted::New));
    scene.crash().await;
    let again = scene.claim(2).await;
    let parent = again.iter().find(|one| one.run.id == parent.run.id).expect("it goes on");
    let second = scene.new_child(parent, "page 7");
    assert_eq!(second.id, id, "the name makes the id");
    assert_eq!(scene.store.insert(vec![second]).await, Ok(vec![Err(InsertError::Duplicate(id))]));
    assert_eq!(scene.counts(parent.run.id).await, counts(1, 0, 0));
    assert_eq!(scene.get(id).await.run.parent().map(|of| of.id), Some(parent.run.id));
}

pub async fn an_attempt_that_lost_its_claim_enqueues_no_child(mut scene: Scene) {
    let parent = scene.running().await;
    let late = scene.new_child(&parent, "late");
    scene.crash().await;
    let id = parent.run.id;
    let refused = Err(InsertError::Child(ChildRefused::EpochLost { parent: id }));
    assert_eq!(scene.store.insert(vec![late.clone()]).await, Ok(vec![refused.clone()]));
    scene.claim_one().await;
    assert_eq!(scene.store.insert(vec![late]).await, Ok(vec![refused]), "another attempt has it");
    assert_eq!(scene.counts(id).await, ChildCounts::default());
}

pub async fn a_final_run_and_one_that_is_not_there_get_no_children(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(7)).await;
    let id = claimed.run.id;
    let of_final = child_of(scene.new_run(), parent_of(id, None, "a"));
    let gone = RunId::from_bytes([3; 16]);
    let of_none = child_of(scene.new_run(), parent_of(gone, None, "a"));
    let answers = scene.store.insert(vec![of_final, of_none]).await.expect("the store works");
    let is_final = ChildRefused::Final { parent: id, state: StateKind::Completed };
    assert_eq!(answers, [Err(is_final.into()), Err(ChildRefused::NoParent { parent: gone }.into())]);
}

pub async fn a_tree_of_children_does_not_grow_deeper_than_its_limit(mut scene: Scene) {
    let id = scene.enqueue().await;
    for (name, depth) in [("deep", CHILD_DEPTH_MAX), ("too deep", CHILD_DEPTH_MAX + 1)] {
        let new = child_of(scene.new_run(), Parent { depth, ..parent_of(id, None, name) });
        let answers = scene.store.insert(vec![new]).await.expect("the store works");
        let refused = Err(InsertError::Child(ChildRefused::TooDeep { parent: id }));
        assert_eq!(answers, [if depth == CHILD_DEPTH_MAX { Ok(Inserted::New) } else { refused }]);
    }
}

pub async fn an_id_that_another_run_has_is_no_child(mut scene: Scene) {
    let parent = scene.running().await;
    let other = scene.enqueue().await;
    let new = NewRun { id: other, ..scene.new_child(&parent, "a") };
    let refused = ChildRefused::Ambiguous { name: Key::new("a").unwrap() };
    assert_eq!(scene.store.insert(vec![new]).await, Ok(vec![Err(refused.into())]));
}

pub async fn a_parent_goes_on_once_when_all_of_its_children_are_final(mut scene: Scene) {
    let (parent, children) = scene.parent(&["a", "b", "c"], |_| AwaitedRuns::AllChildren).await;
    scene.end(&children[0], completed(7)).await;
    scene.gives_up(&children[1]).await;
    assert_eq!(scene.state(parent).await, StateKind::Suspended);
    assert_eq!(scene.counts(parent).await, counts(3, 1, 1));
    scene.crash().await;
    assert_eq!(scene.counts(parent).await, counts(3, 1, 1));
    let last = scene.claim_one().await;
    assert_eq!(last.run.id, children[2].run.id);
    scene.end(&last, completed(7)).await;
    let woken = scene.get(parent).await;
    assert_eq!((woken.run.state.due(), woken.run.awaits), (Some(scene.now()), None));
    let why = woken.history.entries.last().and_then(|entry| entry.why.clone());
    assert_eq!(why.as_deref(), Some("all of its children are final: 3 of 3, 1 failed"));
    assert_eq!(ids(&scene.claim(9).await), [parent]);
}

pub async fn a_parent_that_suspends_after_its_children_ended_goes_on_at_once(mut scene: Scene) {
    let parent = scene.running().await;
    let children = scene.children(&parent, &["a", "b"]).await;
    let claimed = scene.claim(2).await;
    for one in &claimed {
        scene.end(one, completed(7)).await;
    }
    for runs in [AwaitedRuns::AllChildren, AwaitedRuns::AnyChild { seen: 1 }, named(&children)] {
        let again = match scene.claim(1).await.pop() {
            Some(again) => again,
            None => parent.clone(),
        };
        scene.settle(settlement(&again, awaits(runs.clone()))).await.expect("it holds the run");
        assert_eq!(scene.state(parent.run.id).await, StateKind::Pending, "{runs:?}");
    }
}

pub async fn a_parent_of_which_a_child_ended_waits_for_the_next_one_that_it_has_not_seen(mut scene: Scene) {
    let (parent, children) = scene.parent(&["a", "b"], |_| AwaitedRuns::AnyChild { seen: 0 }).await;
    scene.end(&children[0], completed(7)).await;
    let again = scene.claim_one().await;
    assert_eq!(again.run.id, parent);
    scene.end(&again, awaits(AwaitedRuns::AnyChild { seen: 1 })).await;
    assert_eq!(scene.state(parent).await, StateKind::Suspended);
    scene.end(&children[1], completed(7)).await;
    assert_eq!(scene.state(parent).await, StateKind::Pending);
}

pub async fn a_run_waits_for_runs_that_it_names_whoever_enqueued_them(mut scene: Scene) {
    let [one, two] = [scene.running().await, scene.running().await];
    let named = [one.run.id, two.run.id];
    let [all, any] = [scene.running().await, scene.running().await];
    scene.end(&all, awaits(AwaitedRuns::Runs { open: named.into(), any: false })).await;
    scene.end(&any, awaits(AwaitedRuns::Runs { open: named.into(), any: true })).await;
    scene.end(&one, completed(7)).await;
    assert_eq!(
        [scene.state(all.run.id).await, scene.state(any.run.id).await],
        [StateKind::Suspended, StateKind::Pending]
    );
    scene.crash().await;
    // What it waits for goes by hand: nobody waits for what is not there.
    scene.store.cancel(two.run.id, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    assert_eq!(scene.state(all.run.id).await, StateKind::Pending);
}

pub async fn a_run_does_not_wait_for_runs_that_are_not_there(mut scene: Scene) {
    let claimed = scene.running().await;
    let other = scene.enqueue().await;
    let gone = RunId::from_bytes([3; 16]);
    scene.end(&claimed, awaits(named(&[gone, other]))).await;
    assert_eq!(scene.get(claimed.run.id).await.run.awaits.expect("one is there").named(), [other]);
    scene.store.delete(other).await.expect("it is there");
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Pending);
}

pub async fn a_proceed_lets_a_run_that_waits_for_others_go_on(mut scene: Scene) {
    let (parent, _) = scene.parent(&["a"], |_| AwaitedRuns::AllChildren).await;
    assert_eq!(scene.store.proceed(proceed(parent)).await, Ok(Proceeded::Now));
    assert_eq!(scene.get(parent).await.run.awaits, None);
}

pub async fn a_run_waits_for_a_signal_or_for_its_children_whichever_comes_first(mut scene: Scene) {
    let paid = Key::new("paid").unwrap();
    for by_signal in [true, false] {
        let parent = scene.running().await;
        scene.children(&parent, &["a"]).await;
        let child = scene.claim_one().await;
        let (signals, runs) = (vec![paid.clone()], Some(AwaitedRuns::AllChildren));
        scene.end(&parent, Ending::Awaits { signals, runs, until: None, deadline: None }).await;
        let id = parent.run.id;
        if by_signal {
            let signal = Proceed::signal(id, paid.clone(), value(1));
            assert_eq!(scene.store.proceed(signal).await, Ok(Proceeded::Now));
        }
        scene.end(&child, completed(7)).await;
        let woken = scene.get(id).await.run;
        assert_eq!((woken.state.kind(), woken.awaits.clone()), (StateKind::Pending, None));
        assert!(woken.inbox().awaited.is_empty());
        let again = scene.claim_one().await;
        assert_eq!(again.run.id, id, "once");
        scene.end(&again, completed(7)).await;
    }
}

pub async fn a_wait_for_children_ends_at_its_deadline(mut scene: Scene) {
    let parent = scene.running().await;
    scene.children(&parent, &["a"]).await;
    let deadline = Some(longhaul_core::run::Due::After(HOUR));
    let ending = Ending::Awaits { signals: Vec::new(), runs: Some(AwaitedRuns::AllChildren), until: None, deadline };
    scene.end(&parent, ending).await;
    scene.clock.advance(HOUR);
    assert_eq!(scene.state(parent.run.id).await, StateKind::Failed);
}

pub async fn why_a_run_waits_names_the_runs_that_it_waits_for(mut scene: Scene) {
    let other = scene.running().await.run.id;
    let (parent, _) = scene.parent(&["a"], |_| named(&[other])).await;
    let why = scene.store.explain(parent).await.expect("it is there");
    let Explanation::AwaitsRuns { awaits, waiting: Waiting::Proceed } = &why else { panic!("{why}") };
    assert_eq!(awaits.named(), [other]);
    assert_eq!(why.to_string(), format!("it is suspended until {other} is final"));
}

pub async fn a_child_that_is_retried_counts_as_the_run_that_it_was_retried_as(mut scene: Scene) {
    let (parent, children) = scene.parent(&["a", "b"], |_| AwaitedRuns::AllChildren).await;
    scene.gives_up(&children[0]).await;
    let id = children[0].run.id;
    let successor = scene.new_run().id;
    let retry = Retry { id, successor, from: RetryFrom::Checkpoint, by: longhaul_core::Actor::UNKNOWN };
    assert_eq!(scene.store.retry(retry).await, Ok(Retried::New));
    assert_eq!(scene.get(successor).await.run.parent().map(|of| of.id), Some(parent));
    let after = scene.counts(parent).await;
    assert_eq!((after.total, after.failed, after.open()), (2, 0, 2));
    scene.end(&children[1], completed(7)).await;
    assert_eq!(scene.state(parent).await, StateKind::Suspended, "the retry is open");
    let retried = scene.claim_one().await;
    assert_eq!(retried.run.id, successor);
    scene.end(&retried, completed(7)).await;
    assert_eq!(scene.state(parent).await, StateKind::Pending);
    assert_eq!(scene.counts(parent).await, ChildCounts { ends: 3, ..counts(2, 2, 0) });
}

pub async fn retention_keeps_children_until_their_parent_is_final(mut scene: Scene) {
    let (parent, children) = scene.parent(&["a", "b"], |_| AwaitedRuns::AllChildren).await;
    let other = scene.running().await;
    for one in [&children[0], &other] {
        scene.end(one, completed(7)).await;
    }
    scene.clock.advance(HOUR);
    let retentions = || longhaul_core::Retentions::from(Retention::all(Duration::from_secs(60)));
    let swept = scene.store.sweep(retentions(), 100).await.expect("the store works");
    assert_eq!(swept.removed, 1, "the one that has no parent");
    assert_eq!(scene.state(children[0].run.id).await, StateKind::Completed);
    scene.end(&children[1], completed(7)).await;
    let again = scene.claim_one().await;
    assert_eq!(again.run.id, parent);
    scene.end(&again, completed(7)).await;
    scene.clock.advance(HOUR);
    while scene.store.sweep(retentions(), 1).await.expect("the store works").removed > 0 {}
    assert_eq!(scene.store.count(Filter::default()).await, Ok(0));
}

pub async fn children_of_a_run_that_was_deleted_go_on_by_themselves(mut scene: Scene) {
    let parent = scene.enqueue().await;
    let child = child_of(scene.new_run(), parent_of(parent, None, "a"));
    let child = scene.insert(child).await;
    scene.store.delete(parent).await.expect("it does not run");
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.run.id, child);
    scene.end(&claimed, completed(7)).await;
    assert_eq!(scene.counts(parent).await, ChildCounts::default());
}

pub async fn a_child_that_was_deleted_is_waited_for_no_more(mut scene: Scene) {
    let parent = scene.running().await;
    let children = scene.children(&parent, &["a", "b"]).await;
    scene.end(&parent, awaits(AwaitedRuns::AllChildren)).await;
    scene.store.delete(children[0]).await.expect("it does not run");
    assert_eq!(scene.counts(parent.run.id).await, counts(1, 0, 0));
    scene.store.delete(children[1]).await.expect("it does not run");
    assert_eq!(scene.state(parent.run.id).await, StateKind::Pending);
}

pub async fn children_are_listed_by_their_parent(mut scene: Scene) {
    let parent = scene.running().await;
    let mut children = scene.children(&parent, &["a", "b", "c"]).await;
    let new = scene.new_run();
    scene.insert(new).await;
    children.sort_unstable();
    let listed: Vec<RunId> = scene.list_children(parent.run.id).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(listed, children);
    let filter = Filter { parent: Some(parent.run.id), ..Filter::default() };
    assert_eq!(scene.store.count(filter).await, Ok(3));
}

pub async fn a_run_after_others_begins_when_they_are_final(mut scene: Scene) {
    let [one, two] = [scene.running().await, scene.running().await];
    let runs = vec![one.run.id, two.run.id];
    let mut held = Vec::new();
    for success_only in [false, true] {
        let after = Some(After { runs: runs.clone(), success_only });
        let constraints = Some(Arc::new(Constraints { after, ..Constraints::default() }));
        let new = NewRun { constraints, ..scene.new_run() };
        held.push(scene.insert(new).await);
    }
    assert_eq!(ids(&scene.claim(9).await), []);
    scene.end(&one, completed(7)).await;
    scene.crash().await;
    let two = scene.claim_one().await;
    assert_eq!(ids(&scene.claim(9).await), []);
    scene.gives_up(&two).await;
    assert_eq!(scene.state(held[0]).await, StateKind::Pending);
    let cancelled = scene.get(held[1]).await;
    let Some(Ended::Cancelled { reason, .. }) = &cancelled.ended else { panic!("{:?}", cancelled.run.state) };
    let expected = format!("{}, which it was to come after, is failed", two.run.id);
    assert_eq!(reason.as_deref(), Some(&*expected));
    assert_eq!(ids(&scene.claim(9).await), [held[0]]);
}

pub async fn a_run_after_others_that_ended_already_begins_at_once(mut scene: Scene) {
    let one = scene.running().await;
    scene.end(&one, completed(7)).await;
    let after = Some(After { runs: vec![one.run.id], success_only: true });
    let constraints = Some(Arc::new(Constraints { after, ..Constraints::default() }));
    let new = NewRun { constraints, ..scene.new_run() };
    let id = scene.insert(new).await;
    assert_eq!(ids(&scene.claim(9).await), [id]);
}

pub async fn a_copy_keeps_who_waits_for_whom(mut scene: Scene) {
    if scene.copies().is_none() {
        return;
    }
    let (parent, children) = scene.parent(&["a", "b"], |_| AwaitedRuns::AllChildren).await;
    let waits = scene.running().await;
    scene.end(&waits, awaits(named(&[children[1].run.id]))).await;
    scene.end(&children[0], completed(7)).await;
    // It is claimed anew in the copy.
    scene.crash().await;
    let store = scene.copies().expect("it can be copied");
    let items = all(&*store).await;
    for reverse in [false, true] {
        let memory = MemoryStore::new(Arc::new(scene.clock.clone()));
        let mut each: Vec<Vec<CopyItem>> = items.iter().cloned().map(|item| vec![item]).collect();
        if reverse {
            each.reverse();
        }
        for items in each {
            memory.copy_in(items).await.expect("the store works");
        }
        let [at, of] = [parent, waits.run.id];
        for id in [at, of] {
            assert_eq!(memory.get(id).await.expect("it was copied").run.state.kind(), StateKind::Suspended, "{id}");
        }
        assert_eq!(memory.child_counts(at).await, Ok(counts(2, 1, 0)));
        let claimed = memory.claim(scene.request(9)).await.expect("the store works");
        assert_eq!(ids(&claimed), [children[1].run.id]);
        memory.settle(vec![settlement(&claimed[0], completed(7))]).await.expect("the store works")[0]
            .clone()
            .expect("it holds the run");
        let mut woken = ids(&memory.claim(scene.request(9)).await.expect("the store works"));
        woken.sort_unstable();
        let mut both = vec![at, of];
        both.sort_unstable();
        assert_eq!(woken, both);
    }
    // Back into the store, out of which all was removed.
    for id in [children[0].run.id, children[1].run.id, waits.run.id, parent] {
        scene.store.delete(id).await.expect("none runs");
    }
    for item in items {
        store.copy_in(vec![item]).await.expect("the store works");
    }
    assert_eq!(scene.counts(parent).await, counts(2, 1, 0));
    assert_eq!([scene.state(parent).await, scene.state(waits.run.id).await], [StateKind::Suspended; 2]);
    let last = scene.claim_one().await;
    scene.end(&last, completed(7)).await;
    assert_eq!([scene.state(parent).await, scene.state(waits.run.id).await], [StateKind::Pending; 2]);
}

impl Scene {
    pub(super) async fn list_children(&self, parent: RunId) -> Vec<(RunId, StateKind)> {
        let filter = Filter { parent: Some(parent), ..Filter::default() };
        let mut request = PageRequest { filter, limit: PAGE_MAX, ..PageRequest::default() };
        let mut found = Vec::new();
        loop {
            let page = self.store.list_headers(request.clone()).await.expect("the store works");
            found.extend(page.runs.iter().map(|run| (run.id, run.state)));
            let Some(next) = page.next else { return found };
            request.after = Some(next);
        }
    }
}
