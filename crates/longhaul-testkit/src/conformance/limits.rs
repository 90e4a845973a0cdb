//! What holds runs back: pauses, limits, rates, labels, and the shares of queues.

use std::time::Duration;

use longhaul_core::{
    Constraints, ControlChange, Key, Kind, Label, Limits, NewRun, Paused, Queue, Rate, RunId, Scope,
    admission::Capacity, run::Due, store::ClaimRequest,
};

use super::{Scene, scene::ids};
use crate::fixture::{completed, failed, interrupted, suspended};

const PERIOD: Duration = Duration::from_secs(60);

fn plain() -> Scope {
    Scope::Kind(Kind::new("plain").expect("a kind that can be used"))
}

fn queue(name: &str) -> Queue {
    Queue::new(name).expect("a queue that can be used")
}

fn running(max: u32) -> Limits {
    Limits { running: Some(max), ..Limits::NONE }
}

impl Scene {
    pub(super) async fn declare(&self, scope: Scope, limits: Limits) {
        self.store.control(scope, ControlChange::Declare(limits)).await.expect("the store works");
    }

    async fn pause(&self, scope: Scope) {
        let paused = Paused::new(self.now(), "ann", Some("the disk is full"));
        self.store.control(scope, ControlChange::Pause(paused)).await.expect("the store works");
    }

    pub(super) async fn enqueue_in(&mut self, name: &str) -> RunId {
        let new = NewRun { queue: queue(name), ..self.new_run() };
        self.insert(new).await
    }

    async fn enqueue_with(&mut self, constraints: Constraints) -> RunId {
        let new = NewRun { constraints: Some(constraints.into()), ..self.new_run() };
        self.insert(new).await
    }

    pub(super) async fn enqueue_of_key(&mut self, key: &str) -> RunId {
        let limit_key = Some(Key::new(key).expect("a key that can be used"));
        self.enqueue_with(Constraints { limit_key, ..Constraints::default() }).await
    }
}

pub async fn nothing_of_a_paused_queue_or_kind_is_claimed_until_it_is_resumed(mut scene: Scene) {
    let (one, other) = (scene.enqueue().await, scene.enqueue_in("other").await);
    scene.pause(Scope::Queue(Queue::default())).await;
    assert_eq!(ids(&scene.claim(9).await), [other]);
    scene.store.control(Scope::Queue(Queue::default()), ControlChange::Resume).await.expect("the store works");
    scene.pause(plain()).await;
    assert_eq!(scene.claim(9).await, []);
    let controls = scene.store.controls().await.expect("the store works");
    let paused = controls.get(&plain()).and_then(|control| control.paused.clone()).expect("it is paused");
    assert_eq!((&*paused.by, paused.why.as_deref()), ("ann", Some("the disk is full")));
    scene.store.control(plain(), ControlChange::Resume).await.expect("the store works");
    assert_eq!(ids(&scene.claim(9).await), [one]);
    assert!(scene.store.controls().await.expect("the store works").is_empty());
}

pub async fn a_server_that_drains_finishes_what_it_has_and_claims_nothing(mut scene: Scene) {
    let executing = scene.running().await;
    let (drained, other) = (Scope::Server(scene.server), scene.new_server(PERIOD).await);
    scene.pause(drained.clone()).await;
    let next = scene.enqueue().await;
    assert_eq!(scene.claim(9).await, []);
    assert_eq!(scene.checkpoint(&executing, 1, 1).await.map(|_| ()), Ok(()));
    scene.end(&executing, completed(1)).await;
    assert_eq!(scene.claim(9).await, []);
    let request = ClaimRequest { server: other, ..scene.request(9) };
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [next], "others go on");

    let last = scene.enqueue().await;
    scene.store.control(drained.clone(), ControlChange::Resume).await.expect("the store works");
    assert_eq!(ids(&scene.claim(9).await), [last]);
    // What is said of a server goes with it.
    scene.pause(Scope::Server(other)).await;
    scene.store.leave(other).await.expect("the store works");
    assert!(scene.store.controls().await.expect("the store works").is_empty());
}

