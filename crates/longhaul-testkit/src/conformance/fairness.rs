//! Limit keys that take turns.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use longhaul_core::{
    AfterFailure, Constraints, Explanation, Key, Kind, Limits, NewRun, Priority, Rate, RunId, Scope, Timestamp,
    explain::Ahead, store::Claimed,
};

use super::{
    Scene,
    ageing::{ageing, default_queue},
    order::ordered,
    scene::ids,
};
use crate::fixture::completed;

const STEP: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

fn fair() -> Limits {
    Limits { fair_by_key: true, ..Limits::NONE }
}

fn with_key(key: &str, new: NewRun) -> NewRun {
    let before = new.constraints.as_deref().cloned().unwrap_or_default();
    let limit_key = (!key.is_empty()).then(|| Key::new(key).expect("a key that can be used"));
    NewRun { constraints: Some(Constraints { limit_key, ..before }.into()), ..new }
}

impl Scene {
    /// New runs of a key, and of none if it is empty.
    async fn enqueue_many<const N: usize>(&mut self, key: &str, priority: i8) -> [RunId; N] {
        let mut made = Vec::new();
        for _ in 0..N {
            let new = with_key(key, NewRun { priority: Priority(priority), ..self.new_run() });
            made.push(self.insert(new).await);
        }
        made.try_into().expect("as many as were asked for")
    }
}

pub async fn limit_keys_take_turns_within_a_claim_and_from_claim_to_claim(mut scene: Scene) {
    scene.declare(default_queue(), fair()).await;
    let x: [RunId; 6] = scene.enqueue_many("x", 0).await;
    let y: [RunId; 3] = scene.enqueue_many("y", 0).await;
    let none: [RunId; 2] = scene.enqueue_many("", 0).await;
    assert_eq!(ids(&scene.claim(4).await), [x[0], y[0], none[0], x[1]]);
    assert_eq!(ids(&scene.claim(1).await), [y[1]]);
    assert_eq!(ids(&scene.claim(1).await), [none[1]]);
    assert_eq!(ids(&scene.claim(9).await), [x[2], y[2], x[3], x[4], x[5]]);

    scene.declare(default_queue(), Limits::NONE).await;
    let x: [RunId; 3] = scene.enqueue_many("x", 0).await;
    let y: [RunId; 1] = scene.enqueue_many("y", 0).await;
    assert_eq!(ids(&scene.claim(9).await), [x[0], x[1], x[2], y[0]], "not unless it is asked for");
}

pub async fn turns_are_taken_within_a_priority(mut scene: Scene) {
    scene.declare(default_queue(), fair()).await;
    let low: [RunId; 2] = scene.enqueue_many("x", 0).await;
    let other: [RunId; 2] = scene.enqueue_many("y", 0).await;
    let high: [RunId; 3] = scene.enqueue_many("x", 5).await;
    let between: [RunId; 1] = scene.enqueue_many("y", 5).await;
    assert_eq!(ids(&scene.claim(4).await), [high[0], between[0], high[1], high[2]]);
    assert_eq!(ids(&scene.claim(9).await), [low[0], other[0], low[1], other[1]]);
}

pub async fn a_new_key_neither_jumps_over_those_that_wait_nor_waits_behind_all_that_they_have(mut scene: Scene) {
    scene.declare(default_queue(), fair()).await;
    let x: [RunId; 9] = scene.enqueue_many("x", 0).await;
    let y: [RunId; 9] = scene.enqueue_many("y", 0).await;
    scene.clock.advance(SECOND);
    assert_eq!(ids(&scene.claim(3).await), [x[0], y[0], x[1]]);
    scene.clock.advance(SECOND);
    let z: [RunId; 1] = scene.enqueue_many("z", 0).await;
    assert_eq!(ids(&scene.claim(4).await), [y[1], x[2], z[0], y[2]]);
    // A key that had nothing for a while has saved nothing up, and has lost nothing.
    scene.clock.advance(SECOND);
    assert_eq!(ids(&scene.claim(2).await), [x[3], y[3]]);
    scene.clock.advance(SECOND);
    let again: [RunId; 2] = scene.enqueue_many("z", 0).await;
    assert_eq!(ids(&scene.claim(4).await), [x[4], y[4], again[0], x[5]]);
}

pub async fn a_key_has_one_turn_for_all_its_kinds(mut scene: Scene) {
    scene.declare(default_queue(), fair()).await;
    let x: [RunId; 2] = scene.enqueue_many("x", 0).await;
    let mut of_other_kind = Vec::new();
    for _ in 0..2 {
        let new = with_key("x", scene.new_run_of("other"));
        of_other_kind.push(scene.insert(new).await);
    }
    let y: [RunId; 4] = scene.enqueue_many("y", 0).await;
    assert_eq!(ids(&scene.claim(3).await), [x[0], y[0], x[1]]);
    assert_eq!(ids(&scene.claim(9).await), [y[1], of_other_kind[0], y[2], of_other_kind[1], y[3]]);
}

pub async fn runs_ordered_by_a_key_stay_in_order_though_limit_keys_take_turns(mut scene: Scene) {
    scene.declare(default_queue(), fair()).await;
    let mut of_account = Vec::new();
    for tenant in ["x", "y", "x"] {
        let new = with_key(tenant, scene.new_run());
        of_account.push(scene.insert(ordered(new, "account 7", AfterFailure::Stop)).await);
    }
    let others: [RunId; 2] = scene.enqueue_many("y", 0).await;
    let claimed = scene.claim(9).await;
    assert_eq!(ids(&claimed), [of_account[0], others[0], others[1]], "the others of the account are not due");
    scene.end(&claimed[0], completed(1)).await;
    let claimed = scene.claim(9).await;
    assert_eq!(ids(&claimed), of_account[1..2]);
    scene.end(&claimed[0], completed(1)).await;
    assert_eq!(ids(&scene.claim(9).await), of_account[2..]);
}

