//! Where a schedule begins, and goes on after a change, a pause, or a clock that moved.

use super::*;

fn first_look(schedule: &Schedule, now: &str) -> Plan {
    plan(&Situation { name: "test", timetable: &timetable(schedule), mark: None, now: at(now), unfinished: 0 })
}

#[test]
fn a_new_schedule_has_missed_nothing() {
    let plan = first_look(&Schedule::every(HOUR).missed(Missed::All(10)), "2026-11-20T21:00:30Z");
    assert_eq!((fired(&plan), plan.left_out.missed), (vec![], InstantCount::Exactly(0)));
    assert_eq!(plan.next, Some(at("2026-11-20T22:00:00Z")));
    // What comes later is counted from the first look, though nothing was due then.
    let late = plan_at(&timetable(&Schedule::every(HOUR)), plan.mark, at("2026-11-20T22:30:00Z"));
    assert_eq!(fired(&late), [at("2026-11-20T22:00:00Z")]);
    assert_eq!(fired(&first_look(&Schedule::every(HOUR), "2026-11-20T21:00:00Z")), [at("2026-11-20T21:00:00Z")]);
}

#[test]
fn a_first_instant_of_a_moment_ago_is_on_time_and_an_old_one_is_not_made_up() {
    let first = at("2026-11-20T21:00:00Z");
    let schedule = Schedule::every(HOUR).starting(first).missed(Missed::All(10));
    assert_eq!(fired(&first_look(&schedule, "2026-11-20T21:00:20Z")), [first]);
    assert_eq!(fired(&first_look(&schedule, "2026-11-20T23:30:00Z")), []);
    let ahead = first_look(&schedule, "2026-11-19T00:00:00Z");
    assert_eq!((fired(&ahead), ahead.next), (vec![], Some(first)));
}

#[test]
fn a_single_run_that_is_past_was_missed_and_comes_once_only() {
    let once = Schedule::once(at("2026-11-20T21:00:00Z"));
    let plan = first_look(&once, "2026-11-25T00:00:00Z");
    assert_eq!((fired(&plan), plan.next), (vec![at("2026-11-20T21:00:00Z")], None));
    assert_eq!(fired(&plan_at(&timetable(&once), plan.mark, at("2026-11-26T00:00:00Z"))), []);

    let skipped = first_look(&once.clone().missed(Missed::Skip), "2026-11-25T00:00:00Z");
    assert_eq!((fired(&skipped), skipped.left_out.missed), (vec![], InstantCount::Exactly(1)));

    let ahead = first_look(&once, "2026-11-01T00:00:00Z");
    assert_eq!((fired(&ahead), ahead.next), (vec![], Some(at("2026-11-20T21:00:00Z"))));
    assert!(ahead.mark.until < at("2026-11-01T00:00:00Z"));
}

#[test]
fn a_changed_timing_begins_anew_and_never_before_what_was_handled() {
    let hourly = timetable(&Schedule::every(HOUR));
    let mark = hourly.begin(at("2026-11-20T17:30:00Z"));
    let quarterly = timetable(&Schedule::every(MINUTE * 15).missed(Missed::All(10)));
    let plan = plan_at(&quarterly, mark, at("2026-11-20T21:05:00Z"));
    assert_eq!((fired(&plan), plan.remark), (vec![], Some(Remark::Changed)));
    assert_eq!(plan.next, Some(at("2026-11-20T21:15:00Z")));
    // From then on it is this timing's own mark.
    let later = plan_at(&quarterly, plan.mark, at("2026-11-20T21:31:00Z"));
    assert_eq!((later.fire.len(), later.remark), (2, None));

    // A single run that was still to come holds up nothing when it becomes an hourly one.
    let once = timetable(&Schedule::once(at("2027-01-01T00:00:00Z")));
    let ahead = plan_at(&once, once.begin(at("2026-11-20T17:30:00Z")), at("2026-11-20T17:30:00Z"));
    let plan = plan_at(&hourly, ahead.mark, at("2026-11-20T21:05:00Z"));
    assert_eq!((plan.next, plan.remark), (Some(at("2026-11-20T22:00:00Z")), Some(Remark::Changed)));

    // The one run that was moved into the past of what was handled does not come again.
    let moved = timetable(&Schedule::once(at("2026-11-20T17:00:00Z")));
    assert_eq!(fired(&plan_at(&moved, mark, at("2026-11-20T21:05:00Z"))), []);
}

