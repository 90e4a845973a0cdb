//! Two handles on one store, as two servers with one database have them. A store that has only one handle passes.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Constraints, ControlChange, Key, Kind, Limits, NewRun, Paused, Queue, Rate, ScheduleName, Scope, ServerId,
    StateKind, StopRequest, Store,
    store::{CheckpointError, ClaimRequest, Claimed, EndedCursor, EndedRequest, ScheduleChange, SettleError},
};

use super::scene::{Scene, beat, checkpoint, ids, settlement};
use crate::fixture::{self, completed, support};

const LEASE: Duration = Duration::from_secs(60);

/// A server that works through the other handle.
struct Other {
    store: Arc<dyn Store>,
    server: ServerId,
}

impl Other {
    async fn of(scene: &mut Scene) -> Option<Self> {
        let store = scene.another()?;
        let server = fixture::server_id(scene.now(), 1000);
        store.heartbeat(beat(server, LEASE)).await.expect("a new server may live");
        Some(Self { store, server })
    }

    fn request(&self, max: usize) -> ClaimRequest {
        ClaimRequest::new(self.server, [support("plain", 1), support("other", 1)].into(), max)
    }

    async fn claim(&self, max: usize) -> Vec<Claimed> {
        self.store.claim(self.request(max)).await.expect("the store works")
    }
}

fn plain() -> Scope {
    Scope::Kind(Kind::new("plain").expect("a kind that can be used"))
}

async fn declare(scene: &Scene, limits: Limits) {
    scene.store.control(plain(), ControlChange::Declare(limits)).await.expect("the store works");
}

pub async fn claims_made_through_two_handles_never_share_a_run(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    for _ in 0..40 {
        scene.enqueue().await;
    }
    let mut all = Vec::new();
    for _ in 0..5 {
        let (here, there) = tokio::join!(scene.claim(4), other.claim(4));
        all.extend(ids(&here));
        all.extend(ids(&there));
    }
    all.sort_unstable();
    let claims = all.len();
    all.dedup();
    assert_eq!((claims, all.len()), (40, 40));
}

pub async fn a_limit_holds_across_handles(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    declare(&scene, Limits { running: Some(3), ..Limits::NONE }).await;
    for _ in 0..9 {
        scene.enqueue().await;
    }
    let (here, there) = tokio::join!(scene.claim(3), other.claim(3));
    assert_eq!(here.len() + there.len(), 3);
    let one = here.iter().chain(&there).next().expect("three run");
    // Each handle takes the ends of the attempts that were claimed through it.
    let store = if here.is_empty() { &other.store } else { &scene.store };
    assert!(matches!(store.settle(vec![settlement(one, completed(1))]).await.as_deref(), Ok([Ok(_)])));
    assert_eq!(other.claim(3).await.len() + scene.claim(3).await.len(), 1);
}

pub async fn a_rate_and_a_limit_by_key_hold_across_handles(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    let rate = Some(Rate::new(2, LEASE / 2).expect("a rate that can be kept"));
    declare(&scene, Limits { rate, per_key: Some(1), ..Limits::NONE }).await;
    for key in ["a", "a", "b", "b"] {
        let limit_key = Some(Key::new(key).expect("a key that can be used"));
        let constraints = Some(Arc::new(Constraints { limit_key, ..Constraints::default() }));
        let new = NewRun { constraints, ..scene.new_run() };
        scene.insert(new).await;
    }
    let (here, there) = (scene.claim(1).await, other.claim(4).await);
    let key = |claimed: &Claimed| claimed.run.constraints().limit_key.clone();
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_ne!(key(&here[0]), key(&there[0]));
    scene.end(&here[0], completed(1)).await;
    assert_eq!(other.claim(4).await, [], "the rate of the kind is used up");
}

pub async fn limit_keys_take_turns_across_handles(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    let fair = Limits { fair_by_key: true, ..Limits::NONE };
    scene.declare(Scope::Queue(Queue::default()), fair).await;
    let mut all = Vec::new();
    for key in ["x", "y", "z"] {
        for _ in 0..3 {
            all.push(scene.enqueue_of_key(key).await);
        }
    }
    let (here, there) = (scene.claim(2).await, other.claim(2).await);
    assert_eq!((ids(&here), ids(&there)), (vec![all[0], all[3]], vec![all[6], all[1]]));
    assert_eq!(ids(&scene.claim(1).await), [all[4]]);
    assert_eq!(ids(&other.claim(9).await), [all[7], all[2], all[5], all[8]]);
}