pub async fn with_ageing_too_a_low_priority_of_each_key_begins_in_bounded_time(mut scene: Scene) {
    scene.declare(default_queue(), Limits { fair_by_key: true, ..ageing() }).await;
    let low =
        [scene.enqueue_many::<1>("x", 0).await, scene.enqueue_many("y", 0).await, scene.enqueue_many("z", 0).await];
    let mut begun: BTreeMap<RunId, Timestamp> = BTreeMap::new();
    let start = scene.now();
    for _ in 0..30 {
        for key in ["x", "y"] {
            scene.enqueue_many::<1>(key, 2).await;
        }
        let claimed = scene.claim_one().await;
        begun.insert(claimed.run.id, scene.now());
        scene.end(&claimed, completed(1)).await;
        scene.clock.advance(SECOND * 10);
    }
    // Two levels are worth two steps; what was enqueued or had its turn before that is ahead.
    for id in low.iter().flatten() {
        let waited = begun.get(id).map(|at| at.since(start));
        assert!(waited.is_some_and(|waited| (STEP * 2..STEP * 3).contains(&waited)), "{waited:?}");
    }
}

pub async fn limits_hold_with_ageing_turns_orders_rates_and_priorities_on_at_once(mut scene: Scene) {
    const RATE: usize = 6;
    let rate = Some(Rate::new(RATE as u32, SECOND * 10).expect("a rate that can be kept"));
    scene.declare(default_queue(), Limits { fair_by_key: true, running: Some(5), ..ageing() }).await;
    let of_kind = Limits { per_key: Some(2), running: Some(4), rate, ..Limits::NONE };
    scene.declare(Scope::Kind(Kind::new("plain").expect("a kind")), of_kind).await;
    let mut waiting = BTreeSet::new();
    for n in 0..60_u32 {
        let kind = if n % 5 == 0 { "other" } else { "plain" };
        let new = NewRun { priority: Priority((n * 7 % 4) as i8), ..scene.new_run_of(kind) };
        let new = with_key(["x", "y", "z", ""][n as usize % 7 % 4], new);
        let new = if n % 6 == 0 { ordered(new, ["a", "b"][n as usize / 6 % 2], AfterFailure::Stop) } else { new };
        waiting.insert(scene.insert(new).await);
    }
    let key = |one: &Claimed| one.run.constraints().limit_key.clone();
    let (mut running, mut started): (Vec<Claimed>, Vec<Timestamp>) = (Vec::new(), Vec::new());
    let mut rounds = 0;
    while !waiting.is_empty() {
        rounds += 1;
        assert!(rounds < 200, "{} runs never start", waiting.len());
        for one in scene.claim(1 + rounds % 4).await {
            assert!(waiting.remove(&one.run.id), "it starts once");
            started.extend((one.run.kind.as_str() == "plain").then(|| scene.now()));
            running.push(one);
        }
        let plain = running.iter().filter(|one| one.run.kind.as_str() == "plain");
        let mut of_key: BTreeMap<Option<Key>, usize> = BTreeMap::new();
        plain.clone().for_each(|one| *of_key.entry(key(one)).or_default() += 1);
        assert!(running.len() <= 5 && plain.count() <= 4, "{}", running.len());
        assert!(of_key.iter().all(|(key, count)| key.is_none() || *count <= 2), "{of_key:?}");
        let recent = started.iter().filter(|at| at.after(SECOND * 10) > scene.now()).count();
        assert!(recent <= RATE, "{recent} started within a period");
        let accounts: Vec<_> = running.iter().filter_map(|one| one.run.order_key().cloned()).collect();
        assert_eq!(accounts.len(), accounts.iter().collect::<BTreeSet<_>>().len(), "of an order key runs one");
        if rounds % 3 > 0 && !running.is_empty() {
            let ended = running.remove(rounds % running.len());
            scene.end(&ended, completed(1)).await;
        }
        scene.clock.advance(SECOND * 2);
    }
}

pub async fn whose_turn_comes_before_is_told(mut scene: Scene) {
    scene.offer("plain", 1, &[]).await;
    scene.declare(default_queue(), fair()).await;
    let x: [RunId; 4] = scene.enqueue_many("x", 0).await;
    let y: [RunId; 2] = scene.enqueue_many("y", 0).await;
    scene.enqueue_many::<1>("z", 7).await;
    let of = |ahead| Explanation::WaitsForSlot { servers: 1, ahead };
    let ahead = Ahead { of_higher_priority: 1, of_same_priority: 2, of_other_keys: 2, ..Ahead::default() };
    assert_eq!(scene.why(x[2]).await, of(ahead));
    let ahead = Ahead { of_higher_priority: 1, of_same_priority: 1, of_other_keys: 2, ..Ahead::default() };
    assert_eq!(scene.why(y[1]).await, of(ahead));
    assert_eq!(scene.claim(2).await.len(), 2);
    assert_eq!(scene.why(y[0]).await, of(Ahead::default()));
    assert_eq!(scene.why(x[1]).await, of(Ahead { of_other_keys: 1, ..Ahead::default() }));
    assert_eq!(
        scene.why(x[3]).await.to_string(),
        "it waits for a free slot; one server could take it; 2 runs that were due before are ahead of it, and 2 of other \
         keys that have their turns before"
    );
}
