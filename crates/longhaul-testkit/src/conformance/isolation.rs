//! After a process died: most deaths come from outside, and change nothing; a run that kills its process is found, and
//! the innocent are not counted with it.

use std::time::Duration;

use longhaul_core::{
    Cause, Ended, LastEnd, NewRun, Priority, RunId, State, StateKind, Transition, admission::suspects::WINDOW,
    store::ClaimRequest,
};

use super::{Scene, scene::ids};
use crate::fixture::{completed, interrupted, value};

impl Scene {
    /// So many runs that were executing, and had saved nothing, when the process died so many times.
    async fn died_with(&mut self, runs: usize, times: u8) -> Vec<RunId> {
        let mut all = Vec::new();
        for _ in 0..runs {
            all.push(self.enqueue().await);
        }
        for _ in 0..times {
            assert_eq!(self.claim(runs).await.len(), runs);
            self.crash().await;
        }
        for id in &all {
            let run = self.get(*id).await.run;
            assert_eq!((run.suspicion, run.counts.crashes), (times, 0));
        }
        all
    }

    /// A run at its last try, and so many others that are due.
    async fn at_its_last_try(&mut self, others: usize) -> (RunId, Vec<RunId>) {
        let last = self.died_with(1, 3).await[0];
        let mut all = Vec::new();
        for _ in 0..others {
            all.push(self.enqueue().await);
        }
        (last, all)
    }
}

pub async fn after_one_death_all_go_on_at_once_at_full_width(mut scene: Scene) {
    let mut all = scene.died_with(32, 1).await;
    all.push(scene.enqueue().await);
    assert_eq!(ids(&scene.claim(64).await), all);
}

pub async fn after_two_deaths_suspects_are_executed_one_at_a_time_beside_everything_else(mut scene: Scene) {
    let suspects = scene.died_with(16, 2).await;
    let fresh = scene.enqueue().await;
    assert_eq!(ids(&scene.claim(64).await), [suspects[0], fresh]);
    assert_eq!(scene.claim(64).await, []);
    let fresh = scene.enqueue().await;
    assert_eq!(ids(&scene.claim(64).await), [fresh], "other work goes on");
}

pub async fn a_suspect_goes_by_priority_like_any_other(mut scene: Scene) {
    let suspects = scene.died_with(2, 2).await;
    let mut urgent = scene.new_run();
    urgent.priority = Priority(9);
    let urgent = scene.insert(urgent).await;
    assert_eq!(ids(&scene.claim(1).await), [urgent]);
    assert_eq!(ids(&scene.claim(1).await), [suspects[0]]);
}

pub async fn a_suspect_that_saves_something_or_ends_gives_its_slot_to_the_next(mut scene: Scene) {
    let suspects = scene.died_with(3, 2).await;
    let first = scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.checkpoint(&first, 1, 10).await.expect("the attempt holds the run");
    let second = waiting.answer().await.remove(0);
    assert_eq!([first.run.id, second.run.id], suspects[..2]);
    assert_eq!(scene.get(first.run.id).await.run.suspicion, 0);

    let waiting = scene.parked_claim().await;
    scene.end(&second, completed(1)).await;
    assert_eq!(waiting.claimed_id().await, suspects[2]);
}

pub async fn a_suspect_that_lasts_through_its_window_gives_its_slot_to_the_next(mut scene: Scene) {
    let suspects = scene.died_with(2, 2).await;
    scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(WINDOW / 2);
    scene.still_waits(&waiting).await;
    scene.clock.advance(WINDOW / 2);
    assert_eq!(waiting.claimed_id().await, suspects[1]);
}

pub async fn of_suspects_that_die_together_only_the_one_in_the_slot_comes_to_its_last_try(mut scene: Scene) {
    let suspects = scene.died_with(3, 2).await;
    scene.claim_one().await;
    scene.clock.advance(WINDOW);
    scene.claim_one().await;
    scene.crash().await;
    let mut suspicions = Vec::new();
    for id in &suspects {
        suspicions.push(scene.get(*id).await.run.suspicion);
    }
    assert_eq!(suspicions, [2, 3, 2]);
}