pub async fn a_pause_through_one_handle_holds_for_claims_of_the_other(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    scene.enqueue().await;
    let paused = ControlChange::Pause(Paused::new(scene.now(), "ann", None));
    scene.store.control(plain(), paused).await.expect("the store works");
    assert_eq!(other.claim(1).await, []);
    other.store.control(plain(), ControlChange::Resume).await.expect("the store works");
    assert_eq!(scene.claim(1).await.len(), 1);
    assert_eq!(other.store.controls().await, scene.store.controls().await);
}

pub async fn a_pause_of_a_limit_key_through_one_handle_holds_for_claims_of_the_other(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    for key in ["a", "b"] {
        let limit_key = Some(Key::new(key).expect("a key that can be used"));
        let constraints = Some(Arc::new(Constraints { limit_key, ..Constraints::default() }));
        let new = NewRun { constraints, ..scene.new_run() };
        scene.insert(new).await;
    }
    let Scope::Kind(kind) = plain() else { panic!("it is a kind") };
    let of_a = Scope::LimitKey(kind, Key::new("a").expect("a key that can be used"));
    let until = Some(scene.now().after(LEASE * 100));
    let paused = Paused { until, ..Paused::new(scene.now(), "a run", Some("429")) };
    scene.store.control(of_a.clone(), ControlChange::PauseAtLeast(paused)).await.expect("the store works");
    let claimed = other.claim(4).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].run.constraints().limit_key.as_ref().map(Key::as_str), Some("b"));
    other.store.control(of_a, ControlChange::Resume).await.expect("the store works");
    assert_eq!(scene.claim(4).await.len(), 1);
    assert_eq!(other.store.controls().await, scene.store.controls().await);
}

pub async fn those_who_wait_on_one_handle_hear_of_what_is_done_through_the_other(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    let store = Arc::clone(&other.store);
    let request = ClaimRequest { wait: true, ..other.request(1) };
    let claim = scene.parked(async move { store.claim(request).await.expect("the store works") }).await;
    let id = scene.enqueue().await;
    assert_eq!(ids(&claim.answer().await), [id]);

    let (store, revision) = (Arc::clone(&scene.store), scene.get(id).await.run.revision);
    let changed = scene.parked(async move { store.changed(id, revision).await }).await;
    let (store, server) = (Arc::clone(&other.store), other.server);
    let stops = scene.parked(async move { store.stop_requests(server, 0).await.expect("the store works") }).await;
    scene.store.cancel(id, Some("enough".into()), Actor::UNKNOWN).await.expect("it runs");
    let told = stops.answer().await.stop_requests;
    assert_eq!((told.len(), told[0].id), (1, id));
    assert_eq!(told[0].request, StopRequest::Cancel { reason: Some("enough".into()) });
    assert!(changed.answer().await.is_ok_and(|snapshot| snapshot.run.request.is_some()));

    let store = Arc::clone(&other.store);
    let request = EndedRequest { after: EndedCursor::START, limit: 10, wait: true };
    let ended = scene.parked(async move { store.ended(request).await }).await;
    let name = ScheduleName::new("nightly").expect("a name that can be used");
    let position = other.store.schedules(0).await.expect("the store works").position;
    let store = Arc::clone(&other.store);
    let schedules = scene.parked(async move { store.schedules(position).await.expect("the store works") }).await;
    let change = ScheduleChange { name: name.clone(), seen: None, value: Some((*b"{}").into()), runs: vec![] };
    scene.store.schedule(change).await.expect("it is new");
    assert_eq!(schedules.answer().await.changed[0].name, name);
    let waiting = scene.enqueue().await;
    scene.store.cancel(waiting, None, Actor::UNKNOWN).await.expect("it waits");
    let page = ended.answer().await.expect("nothing was removed");
    assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [waiting]);
}