pub async fn pauses_and_limits_outlive_the_process(mut scene: Scene) {
    scene.pause(Scope::Queue(queue("paused"))).await;
    scene.declare(plain(), running(1)).await;
    scene.store.control(plain(), ControlChange::Set(Some(running(2)))).await.expect("the store works");
    scene.enqueue_in("paused").await;
    for _ in 0..3 {
        scene.enqueue().await;
    }
    let before = scene.store.controls().await.expect("the store works");
    scene.crash().await;
    assert_eq!(scene.store.controls().await, Ok(before));
    assert_eq!(scene.claim(9).await.len(), 2);
}

pub async fn a_resumed_queue_serves_a_waiting_claim(mut scene: Scene) {
    let id = scene.enqueue().await;
    scene.pause(plain()).await;
    let waiting = scene.parked_claim().await;
    scene.store.control(plain(), ControlChange::Resume).await.expect("the store works");
    assert_eq!(ids(&waiting.answer().await), [id]);
}

pub async fn no_more_run_at_once_than_a_limit_allows_however_they_end(mut scene: Scene) {
    scene.declare(plain(), running(2)).await;
    for _ in 0..8 {
        scene.enqueue().await;
    }
    let mut claimed = scene.claim(9).await;
    assert_eq!(claimed.len(), 2);
    let endings = [completed(1), suspended(), interrupted(), failed("no route", claimed[0].run.attempt(), scene.now())];
    for ending in endings {
        assert_eq!(scene.claim(9).await, []);
        let one = claimed.remove(0);
        scene.end(&one, ending).await;
        let more = scene.claim(9).await;
        assert_eq!(more.len(), 1);
        claimed.extend(more);
    }
}

pub async fn a_slot_is_free_again_when_its_process_died_or_its_lease_ran_out(mut scene: Scene) {
    scene.declare(plain(), running(1)).await;
    scene.enqueue().await;
    scene.enqueue().await;
    let claimed = scene.claim_one().await;
    scene.checkpoint(&claimed, 1, 1).await.expect("the attempt holds the run");
    scene.crash().await;
    let claimed = scene.claim(9).await;
    assert_eq!(claimed.len(), 1);
    scene.checkpoint(&claimed[0], 1, 2).await.expect("the attempt holds the run");
    assert_eq!(scene.claim(9).await, []);
    scene.store.leave(scene.server).await.expect("the store works");
    scene.server = scene.new_server(PERIOD).await;
    assert_eq!(scene.claim(9).await.len(), 1);
}

pub async fn the_end_of_one_serves_a_claim_that_waits_for_its_slot(mut scene: Scene) {
    scene.declare(plain(), running(1)).await;
    scene.enqueue().await;
    let second = scene.enqueue().await;
    let claimed = scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.end(&claimed, completed(1)).await;
    assert_eq!(ids(&waiting.answer().await), [second]);
}

pub async fn runs_that_share_a_key_share_a_limit_and_hold_up_no_others(mut scene: Scene) {
    scene.declare(plain(), Limits { per_key: Some(1), ..Limits::NONE }).await;
    let mut first = Vec::new();
    for key in ["a", "b"] {
        for nth in 0..3 {
            let id = scene.enqueue_of_key(key).await;
            first.extend((nth == 0).then_some(id));
        }
    }
    let free = scene.enqueue().await;
    let claimed = scene.claim(99).await;
    assert_eq!(ids(&claimed), [first[0], first[1], free]);
    scene.end(&claimed[1], completed(1)).await;
    let next = scene.claim(99).await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].run.constraints().limit_key, Some(Key::new("b").expect("a key")));
}