pub async fn runs_that_saved_something_have_no_part_in_a_death(mut scene: Scene) {
    let (saved, silent) = (scene.running().await, scene.running().await);
    scene.checkpoint(&saved, 1, 10).await.expect("the attempt holds the run");
    scene.crash().await;
    let (saved, silent) = (scene.get(saved.run.id).await.run, scene.get(silent.run.id).await.run);
    assert_eq!((saved.suspicion, silent.suspicion), (0, 1));
    assert_eq!((saved.counts.crashes, silent.counts.crashes), (0, 0));
}

pub async fn a_run_that_was_claimed_ahead_and_had_not_begun_has_no_part_in_a_death(mut scene: Scene) {
    for _ in 0..3 {
        scene.enqueue().await;
    }
    let request = ClaimRequest { begin: 1, ..scene.request(3) };
    let claimed = scene.store.claim(request).await.expect("the store works");
    let numbers = |run: &longhaul_core::Run| (run.begun, run.attempts, run.attempt());
    assert_eq!(
        claimed.iter().map(|one| numbers(&one.run)).collect::<Vec<_>>(),
        [(true, 1, 1), (false, 0, 1), (false, 0, 1)]
    );
    let second = (claimed[1].run.id, claimed[1].run.epoch);
    assert_eq!(scene.store.begin(vec![second]).await, Ok(vec![Ok(())]));
    assert_eq!(scene.store.begin(vec![second]).await, Ok(vec![Ok(())]), "it goes on");
    scene.crash().await;
    let mut met = Vec::new();
    for one in &claimed {
        let snapshot = scene.get(one.run.id).await;
        let last = snapshot.history.entries.last().map(|entry| entry.what);
        met.push((snapshot.run.suspicion, snapshot.run.attempts, snapshot.run.last_end, last));
    }
    let executed = (1, 1, LastEnd::Crashed, Some(Transition::Crashed));
    assert_eq!(met, [executed, executed, (0, 0, LastEnd::Never, Some(Transition::Returned))]);
    let next = scene.claim(3).await;
    assert_eq!(next.iter().map(|one| one.run.attempt()).collect::<Vec<_>>(), [2, 2, 1]);
}

pub async fn the_beginning_of_a_run_that_is_held_no_more_is_refused(mut scene: Scene) {
    let claimed = scene.running().await;
    let begin = (claimed.run.id, claimed.run.epoch);
    scene.end(&claimed, interrupted()).await;
    let missing = scene.new_run().id;
    let answers = scene.store.begin(vec![begin, (missing, begin.1)]).await.expect("the store works");
    let (id, epoch) = begin;
    let lost = longhaul_core::store::CheckpointError::EpochLost { id, epoch };
    assert_eq!(answers, [Err(lost), Err(longhaul_core::store::CheckpointError::NotFound(missing))]);
}

pub async fn a_beginning_after_the_record_was_written_outlives_the_process(mut scene: Scene) {
    let id = scene.enqueue().await;
    let request = ClaimRequest { begin: 0, ..scene.request(1) };
    let claimed = scene.store.claim(request).await.expect("the store works").remove(0);
    // What a client asks is written with the run.
    scene.store.proceed(super::scene::proceed(id)).await.expect("it is kept until the run suspends");
    let run = scene.get(id).await.run;
    assert_eq!((run.begun, run.attempts), (false, 0));
    assert_eq!(scene.store.begin(vec![(id, claimed.run.epoch)]).await, Ok(vec![Ok(())]));
    scene.crash().await;
    let run = scene.get(id).await.run;
    assert_eq!((run.suspicion, run.attempts), (1, 1));
}

pub async fn a_checkpoint_that_changes_nothing_says_that_its_attempt_has_begun(mut scene: Scene) {
    let new = NewRun { execution_metadata: Some(value(10)), ..scene.new_run() };
    let id = scene.insert(new).await;
    let request = ClaimRequest { begin: 0, ..scene.request(1) };
    let claimed = scene.store.claim(request).await.expect("the store works").remove(0);
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.crash().await;
    let run = scene.get(id).await.run;
    assert_eq!((run.suspicion, run.attempts), (1, 1));
}

