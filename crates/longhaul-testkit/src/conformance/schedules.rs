//! Schedules: rows that are changed by whoever saw them last, with the runs that they bring.

use std::sync::Arc;

use longhaul_core::{
    Inserted, NewRun, ScheduleName,
    store::{InsertError, ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleRow},
};

use super::{Scene, scene::ids};

fn name(name: &str) -> ScheduleName {
    ScheduleName::new(name).expect("a name that can be used")
}

fn bytes(length: usize) -> Arc<[u8]> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

impl Scene {
    async fn change(
        &self,
        of: &str,
        seen: Option<u64>,
        value: Option<Arc<[u8]>>,
        runs: Vec<NewRun>,
    ) -> Result<ScheduleChanged, ScheduleChangeError> {
        self.store.schedule(ScheduleChange { name: name(of), seen, value, runs }).await
    }

    /// Makes a schedule of so many bytes; answers its revision.
    async fn make(&self, of: &str, length: usize) -> u64 {
        self.change(of, None, Some(bytes(length)), vec![]).await.expect("there is none of this name").revision
    }

    async fn rows(&self) -> Vec<ScheduleRow> {
        self.store.schedules(0).await.expect("the store works").changed
    }
}

pub async fn a_schedule_is_changed_by_whoever_saw_it_last(scene: Scene) {
    let first = scene.make("nightly", 10).await;
    let conflict = |revision| Err(ScheduleChangeError::Conflict { name: name("nightly"), revision });
    assert_eq!(scene.change("nightly", None, Some(bytes(1)), vec![]).await, conflict(Some(first)));
    let second = scene.change("nightly", Some(first), Some(bytes(20)), vec![]).await.expect("it was seen").revision;
    assert!(second > first);
    assert_eq!(scene.change("nightly", Some(first), None, vec![]).await, conflict(Some(second)));
    assert_eq!(scene.rows().await, [ScheduleRow { name: name("nightly"), revision: second, value: bytes(20) }]);
    scene.change("nightly", Some(second), None, vec![]).await.expect("it was seen");
    assert_eq!(scene.rows().await, []);
    assert_eq!(scene.change("nightly", Some(second), Some(bytes(1)), vec![]).await, conflict(None));
    assert!(scene.make("nightly", 5).await > second);
}

pub async fn runs_come_with_the_change_or_not_at_all(mut scene: Scene) {
    let seen = scene.make("nightly", 10).await;
    let (one, two) = (scene.new_run(), scene.new_run());
    let changed = scene.change("nightly", Some(seen), Some(bytes(11)), vec![one.clone(), two.clone()]).await;
    assert_eq!(changed.expect("it was seen").runs, [Ok(Inserted::New), Ok(Inserted::New)]);
    let three = scene.new_run();
    let late = scene.change("nightly", Some(seen), Some(bytes(12)), vec![three.clone()]).await;
    assert!(matches!(late, Err(ScheduleChangeError::Conflict { .. })));
    assert!(scene.store.get(three.id).await.is_err());
    assert_eq!(ids(&scene.claim(9).await), [one.id, two.id]);
}

pub async fn each_run_of_a_change_is_kept_or_refused_by_itself(mut scene: Scene) {
    let seen = scene.make("nightly", 10).await;
    let (there, new) = (scene.new_run(), scene.new_run());
    scene.insert(there.clone()).await;
    let id = there.id;
    let changed = scene.change("nightly", Some(seen), Some(bytes(11)), vec![there, new]).await;
    assert_eq!(changed.expect("it was seen").runs, [Err(InsertError::Duplicate(id)), Ok(Inserted::New)]);
}

pub async fn runs_of_a_schedule_serve_a_waiting_claim(mut scene: Scene) {
    let waiting = scene.parked_claim().await;
    let new = scene.new_run();
    let id = new.id;
    scene.change("nightly", None, Some(bytes(1)), vec![new]).await.expect("there is none of this name");
    assert_eq!(ids(&waiting.answer().await), [id]);
}

pub async fn schedules_outlive_the_process(mut scene: Scene) {
    for (of, length) in [("a", 10), ("b", 0), ("c", 60_000), ("gone", 9000)] {
        scene.make(of, length).await;
    }
    let seen = scene.rows().await;
    let gone = seen.iter().find(|row| row.name == name("gone")).expect("it was made").revision;
    scene.change("gone", Some(gone), None, vec![]).await.expect("it was seen");
    let before = scene.rows().await;
    assert_eq!(before.iter().map(|row| row.value.len()).collect::<Vec<_>>(), [10, 0, 60_000]);
    scene.crash().await;
    assert_eq!(scene.rows().await, before);
    // What was seen before the crash can still be changed, once.
    let large = before[2].revision;
    let shrunk = scene.change("c", Some(large), Some(bytes(5000)), vec![]).await.expect("it was seen").revision;
    assert!(shrunk > gone);
    scene.crash().await;
    assert_eq!(scene.rows().await[2], ScheduleRow { name: name("c"), revision: shrunk, value: bytes(5000) });
}

pub async fn changes_are_told_to_those_who_wait(scene: Scene) {
    scene.make("a", 1).await;
    let known = scene.store.schedules(0).await.expect("the store works");
    let store = scene.store.clone();
    let call = async move { store.schedules(known.position).await.expect("the store works") };
    let waiting = scene.parked(call).await;
    let revision = scene.make("b", 2).await;
    let news = waiting.answer().await;
    assert_eq!(news.changed, [ScheduleRow { name: name("b"), revision, value: bytes(2) }]);
    scene.change("b", Some(revision), None, vec![]).await.expect("it was seen");
    let news = scene.store.schedules(news.position).await.expect("the store works");
    assert_eq!((news.changed, news.removed), (vec![], vec![name("b")]));
}

pub async fn a_store_without_schedules_says_so_at_once(scene: Scene) {
    let none = scene.store.schedules(0).await.expect("the store works");
    assert_eq!((none.changed, none.removed), (vec![], vec![]));
    let store = scene.store.clone();
    let waiting = scene.parked(async move { store.schedules(none.position).await.expect("the store works") }).await;
    scene.make("first", 1).await;
    assert_eq!(waiting.answer().await.changed.len(), 1);
}
