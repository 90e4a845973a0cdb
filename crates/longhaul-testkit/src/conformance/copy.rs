//! Exact copies, from this store into one in memory and back. A store that cannot be copied passes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Codec, Control, ControlChange, Key, Kind, Limits, LogLevel, LogLine, LogPage, LogRequest, OnConflict, Queue,
    Rate, Retention, Retentions, RunId, ScheduleName, Scope, StateKind, Store, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        CopyStore, EndedCursor, EndedRequest, Filter, InsertError, KindDescription, LogPages, Proceed, Retry,
        RetryFrom, ScheduleChange,
        copy::{CopyItem, CopyPage},
        prelude::*,
    },
};

use super::{Scene, scene::settlement};
use crate::{
    MemoryStore,
    fixture::{self, completed, large_value, suspended, value},
};

const HOUR: Duration = Duration::from_secs(3600);

/// Everything that a store holds, page by page.
pub(super) async fn all(store: &dyn CopyStore) -> Vec<CopyItem> {
    let (mut items, mut from) = (Vec::new(), None);
    loop {
        let CopyPage { items: page, next } = store.copy_out(from).await.expect("the store works");
        items.extend(page);
        match next {
            Some(next) => from = Some(next),
            None => return items,
        }
    }
}

fn kind() -> Kind {
    Kind::new("plain").expect("a kind that can be used")
}

impl Scene {
    /// Leaves runs in all states but Running, with all that can be kept of one, and all else that a store holds.
    async fn fill(&mut self) {
        let store = Arc::clone(&self.store);
        let rate = Rate::new(1000, HOUR).expect("a rate");
        let limits = Limits { running: Some(1000), rate: Some(rate), ..Limits::NONE };
        store.control(Scope::Kind(kind()), ControlChange::Declare(limits)).await.expect("the store works");
        let weighted = ControlChange::Set(Some(Limits { weight: Some(3), fair_by_key: true, ..Limits::NONE }));
        store.control(Scope::Queue(Queue::default()), weighted).await.expect("the store works");
        for name in ["nightly", "hourly"] {
            let name = ScheduleName::new(name).expect("a name");
            let change = ScheduleChange { name, seen: None, value: Some([1, 2, 3].into()), runs: vec![] };
            store.schedule(change).await.expect("it is new");
        }
        store.describe_kinds(vec![KindDescription::new(kind(), 2, Codec::Json)]).await.expect("the store works");
        self.enqueue_unique("gone", HOUR).await;
        let gone = self.claim_one().await;
        self.end(&gone, completed(1)).await;
        // Its retention removes it; its key is taken for the rest of the hour.
        self.clock.advance(Duration::from_secs(1));
        store.sweep(Retentions::from(Retention::all(Duration::ZERO)), 10).await.expect("the store works");
        let claimed = self.running().await;
        self.checkpoint(&claimed, 1, 7).await.expect("it runs");
        let line = LogLine { at: self.now(), level: LogLevel::Info, target: "t".into(), text: "hello".into() };
        let page = LogPage { number: 0, first: 0, lines: vec![line] };
        let (id, epoch) = (claimed.run.id, claimed.run.epoch);
        store.log(vec![LogPages { id, epoch, pages: vec![page] }]).await.expect("the store works")[0]
            .clone()
            .expect("it runs");
        self.end(&claimed, completed(2)).await;
        let mut failed = self.running().await;
        for _ in 1..3 {
            self.fail(&failed, "no route").await;
            self.clock.advance(fixture::RETRY_WAIT);
            failed = self.claim_one().await;
        }
        self.fail(&failed, "no route").await;
        let retried =
            Retry { id: failed.run.id, successor: self.new_run().id, from: RetryFrom::TheStart, by: Actor::UNKNOWN };
        store.retry(retried).await.expect("it failed");
        let retrying = self.claim_one().await;
        self.fail(&retrying, "no route").await;
        let asked = self.suspended().await;
        store.cancel(asked, Some("not needed".into()), Actor::UNKNOWN).await.expect("it is suspended");
        let waits = self.running().await;
        self.end(&waits, suspended()).await;
        let two = [self.running().await, {
            self.enqueue_unique("held", HOUR).await;
            self.claim_one().await
        }];
        let together = two.iter().map(|claimed| settlement(claimed, completed(3))).collect();
        store.settle(together).await.expect("the store works");
        let mut large = self.new_run();
        large.metadata = large_value(300_000);
        large.execution_metadata = Some(value(9));
        self.insert(large).await;
        for _ in 0..150 {
            self.enqueue().await;
        }
    }

    async fn enqueue_unique(&mut self, key: &str, period: Duration) -> RunId {
        let new = self.unique(key, period);
        self.insert(new).await
    }

    fn unique(&mut self, key: &str, period: Duration) -> longhaul_core::NewRun {
        let key = Key::new(key).expect("a key");
        let unique = Unique { key, scope: UniqueScope::For(period), on_conflict: OnConflict::Refuse };
        let mut constraints = Constraints::none().clone();
        constraints.unique = Some(unique);
        let mut new = self.new_run();
        new.constraints = Some(constraints.into());
        new
    }

    fn memory(&self) -> MemoryStore {
        MemoryStore::new(Arc::new(self.clock.clone()))
    }
}

/// Copies all that one store holds into another; answers how much was new there.
pub(super) async fn copy(from: &dyn CopyStore, to: &dyn CopyStore) -> usize {
    let mut added = 0;
    for page in all(from).await.chunks(50) {
        added += to.copy_in(page.to_vec()).await.expect("the store works");
    }
    added
}