#[test]
fn another_policy_is_no_other_timing() {
    let mark = timetable(&Schedule::every(HOUR)).begin(at("2026-11-20T17:30:00Z"));
    let other = timetable(&Schedule::every(HOUR).missed(Missed::All(10)).overlap(Overlap::Allow).jitter(SECOND));
    let plan = plan_at(&other, mark, at("2026-11-20T21:05:00Z"));
    assert_eq!((plan.fire.len(), plan.remark), (4, None));
}

#[test]
fn what_fell_into_a_pause_is_not_missed() {
    let hourly = timetable(&Schedule::every(HOUR).missed(Missed::All(10)));
    let mark = hourly.begin(at("2026-10-20T17:30:00Z"));
    let now = at("2026-11-20T21:05:00Z");
    let plan = plan_at(&hourly, hourly.resume(mark, now), now);
    assert_eq!((fired(&plan), plan.left_out.missed, plan.remark), (vec![], InstantCount::Exactly(0), None));
    assert_eq!(plan.next, Some(at("2026-11-20T22:00:00Z")));
}

#[test]
fn a_single_run_that_fell_into_a_pause_is_missed_and_one_that_was_handled_is_not_repeated() {
    let once = timetable(&Schedule::once(at("2026-11-01T00:00:00Z")));
    let (paused, now) = (once.begin(at("2026-10-20T00:00:00Z")), at("2026-11-20T00:00:00Z"));
    let plan = plan_at(&once, once.resume(paused, now), now);
    assert_eq!(fired(&plan), [at("2026-11-01T00:00:00Z")]);
    assert_eq!(fired(&plan_at(&once, once.resume(plan.mark, now), now)), []);
}

#[test]
fn a_clock_that_went_back_repeats_nothing() {
    let minutely = timetable(&Schedule::every(MINUTE));
    // Each minute got its run.
    let begun = Mark { open: Open::default(), ..minutely.begin(at("2026-11-20T20:59:30Z")) };
    let handled = plan_at(&minutely, begun, at("2026-11-20T21:00:00Z")).mark;
    let plan = plan_at(&minutely, handled, at("2026-11-20T18:00:00.000001Z"));
    assert_eq!((fired(&plan), plan.mark), (vec![], handled));
    assert_eq!(plan.next, Some(at("2026-11-20T21:01:00Z")));
    assert!(matches!(plan.remark, Some(Remark::ClockBehind(behind)) if behind > HOUR * 2));
}

#[test]
fn a_clock_that_was_hours_ahead_is_not_waited_for() {
    let minutely = timetable(&Schedule::every(MINUTE));
    let handled = plan_at(&minutely, minutely.begin(at("2099-01-01T00:00:00Z")), at("2099-01-01T00:01:00Z")).mark;
    let plan = plan_at(&minutely, handled, at("2026-11-20T21:00:30Z"));
    assert!(matches!(plan.remark, Some(Remark::ClockCorrected(_))));
    assert_eq!(plan.next, Some(at("2026-11-20T21:01:00Z")));
    assert_eq!(fired(&plan_at(&minutely, plan.mark, at("2026-11-20T21:01:00Z"))), [at("2026-11-20T21:01:00Z")]);

    let exactly = plan_at(&minutely, Mark { until: at("2026-11-20T21:00:00Z"), ..handled }, at("2026-11-20T18:00:00Z"));
    assert!(matches!(exactly.remark, Some(Remark::ClockCorrected(_))));
}

