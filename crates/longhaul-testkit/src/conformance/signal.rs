//! Signals: what is sent to a run by name, and suspensions that wait for one.

use std::time::Duration;

use longhaul_core::{
    Actor, Ending, Explanation, Key, RunId, StateKind, Waiting,
    limits::INBOX_MAX,
    run::Due,
    store::{Checkpoint, Claimed, Proceed, ProceedError, Proceeded, RunUpdate, Settled, Settlement},
};

use super::{
    Scene,
    scene::{checkpoint, proceed, settlement},
};
use crate::fixture::{suspended, value};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn name(name: &str) -> Key {
    Key::new(name).expect("a name")
}

fn signal(id: RunId, to: &str, n: u64) -> Proceed {
    Proceed::signal(id, name(to), value(n))
}

fn awaits(signal: &str) -> Ending {
    Ending::Awaits { signals: vec![name(signal)], runs: None, until: None, deadline: None }
}

/// What an attempt is handed: the number of each message, and what it says.
fn handed(claimed: &Claimed) -> Vec<(u64, Option<&str>, u64)> {
    let messages = claimed.run.inbox().messages.iter();
    let one = |message: &longhaul_core::inbox::Message| message.value.decode::<u64>().expect("a number");
    messages.map(|message| (message.number, message.signal.as_ref().map(Key::as_str), one(message))).collect()
}

impl Scene {
    async fn signals(&self, id: RunId, to: &str, n: u64) -> Result<Proceeded, ProceedError> {
        self.store.proceed(signal(id, to, n)).await
    }

    /// A new run, suspended for a signal.
    async fn awaiting(&mut self, signal: &str) -> RunId {
        let claimed = self.running().await;
        self.end(&claimed, awaits(signal)).await;
        claimed.run.id
    }
}

pub async fn a_signal_is_kept_whatever_the_run_is_doing_and_after_a_crash(mut scene: Scene) {
    let aside = scene.suspended().await;
    let retrying = scene.running().await;
    scene.fail(&retrying, "no route").await;
    let running = scene.running().await.run.id;
    let pending = scene.enqueue().await;
    for id in [aside, retrying.run.id, running, pending] {
        let before = scene.state(id).await;
        assert_eq!(scene.signals(id, "paid", 7).await, Ok(Proceeded::Kept));
        assert_eq!(scene.state(id).await, before, "it does not wait for it");
    }
    scene.crash().await;
    for id in [aside, retrying.run.id, running, pending] {
        let run = scene.get(id).await.run;
        assert_eq!(run.inbox().messages.iter().map(|one| one.signal.clone()).collect::<Vec<_>>(), [Some(name("paid"))]);
    }
}

pub async fn a_signal_lets_a_run_that_waits_for_it_go_on_and_no_other(mut scene: Scene) {
    let id = scene.awaiting("approved").await;
    assert_eq!(scene.signals(id, "paid", 1).await, Ok(Proceeded::Kept));
    assert_eq!(scene.state(id).await, StateKind::Suspended);
    scene.crash().await;
    assert_eq!(scene.get(id).await.run.inbox().awaited, [name("approved")]);
    assert_eq!(scene.signals(id, "approved", 2).await, Ok(Proceeded::Now));
    let claimed = scene.claim_one().await;
    assert_eq!(handed(&claimed), [(1, Some("paid"), 1), (2, Some("approved"), 2)]);
    assert_eq!(claimed.run.inbox().awaited, []);
    // It waits for this one no more, and is put aside for a proceed.
    scene.end(&claimed, suspended()).await;
    assert_eq!(scene.signals(id, "approved", 3).await, Ok(Proceeded::Kept));
    assert_eq!(scene.store.proceed(proceed(id)).await, Ok(Proceeded::Now));
}

pub async fn a_signal_that_came_before_the_wait_is_not_lost(mut scene: Scene) {
    // While it waits to begin, and while an attempt executes that did not see it.
    let early = scene.enqueue().await;
    scene.signals(early, "approved", 1).await.expect("it is not final");
    let claimed = scene.claim_one().await;
    assert_eq!(scene.end(&claimed, awaits("approved")).await.run.state.kind(), StateKind::Pending);
    let again = scene.claim_one().await;
    assert_eq!(handed(&again), [(1, Some("approved"), 1)]);
    scene.end(&again, awaits("paid")).await;
    assert_eq!(scene.state(early).await, StateKind::Suspended);

    let claimed = scene.running().await;
    scene.signals(claimed.run.id, "approved", 1).await.expect("it is not final");
    assert_eq!(scene.end(&claimed, awaits("approved")).await.run.state.kind(), StateKind::Pending);
}