/// All ends, with their positions.
async fn ends(store: &dyn Store) -> Vec<(RunId, StateKind, u64)> {
    let request = EndedRequest { after: EndedCursor::START, limit: 1000, wait: false };
    let page = store.ended(request).await.expect("the store works");
    page.runs.iter().map(|run| (run.id, run.state, run.cursor.position)).collect()
}

async fn controls(store: &dyn Store) -> BTreeMap<Scope, Control> {
    let controls = store.controls().await.expect("the store works");
    controls.iter().map(|(scope, control)| (scope, control.clone())).collect()
}

pub async fn a_copy_holds_everything_as_it_was(mut scene: Scene) {
    let Some(source) = scene.copies() else { return };
    scene.fill().await;
    let (copied, store) = (scene.memory(), Arc::clone(&scene.store));
    copy(&*source, &copied).await;
    assert_eq!(all(&*source).await, all(&copied).await);
    let filter = Filter::default();
    assert_eq!(copied.count(filter.clone()).await, store.count(filter).await);
    let counts = |statistics: longhaul_core::Statistics| statistics.counts.rows().collect::<Vec<_>>();
    assert_eq!(
        counts(copied.statistics().await.expect("it works")),
        counts(store.statistics().await.expect("it works"))
    );
    assert_eq!(ends(&copied).await, ends(&*store).await);
    assert_eq!(controls(&copied).await, controls(&*store).await);
    assert_eq!(copied.kinds().await, store.kinds().await);
    for item in all(&*source).await {
        let CopyItem::Run(run) = item else { continue };
        let id = run.stored.run.id;
        assert_eq!(copied.get(id).await, store.get(id).await);
        assert_eq!(copied.read_log(LogRequest::of(id)).await, store.read_log(LogRequest::of(id)).await);
    }
    // Keys are taken in the copy, of a run that is final as of one that is gone.
    for key in ["gone", "held"] {
        let refused = copied.insert(vec![scene.unique(key, HOUR)]).await.expect("it works").remove(0);
        assert!(matches!(refused, Err(InsertError::Taken { .. })), "{key}: {refused:?}");
    }
}

pub async fn a_copy_is_taken_back_in_as_it_went_out(mut scene: Scene) {
    let Some(source) = scene.copies() else { return };
    scene.fill().await;
    let copied = scene.memory();
    copy(&*source, &copied).await;
    let before = all(&copied).await;
    // A run that was removed comes back as it was, with everything that is kept of it.
    let runs: Vec<RunId> = before.iter().filter_map(|item| Some(run_of(item)?.stored.run.id)).collect();
    for id in &runs {
        scene.store.delete(*id).await.expect("none runs");
    }
    assert_eq!(scene.store.count(Filter::default()).await, Ok(0));
    assert_eq!(copy(&copied, &*source).await, runs.len());
    let counts = scene.store.statistics().await.expect("the store works").counts;
    scene.crash().await;
    let source = scene.copies().expect("it can be copied");
    let after = all(&*source).await;
    let only_runs = |items: &[CopyItem]| items.iter().filter_map(run_of).cloned().collect::<Vec<_>>();
    assert_eq!(only_runs(&after), only_runs(&before));
    let reopened = scene.store.statistics().await.expect("the store works").counts;
    assert_eq!(reopened.rows().collect::<Vec<_>>(), counts.rows().collect::<Vec<_>>());
    // What is due in the copy is claimed, and a suspended run goes on.
    let waits = after.iter().filter_map(run_of).find(|run| run.stored.run.state.kind() == StateKind::Suspended);
    let id = waits.expect("it was copied").stored.run.id;
    scene.store.proceed(Proceed::new(id)).await.expect("it is suspended");
    let claimed = scene.claim(1000).await;
    assert!(claimed.iter().any(|claimed| claimed.run.id == id));
    assert!(claimed.len() > 150);
}

fn run_of(item: &CopyItem) -> Option<&longhaul_core::store::copy::CopiedRun> {
    match item {
        CopyItem::Run(run) => Some(run),
        _ => None,
    }
}

pub async fn a_copy_that_was_broken_off_can_be_repeated(mut scene: Scene) {
    let Some(source) = scene.copies() else { return };
    scene.fill().await;
    let copied = scene.memory();
    let first = source.copy_out(None).await.expect("the store works");
    let settings = copied.copy_in(first.items).await.expect("it works");
    let second = source.copy_out(first.next).await.expect("the store works");
    let half: Vec<CopyItem> = second.items[..second.items.len() / 2].to_vec();
    let some = copied.copy_in(half.clone()).await.expect("it works");
    assert_eq!(some, half.len());
    let rest = copy(&*source, &copied).await;
    assert_eq!(settings + some + rest, all(&*source).await.len());
    assert_eq!(copy(&*source, &copied).await, 0);
    assert_eq!(all(&copied).await, all(&*source).await);
}

pub async fn a_run_that_executes_goes_on_in_the_copy_as_after_a_shutdown(mut scene: Scene) {
    let Some(source) = scene.copies() else { return };
    let claimed = scene.running().await;
    let copied = scene.memory();
    copy(&*source, &copied).await;
    let run = copied.get(claimed.run.id).await.expect("it was copied").run;
    assert_eq!((run.state.kind(), run.epoch), (StateKind::Pending, claimed.run.epoch));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Running);
}