pub async fn no_more_start_in_a_period_than_a_rate_allows(mut scene: Scene) {
    let rate = Rate::new(2, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate: Some(rate), ..Limits::NONE }).await;
    for _ in 0..5 {
        scene.enqueue().await;
    }
    for claimed in scene.claim(9).await {
        scene.end(&claimed, completed(1)).await;
    }
    assert_eq!(scene.claim(9).await, []);
    scene.clock.advance(PERIOD / 2);
    assert_eq!(scene.claim(9).await, []);
    scene.clock.advance(PERIOD / 2);
    assert_eq!(scene.claim(9).await.len(), 2);
    scene.clock.advance(PERIOD * 10);
    assert_eq!(scene.claim(9).await.len(), 1);
}

pub async fn no_window_of_a_period_has_more_starts_than_a_rate_allows_not_even_over_a_restart(mut scene: Scene) {
    const MAX: usize = 20;
    let rate = Rate::new(MAX as u32, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate: Some(rate), ..Limits::NONE }).await;
    for _ in 0..200 {
        scene.enqueue().await;
    }
    let mut started = Vec::new();
    for step in 0..60_u32 {
        for claimed in scene.claim(3 + step as usize % 5).await {
            started.push(scene.now());
            scene.end(&claimed, completed(1)).await;
        }
        if step % 7 == 3 {
            scene.crash().await;
        }
        scene.clock.advance(PERIOD * (1 + step % 3) / 40);
    }
    for end in &started {
        let within = started.iter().filter(|at| *at <= end && at.after(PERIOD) > *end).count();
        assert!(within <= MAX, "{within} started within a period up to {end:?}");
    }
    assert!(started.len() > 2 * MAX, "only {} started in three periods", started.len());
}

pub async fn a_restart_does_not_fill_a_rate_up_again(mut scene: Scene) {
    let rate = Rate::new(1, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate: Some(rate), ..Limits::NONE }).await;
    scene.enqueue().await;
    scene.enqueue().await;
    let claimed = scene.claim_one().await;
    scene.end(&claimed, completed(1)).await;
    scene.crash().await;
    assert_eq!(scene.claim(9).await, []);
    scene.clock.advance(PERIOD);
    assert_eq!(scene.claim(9).await.len(), 1);
}

pub async fn a_claim_that_waits_for_a_rate_is_served_when_it_allows(mut scene: Scene) {
    let rate = Rate::new(1, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate: Some(rate), ..Limits::NONE }).await;
    scene.enqueue().await;
    let second = scene.enqueue().await;
    scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(PERIOD);
    assert_eq!(ids(&waiting.answer().await), [second]);
}

pub async fn a_rate_of_a_key_holds_up_no_other_key_and_ends_in_time(mut scene: Scene) {
    let rate = Rate::new(1, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate_per_key: Some(rate), ..Limits::NONE }).await;
    let (first, second) = (scene.enqueue_of_key("a").await, scene.enqueue_of_key("a").await);
    assert_eq!(ids(&scene.claim(9).await), [first]);
    assert_eq!(scene.claim(9).await, []);
    // What comes to a line that is held up has to wait with it; a line of its own has not.
    let third = scene.enqueue_of_key("a").await;
    let other = scene.enqueue_of_key("b").await;
    assert_eq!(ids(&scene.claim(9).await), [other]);
    let waiting = scene.parked_claim().await;
    scene.clock.advance(PERIOD);
    assert_eq!(ids(&waiting.answer().await), [second]);
    assert_eq!(scene.claim(9).await, []);
    scene.clock.advance(PERIOD);
    assert_eq!(ids(&scene.claim(9).await), [third]);
}

pub async fn a_rate_of_a_key_that_is_lifted_holds_nothing_up_any_more(mut scene: Scene) {
    let rate = Rate::new(1, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate_per_key: Some(rate), ..Limits::NONE }).await;
    let first = scene.enqueue_of_key("a").await;
    let rest = [scene.enqueue_of_key("a").await, scene.enqueue_of_key("a").await];
    assert_eq!(ids(&scene.claim(9).await), [first]);
    assert_eq!(scene.claim(9).await, []);
    scene.declare(plain(), Limits::NONE).await;
    assert_eq!(ids(&scene.claim(9).await), rest);
}

