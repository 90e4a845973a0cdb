//! The run before is not finished.

use super::*;

fn plan_beside(unfinished: u32, overlap: Overlap, missed: Missed) -> Plan {
    let timetable = timetable(&Schedule::every(HOUR).overlap(overlap).missed(missed));
    let mark = Some(timetable.begin(at("2026-11-20T17:30:00Z")));
    plan(&Situation { name: "test", timetable: &timetable, mark, now: at("2026-11-20T21:00:00Z"), unfinished })
}

const ALL: Missed = Missed::All(10);

#[test]
fn skip_leaves_out_what_comes_while_another_runs_and_does_not_make_up_for_it() {
    let busy = plan_beside(1, Overlap::Skip, ALL);
    assert_eq!((busy.fire.len(), busy.left_out.overlapped), (0, 4));
    assert_eq!((busy.mark.until, busy.next), (at("2026-11-20T21:00:00Z"), Some(at("2026-11-20T22:00:00Z"))));
    assert!(!busy.cancel_running);
    assert_eq!(plan_beside(0, Overlap::Skip, ALL).fire.len(), 4);
}

#[test]
fn queue_and_allow_fire_beside_others() {
    for overlap in [Overlap::Queue, Overlap::Allow] {
        let plan = plan_beside(3, overlap, ALL);
        assert_eq!((plan.fire.len(), plan.left_out.overlapped, plan.cancel_running), (4, 0, false));
    }
}

#[test]
fn what_finds_no_room_among_the_waiting_is_left_out() {
    for overlap in [Overlap::Queue, Overlap::Allow] {
        let plan = plan_beside(WAITING_MAX - 3, overlap, ALL);
        assert_eq!(fired(&plan), ["2026-11-20T18:00:00Z", "2026-11-20T19:00:00Z", "2026-11-20T20:00:00Z"].map(at));
        assert_eq!(plan.left_out, LeftOut { missed: InstantCount::Exactly(0), overlapped: 1 });
        assert_eq!(plan_beside(u32::MAX, overlap, ALL).fire.len(), 0);
    }
}

#[test]
fn cancel_running_cancels_the_others_and_fires_only_the_newest() {
    let plan = plan_beside(2, Overlap::CancelRunning, ALL);
    assert!(plan.cancel_running);
    assert_eq!(fired(&plan), [at("2026-11-20T21:00:00Z")]);
    assert_eq!(plan.left_out.overlapped, 3);
    assert!(!plan_beside(0, Overlap::CancelRunning, ALL).cancel_running);
}

#[test]
fn nothing_is_cancelled_for_an_instant_that_gets_no_run() {
    let timetable = timetable(&Schedule::every(HOUR).overlap(Overlap::CancelRunning).missed(Missed::Skip));
    let mark = Some(timetable.begin(at("2026-11-20T17:30:00Z")));
    let now = at("2026-11-20T21:30:00Z");
    let plan = plan(&Situation { name: "test", timetable: &timetable, mark, now, unfinished: 1 });
    assert_eq!((plan.fire.len(), plan.cancel_running), (0, false));
    assert_eq!(plan.left_out, LeftOut { missed: InstantCount::Exactly(4), overlapped: 0 });
}

#[test]
fn a_run_is_due_at_its_instant_and_its_jitter() {
    let jittered = timetable(&Schedule::every(HOUR).jitter(MINUTE));
    let plan = plan_at(&jittered, jittered.begin(at("2026-11-20T20:30:00Z")), at("2026-11-20T21:00:00Z"));
    let [firing] = plan.fire[..] else { panic!("{plan:?}") };
    assert_eq!(firing.due, jittered.due("test", firing.instant));
    assert!(firing.due > firing.instant);
}