pub async fn a_last_try_is_alone_until_it_has_saved_something_ended_or_lasted(mut scene: Scene) {
    for over in ["saved", "ended", "lasted"] {
        let (last, others) = scene.at_its_last_try(2).await;
        let alone = scene.claim(64).await;
        assert_eq!(ids(&alone), [last]);
        let waiting = scene.parked_claim().await;
        match over {
            "saved" => drop(scene.checkpoint(&alone[0], 1, 10).await.expect("the attempt holds the run")),
            "ended" => drop(scene.end(&alone[0], completed(1)).await),
            _ => scene.clock.advance(WINDOW),
        }
        let mut claimed = waiting.answer().await;
        claimed.extend(scene.claim(64).await);
        assert_eq!(ids(&claimed), others, "{over}");
        claimed.extend(alone.into_iter().filter(|_| over != "ended"));
        for claimed in claimed {
            scene.end(&claimed, completed(2)).await;
        }
    }
}

pub async fn a_server_makes_room_for_a_last_try_for_no_longer_than_the_window(mut scene: Scene) {
    let survivor = scene.server;
    // Unproven, until the window is over.
    let busy = scene.running().await;
    scene.server = scene.new_server(WINDOW * 100).await;
    let id = scene.enqueue().await;
    for _ in 0..3 {
        assert_eq!(scene.claim_one().await.run.id, id);
        scene.store.leave(scene.server).await.expect("the store works");
        scene.server = scene.new_server(WINDOW * 100).await;
    }
    scene.server = survivor;
    let fresh = scene.enqueue().await;
    assert_eq!(scene.claim(64).await, []);
    let waiting = scene.parked_claim().await;
    scene.clock.advance(WINDOW);
    assert_eq!(waiting.claimed_id().await, id);
    assert_eq!(scene.claim(64).await, []);
    scene.clock.advance(WINDOW);
    assert_eq!(ids(&scene.claim(64).await), [fresh]);
    assert_eq!(scene.get(busy.run.id).await.run.state.kind(), StateKind::Running);
}

/// The guilty one takes the process down whenever it runs; the others are fine, but never save anything.
pub async fn the_guilty_run_is_quarantined_and_the_innocent_go_on(mut scene: Scene) {
    let [mut innocent, guilty] = [Vec::new(), vec![scene.enqueue().await]];
    let guilty = guilty[0];
    for _ in 0..10 {
        innocent.push(scene.enqueue().await);
    }
    let mut starts = 0;
    while scene.state(guilty).await != StateKind::Failed {
        let claimed = scene.claim(64).await;
        if ids(&claimed).contains(&guilty) {
            starts += 1;
            scene.crash().await;
        } else {
            scene.clock.advance(WINDOW);
        }
    }
    assert!(starts <= 5, "{starts} starts");
    let quarantined = scene.get(guilty).await;
    assert_eq!(quarantined.history.entries.last().map(|entry| entry.what), Some(Transition::Quarantined));
    let Some(Ended::Failed(failure)) = quarantined.ended else { panic!("no failure: {:?}", quarantined.ended) };
    assert_eq!((failure.cause, failure.attempt), (Cause::Crash, starts));
    assert!(failure.message.contains("crashes in a row without a new checkpoint"), "{}", failure.message);

    let mut done = Vec::new();
    while done.len() < innocent.len() {
        for claimed in scene.claim(64).await {
            assert_eq!(claimed.run.counts.crashes, 0);
            scene.end(&claimed, completed(7)).await;
            done.push(claimed.run.id);
        }
    }
    done.sort_unstable();
    assert_eq!(done, innocent);
}

/// The innocent one works for long and saves nothing; killers come one after the other.
pub async fn a_fresh_killer_never_gets_an_innocent_suspect_set_aside(mut scene: Scene) {
    let innocent = scene.died_with(1, 2).await[0];
    for killers in 1..=3 {
        let killer = scene.enqueue().await;
        let mut starts = 0;
        while scene.state(killer).await != StateKind::Failed {
            let claimed = scene.claim(64).await;
            if ids(&claimed).contains(&killer) {
                starts += 1;
                scene.crash().await;
            } else {
                scene.clock.advance(WINDOW);
            }
            assert_ne!(scene.state(innocent).await, StateKind::Failed, "killer {killers}, start {starts}");
        }
        assert!(starts <= 5, "{starts} starts");
    }
}