pub async fn a_taken_signal_and_its_execution_metadata_are_kept_together(mut scene: Scene) {
    let id = scene.awaiting("a").await;
    for (to, n) in [("b", 1), ("a", 2), ("a", 3)] {
        scene.signals(id, to, n).await.expect("it is not final");
    }
    // Dies before it has kept anything: all is handed out again.
    scene.claim_one().await;
    scene.crash().await;
    let claimed = scene.claim_one().await;
    assert_eq!(handed(&claimed), [(1, Some("b"), 1), (2, Some("a"), 2), (3, Some("a"), 3)]);
    let taken = Checkpoint { taken: vec![2], ..checkpoint(&claimed, 1, 12) };
    scene.save(taken).await.expect("the attempt holds the run");
    scene.crash().await;
    let again = scene.claim_one().await;
    assert_eq!(again.execution_metadata, Some(value(12)));
    assert_eq!(handed(&again), [(1, Some("b"), 1), (3, Some("a"), 3)]);
    // With its end too: the other one lets it go on.
    let both =
        Settlement { execution_metadata: Some((1, value(13))), taken: vec![1], ..settlement(&again, awaits("a")) };
    assert_eq!(scene.settle(both).await, Ok(Settled::Now(StateKind::Pending)));
    let last = scene.claim_one().await;
    assert_eq!((handed(&last), last.execution_metadata.clone()), (vec![(3, Some("a"), 3)], Some(value(13))));
    let end = Settlement { execution_metadata: Some((1, value(14))), taken: vec![3], ..settlement(&last, awaits("a")) };
    assert_eq!(scene.settle(end).await, Ok(Settled::Now(StateKind::Suspended)));
}

pub async fn signals_of_one_name_keep_their_order(mut scene: Scene) {
    let id = scene.awaiting("a").await;
    for n in 1..=5 {
        scene.signals(id, "a", n).await.expect("it is not final");
    }
    let claimed = scene.claim_one().await;
    assert_eq!(handed(&claimed).iter().map(|(_, _, n)| *n).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

pub async fn a_signal_serves_a_waiting_claim(mut scene: Scene) {
    let id = scene.awaiting("a").await;
    let waiting = scene.parked_claim().await;
    scene.signals(id, "b", 1).await.expect("it is not final");
    scene.still_waits(&waiting).await;
    scene.signals(id, "a", 2).await.expect("it is not final");
    assert_eq!(waiting.claimed_id().await, id);
}

pub async fn a_wait_for_a_signal_ends_at_its_time_or_fails_at_its_deadline(mut scene: Scene) {
    let ends = |until, deadline| Ending::Awaits { signals: vec![name("a")], runs: None, until, deadline };
    let claimed = scene.running().await;
    scene.end(&claimed, ends(None, Some(Due::After(HOUR)))).await;
    let goes_on = scene.running().await;
    scene.end(&goes_on, ends(Some(Due::After(HOUR)), None)).await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(HOUR);
    assert_eq!(waiting.claimed_id().await, goes_on.run.id);
    assert_eq!(scene.get(goes_on.run.id).await.run.inbox().awaited, []);
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Failed);
    let late = scene.signals(claimed.run.id, "a", 1).await;
    assert_eq!(late, Err(ProceedError::NotSuspended { id: claimed.run.id, state: StateKind::Failed }));
}

pub async fn a_signal_that_comes_twice_is_one_signal(mut scene: Scene) {
    let id = scene.awaiting("a").await;
    let signal = Proceed { key: Some(name("evt_1")), ..signal(id, "a", 7) };
    assert_eq!(scene.store.proceed(signal.clone()).await, Ok(Proceeded::Now));
    assert_eq!(scene.store.proceed(signal.clone()).await, Ok(Proceeded::Repeated));
    scene.crash().await;
    assert_eq!(scene.store.proceed(signal.clone()).await, Ok(Proceeded::Repeated));
    let claimed = scene.claim_one().await;
    assert_eq!(handed(&claimed), [(1, Some("a"), 7)]);
    scene.end(&claimed, Ending::Completed { result: value(1) }).await;
    assert_eq!(scene.store.proceed(signal).await, Ok(Proceeded::Repeated));
}

pub async fn a_final_run_refuses_a_signal(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    scene.end(&claimed, Ending::Completed { result: value(1) }).await;
    let state = StateKind::Completed;
    assert_eq!(scene.signals(id, "a", 7).await, Err(ProceedError::NotSuspended { id, state }));
    let running = scene.running().await.run.id;
    scene.store.cancel(running, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(scene.signals(running, "a", 7).await, Err(ProceedError::BeingCancelled(running)));
    let nobody = scene.new_run().id;
    assert_eq!(scene.signals(nobody, "a", 7).await, Err(ProceedError::NotFound(nobody)));
}

pub async fn no_more_signals_and_values_wait_than_an_inbox_holds(mut scene: Scene) {
    let id = scene.enqueue().await;
    for n in 0..INBOX_MAX as u64 {
        scene.signals(id, if n % 2 == 0 { "a" } else { "b" }, n).await.expect("there is room");
    }
    let full = Err(ProceedError::InboxFull { id, messages: INBOX_MAX });
    assert_eq!(scene.signals(id, "c", 99).await, full);
    let sent = Proceed { value: Some(value(99)), ..proceed(id) };
    assert_eq!(scene.store.proceed(sent).await, full);
    let claimed = scene.claim_one().await;
    scene.save(Checkpoint { taken: vec![4], ..checkpoint(&claimed, 1, 1) }).await.expect("the attempt holds the run");
    assert_eq!(scene.signals(id, "c", 99).await, Ok(Proceeded::Kept));
}

pub async fn a_run_that_waits_for_a_signal_explains_itself(mut scene: Scene) {
    let id = scene.awaiting("approved").await;
    let signals = vec![name("approved")];
    assert_eq!(scene.store.explain(id).await, Ok(Explanation::AwaitsSignal { signals, waiting: Waiting::Proceed }));
    // Put aside by a client, it waits for that client.
    let other = scene.enqueue().await;
    scene.store.update(other, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await.expect("it waits");
    assert_eq!(scene.store.explain(other).await, Ok(Explanation::Suspended(Waiting::Proceed)));
}
