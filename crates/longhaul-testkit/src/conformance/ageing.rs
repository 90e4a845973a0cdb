//! Priority that grows with the time that a run has waited.

use std::time::Duration;

use longhaul_core::{
    Actor, Ageing, ControlChange, Explanation, Limits, NewRun, Priority, Queue, RunId, Scope, explain::Ahead, run::Due,
    store::RunUpdate,
};

use super::{Scene, scene::ids};
use crate::fixture::{completed, interrupted};

const STEP: Duration = Duration::from_secs(60);
const ALMOST: Duration = Duration::from_secs(59);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn ageing() -> Limits {
    Limits { ageing: Some(Ageing::new(STEP).expect("a step that can be kept")), ..Limits::NONE }
}

pub(super) fn default_queue() -> Scope {
    Scope::Queue(Queue::default())
}

impl Scene {
    pub(super) async fn enqueue_at(&mut self, priority: i8) -> RunId {
        let new = NewRun { priority: Priority(priority), ..self.new_run() };
        self.insert(new).await
    }
}

pub async fn a_run_that_waits_rises_by_a_level_each_step(mut scene: Scene) {
    for (limits, order) in [(ageing(), [1, 0, 2, 4, 3]), (Limits::NONE, [4, 1, 2, 0, 3])] {
        scene.declare(default_queue(), limits).await;
        let mut runs = vec![scene.enqueue_at(0).await];
        scene.clock.advance(ALMOST);
        runs.push(scene.enqueue_at(1).await);
        scene.clock.advance(SECOND * 2);
        runs.push(scene.enqueue_at(1).await);
        scene.clock.advance(STEP * 3);
        runs.push(scene.enqueue_at(-2).await);
        runs.push(scene.enqueue_at(2).await);
        let expected = order.map(|place| runs[place]);
        assert_eq!(ids(&scene.claim(2).await), expected[..2]);
        // They grow alike: however long it lasts, nothing changes between them.
        scene.clock.advance(STEP * 1000);
        let rest = scene.claim(9).await;
        assert_eq!(ids(&rest), expected[2..]);
    }
}

pub async fn a_run_of_low_priority_begins_in_bounded_time_under_a_stream_of_higher_ones(mut scene: Scene) {
    for (limits, begins) in [(ageing(), true), (Limits::NONE, false)] {
        scene.declare(default_queue(), limits).await;
        let low = scene.enqueue_at(0).await;
        let (mut started, mut begun) = (0, false);
        // Two come where one starts. Those of the first three steps are ahead of it, which are 36.
        for _ in 0..40 {
            for _ in 0..2 {
                scene.enqueue_at(3).await;
            }
            let claimed = scene.claim_one().await;
            begun |= claimed.run.id == low;
            started += 1;
            scene.end(&claimed, completed(1)).await;
            scene.clock.advance(SECOND * 10);
        }
        assert_eq!((begun, started), (begins, 40));
        for claimed in scene.claim(99).await {
            scene.end(&claimed, completed(1)).await;
        }
    }
}

pub async fn a_run_waits_since_it_is_due_however_it_came_to_be(mut scene: Scene) {
    scene.declare(default_queue(), ageing()).await;
    // One that is given back waits anew, and one for later waits from then on.
    let given_back = scene.enqueue_at(0).await;
    let claimed = scene.claim_one().await;
    let later = NewRun { due: Some(Due::After(STEP * 2)), ..scene.new_run() };
    let later = scene.insert(later).await;
    scene.clock.advance(STEP * 2);
    scene.end(&claimed, interrupted()).await;
    scene.clock.advance(ALMOST);
    let higher = scene.enqueue_at(1).await;
    scene.clock.advance(STEP * 9);
    assert_eq!(ids(&scene.claim(9).await), [higher, given_back, later]);

    // One that was enqueued for a time that has passed has waited since then.
    let higher = scene.enqueue_at(1).await;
    let due = scene.now();
    scene.clock.advance(STEP * 5);
    let other = scene.enqueue_at(4).await;
    let past = NewRun { due: Some(Due::At(due)), ..scene.new_run() };
    let past = scene.insert(past).await;
    assert_eq!(ids(&scene.claim(9).await), [higher, past, other]);
}

pub async fn a_priority_that_is_changed_counts_as_if_it_had_been_so_all_the_time(mut scene: Scene) {
    scene.declare(default_queue(), ageing()).await;
    let first = scene.enqueue_at(0).await;
    scene.clock.advance(STEP / 2);
    let (second, third) = (scene.enqueue_at(1).await, scene.enqueue_at(1).await);
    for (id, priority) in [(first, 1), (third, 2)] {
        let update = RunUpdate::Prioritise(Priority(priority));
        scene.store.update(id, update, Actor::UNKNOWN).await.expect("it waits");
    }
    assert_eq!(ids(&scene.claim(9).await), [third, first, second]);
}

pub async fn ageing_outlives_the_process_and_is_over_when_it_is_taken_back(mut scene: Scene) {
    scene.store.control(default_queue(), ControlChange::Set(Some(ageing()))).await.expect("the store works");
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(scene.enqueue_at(0).await);
    }
    scene.clock.advance(STEP * 2);
    runs.push(scene.enqueue_at(1).await);
    scene.crash().await;
    let controls = scene.store.controls().await.expect("the store works");
    assert_eq!(controls.get(&default_queue()).map(longhaul_core::Control::limits), Some(ageing()));
    assert_eq!(ids(&scene.claim(1).await), runs[..1]);
    scene.store.control(default_queue(), ControlChange::Set(None)).await.expect("the store works");
    assert_eq!(ids(&scene.claim(1).await), runs[3..]);
    scene.declare(default_queue(), ageing()).await;
    assert_eq!(ids(&scene.claim(9).await), runs[1..3]);
}

pub async fn what_is_ahead_of_it_by_its_age_is_told(mut scene: Scene) {
    scene.offer("plain", 1, &[]).await;
    scene.declare(default_queue(), ageing()).await;
    let low = scene.enqueue_at(0).await;
    scene.clock.advance(STEP * 2);
    let own = scene.enqueue_at(1).await;
    scene.enqueue_at(4).await;
    let of = |ahead| Explanation::WaitsForSlot { servers: 1, ahead };
    let both = Ahead { of_higher_priority: 1, of_lower_priority: 1, ..Ahead::default() };
    assert_eq!(scene.why(own).await, of(both));
    assert_eq!(scene.why(low).await, of(Ahead { of_higher_priority: 1, ..Ahead::default() }));
    scene.declare(default_queue(), Limits::NONE).await;
    assert_eq!(scene.why(low).await, of(Ahead { of_higher_priority: 2, ..Ahead::default() }));
}
