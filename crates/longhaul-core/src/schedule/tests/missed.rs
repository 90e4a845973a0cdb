//! Nobody looked for a while.

use super::*;

fn nightly(missed: Missed) -> Timetable {
    timetable(&Schedule::every(DAY).missed(missed))
}

/// Down from the first to the fifteenth; the next night is near.
fn two_weeks_later(missed: Missed) -> Plan {
    let timetable = nightly(missed);
    plan_at(&timetable, timetable.begin(at("2026-11-01T00:00:00Z")), at("2026-11-14T21:00:00Z"))
}

#[test]
fn skip_leaves_out_all_that_went_by_in_two_weeks() {
    let plan = two_weeks_later(Missed::Skip);
    assert_eq!(fired(&plan), []);
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(14));
    assert_eq!(plan.next, Some(at("2026-11-15T00:00:00Z")));
}

#[test]
fn once_makes_up_with_the_newest() {
    let plan = two_weeks_later(Missed::Once);
    assert_eq!(fired(&plan), [at("2026-11-14T00:00:00Z")]);
    assert_eq!(plan.left_out, LeftOut { missed: InstantCount::Exactly(13), overlapped: 0 });
    assert_eq!(plan.next, Some(at("2026-11-15T00:00:00Z")));
}

#[test]
fn all_makes_up_for_the_newest_of_them_the_oldest_first() {
    let plan = two_weeks_later(Missed::All(3));
    assert_eq!(fired(&plan), ["2026-11-12T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-14T00:00:00Z"].map(at));
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(11));
    assert_eq!(fired(&two_weeks_later(Missed::All(1000))).len(), 14);
}

#[test]
fn an_instant_noticed_within_a_minute_is_not_missed() {
    let nightly = nightly(Missed::Skip);
    let begun = nightly.begin(at("2026-11-13T12:00:00Z"));
    assert_eq!(plan_at(&nightly, begun, at("2026-11-14T00:01:00Z")).fire.len(), 1);
    assert_eq!(plan_at(&nightly, begun, at("2026-11-14T00:01:00.000001Z")).fire.len(), 0);
}

#[test]
fn of_several_within_a_minute_only_the_newest_is_not_missed() {
    let every_second = timetable(&Schedule::every(SECOND).missed(Missed::Skip));
    let plan = plan_at(&every_second, every_second.begin(at("2026-11-14T00:00:00Z")), at("2026-11-14T00:00:10.5Z"));
    assert_eq!(fired(&plan), [at("2026-11-14T00:00:10Z")]);
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(10));
}

#[test]
fn a_plan_is_never_planned_again() {
    for missed in [Missed::Skip, Missed::Once, Missed::All(5)] {
        let nightly = nightly(missed);
        let now = at("2026-11-14T21:00:00Z");
        let first = plan_at(&nightly, nightly.begin(at("2026-11-01T00:00:00Z")), now);
        let second = plan_at(&nightly, first.mark, now);
        assert_eq!((second.fire.len(), second.left_out.missed), (0, InstantCount::Exactly(0)), "{missed:?}");
        assert_eq!((second.mark, second.next), (first.mark, first.next));
    }
}

#[test]
fn the_same_instant_has_the_same_run_on_every_server() {
    let first = two_weeks_later(Missed::All(3));
    assert_eq!(first, two_weeks_later(Missed::All(3)));
    assert_eq!(first.fire[2].run, run_id("test", at("2026-11-14T00:00:00Z")));
    assert_eq!(two_weeks_later(Missed::Once).fire[0], first.fire[2]);
}

#[test]
fn nothing_was_missed_before_the_first_instant() {
    let nightly = timetable(&Schedule::every(DAY).starting(at("2026-11-10T02:00:00Z")));
    let plan = plan_at(&nightly, nightly.begin(at("2026-11-01T00:00:00Z")), at("2026-11-12T12:00:00Z"));
    assert_eq!(fired(&plan), [at("2026-11-12T02:00:00Z")]);
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(2));
}

#[test]
fn ten_years_of_seconds_are_as_quickly_told_as_one() {
    let every_second = timetable(&Schedule::every(SECOND).missed(Missed::All(2)));
    let plan = plan_at(&every_second, every_second.begin(at("2016-11-14T00:00:00Z")), at("2026-11-14T00:00:00Z"));
    assert_eq!(fired(&plan), ["2026-11-13T23:59:59Z", "2026-11-14T00:00:00Z"].map(at));
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(315_532_799));
}

#[cfg(feature = "cron")]
#[test]
fn a_pattern_is_made_up_for_over_a_clock_change_and_counted_as_far_as_is_cheap() {
    let nightly = timetable(&Schedule::cron("30 2 * * *", "Europe/Berlin").missed(Missed::All(3)));
    let plan = plan_at(&nightly, nightly.begin(at("2026-10-15T12:00:00Z")), at("2026-10-26T12:00:00Z"));
    assert_eq!(fired(&plan), ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"].map(at));
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(8));

    let secondly = timetable(&Schedule::cron("* * * * * *", "Europe/Berlin").missed(Missed::Once));
    let plan = plan_at(&secondly, secondly.begin(at("2026-10-15T12:00:00Z")), at("2026-10-29T12:00:00Z"));
    assert_eq!(fired(&plan), [at("2026-10-29T12:00:00Z")]);
    assert_eq!(plan.left_out.missed.to_string(), "more than 1000");

    let yearly = timetable(&Schedule::cron("0 0 29 2 *", "UTC"));
    let plan = plan_at(&yearly, yearly.begin(at("2009-01-01T00:00:00Z")), at("2026-10-29T12:00:00Z"));
    assert_eq!(fired(&plan), [at("2024-02-29T00:00:00Z")]);
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(3));
}
