//! Pauses that end by themselves.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Constraints, Control, ControlChange, Explanation, Key, Kind, NewRun, Paused, Queue, Retention, Retentions, RunId,
    Scope, Timestamp, admission::BlockedBy, store::ServerBeat,
};

use super::{
    Scene,
    scene::{beat, ids},
};
use crate::fixture::{completed, support};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn queue() -> Scope {
    Scope::Queue(Queue::default())
}

impl Scene {
    fn until(&self, until: Timestamp, why: &str) -> Paused {
        Paused { until: Some(until), ..Paused::new(self.now(), "ann", Some(why)) }
    }

    async fn control(&self, scope: Scope, change: ControlChange) -> Control {
        self.store.control(scope, change).await.expect("the store works")
    }

    async fn paused(&self, scope: &Scope) -> Option<Paused> {
        let controls = self.store.controls().await.expect("the store works");
        controls.get(scope).and_then(|control| control.paused.clone())
    }
}

pub async fn a_pause_ends_by_itself_at_its_time(mut scene: Scene) {
    let kinds = [support("plain", 1)].into();
    scene.store.heartbeat(ServerBeat { kinds, ..beat(scene.server, HOUR * 1000) }).await.expect("it lives");
    for scope in [queue(), Scope::Kind(Kind::new("plain").expect("a kind"))] {
        let id = scene.enqueue().await;
        let until = scene.now().after(HOUR);
        let paused = scene.until(until, "too many requests");
        let control = scene.control(scope.clone(), ControlChange::Pause(paused.clone())).await;
        assert_eq!((control.paused, scene.paused(&scope).await), (Some(paused.clone()), Some(paused)));
        let why = scene.store.explain(id).await.expect("it is there");
        let Explanation::BlockedBy { by, .. } = why else { panic!("{why}") };
        let expected =
            BlockedBy::Paused { scope: scope.clone(), until: Some(until), why: Some("too many requests".into()) };
        assert_eq!(by, expected);
        scene.clock.set(Timestamp::from_micros(until.as_micros() - 1));
        assert_eq!(ids(&scene.claim(10).await), []);
        scene.clock.set(until);
        assert_eq!(scene.paused(&scope).await, None, "it is not shown any more");
        assert_eq!(ids(&scene.claim(10).await), [id]);
    }
}

pub async fn a_drain_that_ends_by_itself_serves_a_waiting_claim(mut scene: Scene) {
    let until = scene.now().after(HOUR);
    let paused = scene.until(until, "a new disk");
    let server = Scope::Server(scene.server);
    scene.control(server.clone(), ControlChange::Pause(paused)).await;
    let id = scene.enqueue().await;
    assert_eq!(ids(&scene.claim(10).await), []);
    let parked = scene.parked_claim().await;
    scene.clock.set(until);
    assert_eq!(parked.claimed_id().await, id);
    assert_eq!(scene.paused(&server).await, None);
}

pub async fn a_pause_that_ends_by_itself_outlives_the_process(mut scene: Scene) {
    let id = scene.enqueue().await;
    let until = scene.now().after(HOUR);
    let paused = scene.until(until, "too many requests");
    scene.control(queue(), ControlChange::Pause(paused.clone())).await;
    scene.clock.advance(HOUR / 2);
    scene.crash().await;
    assert_eq!(scene.paused(&queue()).await, Some(paused));
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.clock.set(until);
    assert_eq!(ids(&scene.claim(10).await), [id]);
}

fn customer(key: &str) -> Scope {
    Scope::LimitKey(support("plain", 1).kind, Key::new(key).expect("a key"))
}

impl Scene {
    /// Enqueues a run of the kind `plain` with this limit key.
    async fn enqueue_for(&mut self, key: &str) -> RunId {
        let limit_key = Some(Key::new(key).expect("a key"));
        let constraints = Some(Arc::new(Constraints { limit_key, ..Constraints::default() }));
        let new = NewRun { constraints, ..self.new_run() };
        let id = new.id;
        self.insert(new).await;
        id
    }
}