pub async fn of_changes_of_a_schedule_through_two_handles_one_is_kept(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    let name = ScheduleName::new("nightly").expect("a name that can be used");
    let mut change =
        || ScheduleChange { name: name.clone(), seen: None, value: Some((*b"{}").into()), runs: vec![scene.new_run()] };
    let (one, two) = (change(), change());
    let (here, there) = tokio::join!(scene.store.schedule(one), other.store.schedule(two));
    assert_eq!(usize::from(here.is_ok()) + usize::from(there.is_ok()), 1);
    let enqueued = scene.store.count(longhaul_core::store::Filter::default()).await;
    assert_eq!(enqueued, Ok(1));
}

pub async fn epochs_fence_across_handles(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    let claimed = scene.running().await;
    other.store.leave(scene.server).await.expect("the store works");
    let again = other.claim(1).await;
    assert_eq!(ids(&again), [claimed.run.id]);
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    assert_eq!(scene.save(checkpoint(&claimed, 1, 9)).await, Err(CheckpointError::EpochLost { id, epoch }));
    assert_eq!(scene.settle(settlement(&claimed, completed(9))).await, Err(SettleError::EpochLost { id, epoch }));
    let answers = other.store.checkpoint(vec![checkpoint(&again[0], 1, 7)]).await.expect("the store works");
    assert!(answers[0].is_ok());
    assert_eq!(scene.get(id).await.execution_metadata, Some(fixture::value(7)));
}

pub async fn of_two_that_declare_a_server_dead_one_takes_its_runs(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    for _ in 0..5 {
        scene.enqueue().await;
    }
    let claimed = other.claim(5).await;
    scene.clock.advance(LEASE);
    let (here, there) = tokio::join!(scene.store.expire(), other.store.expire());
    assert_eq!(here.expect("the store works") + there.expect("the store works"), 5);
    for claimed in &claimed {
        let run = scene.get(claimed.run.id).await.run;
        assert_eq!((run.state.kind(), run.suspicion), (StateKind::Pending, 1), "it crashed once");
    }
}

pub async fn a_server_goes_on_while_one_at_the_other_handle_tries_a_suspect(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    let suspect = scene.enqueue().await;
    // Processes died with it until it is tried alone.
    for n in 0.. {
        let doomed = fixture::server_id(scene.now(), 2000 + n);
        scene.store.heartbeat(beat(doomed, LEASE)).await.expect("a new server may live");
        let request = ClaimRequest { server: doomed, ..scene.request(1) };
        assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [suspect]);
        scene.store.leave(doomed).await.expect("the store works");
        let isolation = longhaul_core::admission::Isolation::of(&scene.get(suspect).await.run);
        if isolation == longhaul_core::admission::Isolation::LastTry {
            break;
        }
    }
    let innocent: Vec<_> = [scene.enqueue().await, scene.enqueue().await].into();
    assert_eq!(ids(&scene.claim(1).await), [suspect], "it is alone on its server");
    assert_eq!(scene.claim(2).await, []);
    let mut claimed = ids(&other.claim(2).await);
    claimed.sort_unstable();
    assert_eq!(claimed, innocent, "on another server nothing has to wait for it");
}

pub async fn what_one_handle_did_is_counted_by_the_other(mut scene: Scene) {
    let Some(other) = Other::of(&mut scene).await else { return };
    for _ in 0..3 {
        scene.enqueue().await;
    }
    let claimed = other.claim(2).await;
    other.store.settle(vec![settlement(&claimed[0], completed(1))]).await.expect("the store works");
    // Where counts are kept as changes of each server, this folds them.
    let retentions = longhaul_core::Retentions::from(longhaul_core::Retention::default());
    for store in [&scene.store, &other.store] {
        store.sweep(retentions.clone(), 100).await.expect("the store works");
    }
    let here = scene.store.statistics().await.expect("the store works").counts;
    let of = |state| here.count(&longhaul_core::store::Filter { states: vec![state], ..Default::default() });
    assert_eq!([StateKind::Pending, StateKind::Running, StateKind::Completed].map(of), [Some(1); 3]);
    assert_eq!(other.store.statistics().await.map(|statistics| statistics.counts), Ok(here));
}