#[test]
fn a_single_run_that_was_handled_is_not_repeated_by_any_clock() {
    let once = timetable(&Schedule::once(at("2026-11-20T21:00:00Z")));
    let handled = first_look(once.schedule(), "2026-11-20T21:00:00Z").mark;
    let plan = plan_at(&once, handled, at("1999-01-01T00:00:00Z"));
    assert_eq!((fired(&plan), plan.next, plan.mark), (vec![], None, handled));
}

/// All instants that fire while the clock shows these times, one after the other.
fn fired_at(timetable: &Timetable, times: impl IntoIterator<Item = Timestamp>) -> (Vec<Timestamp>, Mark) {
    let mut times = times.into_iter();
    let mut mark = timetable.begin(times.next().expect("a time to begin at"));
    let mut all = Vec::new();
    for now in times {
        let plan = plan_at(timetable, mark, now);
        assert!(plan.next.is_none_or(|next| next > now));
        all.extend(fired(&plan));
        mark = plan.mark;
    }
    (all, mark)
}

fn minutes(from: u32, to: u32) -> impl Iterator<Item = Timestamp> {
    (from..=to).map(|minute| at("2026-11-20T12:00:00Z").after(MINUTE * minute))
}

#[test]
fn a_clock_that_stood_two_hours_ahead_for_a_moment_silences_nothing_and_repeats_nothing() {
    for (missed, made_up) in [(Missed::Once, 1), (Missed::Skip, 1), (Missed::All(3), 3)] {
        let minutely = timetable(&Schedule::every(MINUTE).missed(missed));
        let times = minutes(0, 10).chain(minutes(130, 131)).chain(minutes(11, 140));
        let (fired, mark) = fired_at(&minutely, times);
        let ahead: Vec<_> = minutes(131 - made_up, 131).collect();
        let expected: Vec<_> =
            minutes(0, 10).skip(1).chain(ahead).chain(minutes(11, 130 - made_up)).chain(minutes(132, 140)).collect();
        assert_eq!(
            fired.iter().copied().skip_while(|at| *at < minutes(1, 1).next().unwrap()).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(mark.behind, None);
    }
}

#[test]
fn a_schedule_that_began_while_the_clock_was_ahead_goes_on_from_now() {
    let minutely = timetable(&Schedule::every(MINUTE));
    let (fired, _) = fired_at(&minutely, minutes(120, 121).chain(minutes(1, 130)));
    let expected: Vec<_> = minutes(121, 121).chain(minutes(1, 119)).chain(minutes(122, 130)).collect();
    assert_eq!(fired.into_iter().filter(|at| *at != minutes(120, 120).next().unwrap()).collect::<Vec<_>>(), expected);
}

#[test]
fn what_was_missed_while_nobody_looked_is_not_made_up_for_because_the_clock_goes_back_a_little() {
    let minutely = timetable(&Schedule::every(MINUTE));
    let down_for_an_hour = minutes(0, 0).chain(minutes(60, 60));
    let back = at("2026-11-20T12:59:30Z");
    let (fired, mark) = fired_at(&minutely, down_for_an_hour.chain([back]).chain(minutes(60, 62)));
    assert_eq!(fired, minutes(60, 62).collect::<Vec<_>>());
    assert_eq!(mark.next(&minutely), minutes(63, 63).next());
}

#[test]
fn a_schedule_that_is_changed_after_the_clock_was_ahead_goes_on_from_now() {
    let minutely = timetable(&Schedule::every(MINUTE));
    let (_, mark) = fired_at(&minutely, minutes(0, 10).chain(minutes(130, 130)));
    let halves = timetable(&Schedule::every(SECOND * 30));
    for plan in [
        plan_at(&halves, mark, minutes(11, 11).next().unwrap()),
        plan_at(&halves, halves.resume(mark, minutes(11, 11).next().unwrap()), minutes(11, 11).next().unwrap()),
    ] {
        assert_eq!(plan.next, Some(minutes(11, 11).next().unwrap().after(SECOND * 30)));
    }
}