pub async fn a_pause_of_a_limit_key_holds_its_runs_back_and_no_others(mut scene: Scene) {
    let kinds = [support("plain", 1)].into();
    scene.store.heartbeat(ServerBeat { kinds, ..beat(scene.server, HOUR * 1000) }).await.expect("it lives");
    let (held, other) = (scene.enqueue_for("customer 7").await, scene.enqueue_for("customer 8").await);
    let (scope, until) = (customer("customer 7"), scene.now().after(HOUR));
    let paused = scene.until(until, "too many requests");
    let control = scene.control(scope.clone(), ControlChange::PauseAtLeast(paused.clone())).await;
    assert_eq!((control.paused, scene.paused(&scope).await), (Some(paused.clone()), Some(paused)));
    let none = scene.enqueue().await;
    let claimed = scene.claim(10).await;
    assert_eq!(ids(&claimed), [other, none]);
    for claimed in &claimed {
        scene.end(claimed, completed(1)).await;
    }
    let why = scene.store.explain(held).await.expect("it is there");
    let Explanation::BlockedBy { by, .. } = &why else { panic!("{why}") };
    let expected =
        BlockedBy::Paused { scope: scope.clone(), until: Some(until), why: Some("too many requests".into()) };
    assert_eq!(*by, expected);
    assert!(why.to_string().contains("the limit key `customer 7` of the kind `plain` is paused until"), "{why}");
    // Those that come later wait too, and it outlives the process.
    let later = scene.enqueue_for("customer 7").await;
    scene.crash().await;
    assert!(scene.paused(&scope).await.is_some());
    scene.clock.set(Timestamp::from_micros(until.as_micros() - 1));
    let parked = scene.parked_claim().await;
    scene.clock.set(until);
    assert_eq!(parked.claimed_id().await, held);
    assert_eq!((ids(&scene.claim(10).await), scene.paused(&scope).await), (vec![later], None));
}

pub async fn a_pause_of_a_limit_key_is_resumed(mut scene: Scene) {
    let id = scene.enqueue_for("customer 7").await;
    let paused = scene.until(scene.now().after(HOUR), "too many requests");
    scene.control(customer("customer 7"), ControlChange::Pause(paused)).await;
    assert_eq!(ids(&scene.claim(10).await), []);
    let parked = scene.parked_claim().await;
    assert_eq!(scene.control(customer("customer 7"), ControlChange::Resume).await, Control::default());
    assert_eq!(parked.claimed_id().await, id);
    assert!(scene.store.controls().await.expect("the store works").is_empty());
}

pub async fn a_pause_of_a_limit_key_is_swept_away_after_its_end(mut scene: Scene) {
    let (before, until) = (scene.now(), scene.now().after(HOUR));
    for (key, sweeps) in [("customer 7", true), ("customer 8", false)] {
        scene.clock.set(before);
        let paused = scene.until(until, "too many requests");
        scene.control(customer(key), ControlChange::PauseAtLeast(paused)).await;
        let id = scene.enqueue_for(key).await;
        assert_eq!(ids(&scene.claim(10).await), []);
        scene.clock.set(until);
        if sweeps {
            scene.store.sweep(Retentions::from(Retention::forever()), 10).await.expect("the store works");
        } else {
            // A pause of another key does it too.
            let paused = scene.until(until.after(HOUR), "too many requests");
            scene.control(customer("customer 9"), ControlChange::PauseAtLeast(paused)).await;
        }
        // It does not come back with the clock.
        scene.clock.set(before);
        scene.crash().await;
        let claimed = scene.claim(10).await;
        assert_eq!(ids(&claimed), [id], "{key}");
        scene.end(&claimed[0], completed(1)).await;
    }
}

pub async fn the_end_of_a_pause_serves_a_waiting_claim(mut scene: Scene) {
    let until = scene.now().after(HOUR);
    let paused = scene.until(until, "too many requests");
    scene.control(queue(), ControlChange::Pause(paused)).await;
    let id = scene.enqueue().await;
    let parked = scene.parked_claim().await;
    scene.clock.set(until);
    assert_eq!(parked.claimed_id().await, id);
}

pub async fn a_pause_until_a_time_does_not_shorten_one_that_lasts_longer(scene: Scene) {
    let hour = |n| scene.now().after(HOUR * n);
    let at_least = |n| ControlChange::PauseAtLeast(scene.until(hour(n), "a task"));
    let end = |control: Control| control.paused.map(|paused| paused.until);
    assert_eq!(end(scene.control(queue(), at_least(2)).await), Some(Some(hour(2))));
    assert_eq!(end(scene.control(queue(), at_least(1)).await), Some(Some(hour(2))));
    assert_eq!(end(scene.control(queue(), at_least(3)).await), Some(Some(hour(3))));
    // A person may.
    let shorter = ControlChange::Pause(scene.until(hour(1), "a person"));
    assert_eq!(end(scene.control(queue(), shorter).await), Some(Some(hour(1))));
    let for_ever = ControlChange::Pause(Paused::new(scene.now(), "a person", None));
    assert_eq!(end(scene.control(queue(), for_ever).await), Some(None));
    assert_eq!(end(scene.control(queue(), at_least(9)).await), Some(None));
    assert_eq!(end(scene.control(queue(), ControlChange::Resume).await), None);
}