pub async fn new_execution_metadata_between_crashes_clears_a_run(mut scene: Scene) {
    let id = scene.enqueue().await;
    for n in 0..10 {
        let claimed = scene.claim_one().await;
        scene.checkpoint(&claimed, 1, n).await.expect("the attempt holds the run");
        scene.crash().await;
    }
    let snapshot = scene.get(id).await;
    assert_eq!((snapshot.run.state.kind(), snapshot.run.suspicion), (StateKind::Pending, 0));
    assert_eq!(snapshot.execution_metadata, Some(value(9)));
}

pub async fn a_suspect_that_is_interrupted_stays_one(mut scene: Scene) {
    scene.died_with(2, 2).await;
    let first = scene.claim_one().await;
    let after = scene.end(&first, interrupted()).await;
    assert_eq!((after.run.suspicion, after.run.counts.crashes), (2, 0));
}

pub async fn a_last_try_that_nobody_here_can_execute_holds_up_nobody(mut scene: Scene) {
    let new = scene.new_run_of("other");
    scene.insert(new).await;
    for _ in 0..3 {
        scene.claim_one().await;
        scene.crash().await;
    }
    let [one, two] = [scene.enqueue().await, scene.enqueue().await];
    let request = scene.request_of(vec![crate::fixture::support("plain", 1)], 10);
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [one, two]);
}

pub async fn the_suspects_of_a_dead_server_do_not_stop_another(mut scene: Scene) {
    let survivor = scene.server;
    let mut suspects = Vec::new();
    for _ in 0..16 {
        suspects.push(scene.enqueue().await);
    }
    for _ in 0..2 {
        scene.server = scene.new_server(WINDOW).await;
        assert_eq!(ids(&scene.claim(16).await), suspects);
        scene.clock.advance(WINDOW);
        assert_eq!(scene.store.expire().await, Ok(16));
    }
    scene.server = survivor;
    let mut fresh = Vec::new();
    for _ in 0..63 {
        fresh.push(scene.enqueue().await);
    }
    let claimed = ids(&scene.claim(64).await);
    assert_eq!((claimed[0], &claimed[1..]), (suspects[0], &fresh[..]));
}

pub async fn a_last_try_on_one_server_leaves_the_others_alone(mut scene: Scene) {
    let (last, others) = scene.at_its_last_try(3).await;
    assert_eq!(ids(&scene.claim(64).await), [last]);
    assert_eq!(scene.claim(64).await, []);
    scene.server = scene.new_server(Duration::from_secs(60)).await;
    assert_eq!(ids(&scene.claim(64).await), others);
}

pub async fn runs_at_their_last_try_are_counted_among_the_due(mut scene: Scene) {
    let (last, _) = scene.at_its_last_try(2).await;
    let depths = scene.store.queues().await.expect("the store works");
    assert_eq!(depths.iter().map(|depth| depth.due).collect::<Vec<_>>(), [3]);
    let run = scene.get(last).await.run;
    assert_eq!(run.state, State::Pending { due: scene.now() });
    scene.store.cancel(last, None, longhaul_core::Actor::UNKNOWN).await.expect("it is not final");
    assert_eq!(scene.claim(64).await.len(), 2);
}

pub async fn a_last_try_waits_for_its_time(mut scene: Scene) {
    let (last, others) = scene.at_its_last_try(1).await;
    let later = longhaul_core::store::RunUpdate::Reschedule(scene.now().after(WINDOW));
    scene.store.update(last, later, longhaul_core::Actor::UNKNOWN).await.expect("it waits");
    let claimed = scene.claim(64).await;
    assert_eq!(ids(&claimed), others);
    scene.end(&claimed[0], completed(1)).await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(WINDOW);
    assert_eq!(waiting.claimed_id().await, last);
}