pub async fn a_key_is_not_closed_by_what_a_clock_said_that_was_set_back(mut scene: Scene) {
    let rate = Rate::new(1, PERIOD).expect("a rate");
    scene.declare(plain(), Limits { rate_per_key: Some(rate), ..Limits::NONE }).await;
    let back = scene.now();
    scene.clock.advance(PERIOD * 100);
    let mut both = Vec::new();
    for _ in 0..2 {
        let constraints = Constraints { limit_key: Some(Key::new("a").expect("a key")), ..Constraints::default() };
        let new = NewRun { constraints: Some(constraints.into()), due: Some(Due::At(back)), ..scene.new_run() };
        both.push(scene.insert(new).await);
    }
    assert_eq!(ids(&scene.claim(9).await), both[..1]);
    assert_eq!(scene.claim(9).await, []);
    scene.clock.set(back);
    assert_eq!(ids(&scene.claim(9).await), both[1..]);
}

pub async fn queues_share_claims_by_their_weights(mut scene: Scene) {
    scene.declare(Scope::Queue(queue("fast")), Limits { weight: Some(3), ..Limits::NONE }).await;
    for _ in 0..40 {
        scene.enqueue_in("slow").await;
    }
    for _ in 0..40 {
        scene.enqueue_in("fast").await;
    }
    for max in [20, 1, 1, 1, 1] {
        let claimed = scene.claim(max).await;
        assert_eq!(claimed.len(), max);
        let fast = claimed.iter().filter(|one| one.run.queue == queue("fast")).count();
        assert!(max == 1 || fast == 15, "{fast} of {max}");
    }
}

pub async fn a_server_gets_of_each_queue_what_it_has_room_for(mut scene: Scene) {
    for name in ["default", "imports", "mail"] {
        scene.enqueue_in(name).await;
        scene.enqueue_in(name).await;
    }
    let capacity = Capacity { per_queue: vec![(queue("imports"), 1)], only_listed: true };
    let request = ClaimRequest { capacity, ..scene.request(9) };
    let claimed = scene.store.claim(request).await.expect("the store works");
    assert_eq!(claimed.iter().map(|one| one.run.queue.as_str()).collect::<Vec<_>>(), ["imports"]);
    let capacity = Capacity { per_queue: vec![(queue("imports"), 0)], only_listed: false };
    let request = ClaimRequest { capacity, ..scene.request(9) };
    assert_eq!(scene.store.claim(request).await.expect("the store works").len(), 4);
}

pub async fn a_run_that_requires_labels_is_left_to_servers_that_have_them(mut scene: Scene) {
    let label = |name: &str| Label::new(name).expect("a label that can be used");
    let requires = vec![label("gpu"), label("zone:eu")];
    let id = scene.enqueue_with(Constraints { requires, ..Constraints::default() }).await;
    for labels in [vec![], vec![label("gpu")]] {
        let request = ClaimRequest { labels: labels.into(), ..scene.request(9) };
        assert_eq!(scene.store.claim(request).await, Ok(vec![]));
    }
    let labels = [label("zone:eu"), label("ssd"), label("gpu")].into();
    let request = ClaimRequest { labels, ..scene.request(9) };
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [id]);
}

pub async fn terms_can_be_read_back(mut scene: Scene) {
    let constraints = Constraints {
        limit_key: Some(Key::new("Tenant Ä").expect("a key")),
        requires: vec![Label::new("gpu").expect("a label")],
        trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        ..Constraints::default()
    };
    let id = scene.enqueue_with(constraints.clone()).await;
    assert_eq!(scene.get(id).await.run.constraints(), &constraints);
    scene.crash().await;
    assert_eq!(scene.get(id).await.run.constraints(), &constraints);
}
