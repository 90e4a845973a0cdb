//! Dates and single instants that are left out, instants that are moved, and schedules that end.

use proptest::prelude::*;

use super::{super::timetable::just_before, *};

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

fn daily() -> Timetable {
    timetable(&Schedule::every(DAY))
}

/// At noon before Christmas.
const NOW: &str = "2026-12-23T12:00:00Z";

fn begun() -> Mark {
    daily().begin(at(NOW))
}

fn exception(instant: &str, to: Option<&str>) -> Exception {
    Exception::new(at(instant), to.map(at), "ann", None)
}

fn put(exceptions: &mut Exceptions, instant: &str, to: Option<&str>) -> Result<(), ExceptionError> {
    exceptions.put(&daily(), &begun(), at(NOW), exception(instant, to))
}

fn excepted(of: &[(&str, Option<&str>)]) -> Timetable {
    let mut exceptions = Exceptions::default();
    for (instant, to) in of {
        put(&mut exceptions, instant, *to).expect("an instant to come");
    }
    daily().with_exceptions(&exceptions)
}

fn days(timetable: &Timetable, n: usize) -> Vec<Timestamp> {
    instants(timetable, at(NOW), n)
}

#[test]
fn dates_are_those_of_the_zone_and_of_utc_for_an_interval() {
    let hourly = Schedule::every(HOUR).except([date("2026-12-25"), date("2026-12-24"), date("2026-12-25")]);
    let hourly = timetable(&hourly);
    assert_eq!(hourly.next(at("2026-12-23T22:30:00Z")), Some(at("2026-12-23T23:00:00Z")));
    assert_eq!(hourly.next(at("2026-12-23T23:00:00Z")), Some(at("2026-12-26T00:00:00Z")));
    assert_eq!(hourly.latest(at(NOW), at("2026-12-25T12:00:00Z")), Some(at("2026-12-23T23:00:00Z")));
    assert_eq!(hourly.count(at("2026-12-23T22:30:00Z"), at("2026-12-26T01:00:00Z")), Some(3));
    assert_eq!(hourly.count(at("2026-12-24T08:00:00Z"), at("2026-12-24T18:00:00Z")), Some(0));
}

#[cfg(feature = "cron")]
#[test]
fn a_date_is_as_long_as_its_zone_makes_it() {
    // Two days on which the clock changes, of 23 and 25 hours; and one that Apia left out.
    let every_hour = |zone, dates: &[&str]| {
        timetable(&Schedule::cron("0 * * * *", zone).except(dates.iter().map(|text| date(text))))
    };
    let berlin = every_hour("Europe/Berlin", &["2026-03-29", "2026-10-25"]);
    assert_eq!(berlin.next(at("2026-03-28T22:00:00Z")), Some(at("2026-03-29T22:00:00Z")));
    assert_eq!(berlin.next(at("2026-10-24T21:00:00Z")), Some(at("2026-10-25T23:00:00Z")));
    assert_eq!(berlin.latest(at("2026-10-20T00:00:00Z"), at("2026-10-25T22:59:00Z")), Some(at("2026-10-24T21:00:00Z")));
    let apia = every_hour("Pacific/Apia", &["2011-12-30"]);
    assert_eq!(apia.next(at("2011-12-30T09:00:00Z")), Some(at("2011-12-30T10:00:00Z")), "it had no hour");
}

#[test]
fn an_end_and_a_beginning_hold_both_included() {
    let schedule = Schedule::every(DAY).between(at("2026-12-24T06:00:00Z"), at("2026-12-26T06:00:00Z"));
    let table = timetable(&schedule);
    let expected = ["2026-12-24T06:00:00Z", "2026-12-25T06:00:00Z", "2026-12-26T06:00:00Z"].map(at);
    assert_eq!(days(&table, 9), expected);
    assert_eq!(table.count(at(NOW), at("2027-12-26T06:00:00Z")), Some(3));
    let plan = plan_at(&table, table.begin(at(NOW)), at("2027-02-01T00:00:00Z"));
    assert_eq!((fired(&plan), plan.next), (vec![expected[2]], None));
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(2));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |schedule: Schedule| schedule.timetable().expect_err("it cannot be followed").to_string();
    let once = Schedule::once(at(NOW));
    assert!(refused(once.clone().ending(at(NOW))).contains("runs once has no end"));
    assert!(refused(once.except([date("2026-12-24")])).contains("runs once has no end"));
    let never = refused(Schedule::every(DAY).between(at("2026-12-24T00:00:00Z"), at("2026-12-23T00:00:00Z")));
    assert_eq!(
        never,
        "it ends at 2026-12-23T00:00:00Z, and has no instant up to then: give a later end, or an earlier start"
    );
    let days = (0..401).map(|day| Date::new(2026 + day / 28, 2, (day % 28 + 1) as i8).expect("a date"));
    assert!(refused(Schedule::every(DAY).except(days)).contains("401 dates are to be left out, of at most 400"));
}

#[test]
fn an_instant_that_is_left_out_is_not_fired_not_missed_and_not_made_up_for() {
    let table = excepted(&[("2026-12-25T00:00:00Z", None)]);
    assert_eq!(days(&table, 2), ["2026-12-24T00:00:00Z", "2026-12-26T00:00:00Z"].map(at));
    let plan = plan_at(&table, begun(), at("2026-12-25T08:00:00Z"));
    assert_eq!(fired(&plan), [at("2026-12-24T00:00:00Z")]);
    assert_eq!(plan.next, Some(at("2026-12-26T00:00:00Z")));
    let all = timetable(&Schedule::every(DAY).missed(Missed::All(9)));
    let mut exceptions = Exceptions::default();
    exceptions.put(&all, &begun(), at(NOW), exception("2026-12-25T00:00:00Z", None)).expect("it is to come");
    let all = all.with_exceptions(&exceptions);
    let plan = plan_at(&all, begun(), at("2026-12-27T08:00:00Z"));
    assert_eq!(fired(&plan), ["2026-12-24T00:00:00Z", "2026-12-26T00:00:00Z", "2026-12-27T00:00:00Z"].map(at));
    assert_eq!(plan.left_out.missed, InstantCount::Exactly(0));
}

#[test]
fn an_instant_that_is_moved_fires_then_under_the_id_that_it_had() {
    let table = excepted(&[("2026-12-25T00:00:00Z", Some("2026-12-24T18:00:00Z"))]);
    let shown = table.preview(at(NOW), 3);
    let moved: Vec<_> = shown.iter().map(|local| (local.at, local.moved_from)).collect();
    let christmas = at("2026-12-25T00:00:00Z");
    assert_eq!(
        moved,
        [
            (at("2026-12-24T00:00:00Z"), None),
            (at("2026-12-24T18:00:00Z"), Some(christmas)),
            (at("2026-12-26T00:00:00Z"), None)
        ]
    );
    let plan = plan_at(&table, begun(), at("2026-12-24T18:00:05Z"));
    let firing = plan.fire[0];
    assert_eq!((firing.instant, firing.due), (christmas, at("2026-12-24T18:00:00Z")));
    assert_eq!(firing.run, run_id("test", christmas), "with the id of the instant, wherever it comes");
    // Its own time goes by without another run.
    let later = plan_at(&table, plan.mark, at("2026-12-25T12:00:00Z"));
    assert_eq!((fired(&later), later.next), (vec![], Some(at("2026-12-26T00:00:00Z"))));
}

#[test]
fn jitter_of_a_moved_instant_ends_before_the_next_one() {
    let schedule = Schedule::every(DAY).jitter(DAY);
    let table = timetable(&schedule);
    let mut exceptions = Exceptions::default();
    let (from, to) = ("2026-12-25T00:00:00Z", "2026-12-25T23:59:00Z");
    exceptions.put(&table, &table.begin(at(NOW)), at(NOW), exception(from, Some(to))).expect("it is to come");
    let due = table.with_exceptions(&exceptions).due("test", at(from));
    assert!(at(to) <= due && due < at("2026-12-26T00:00:00Z"), "{due}");
}

#[test]
fn what_is_no_instant_is_refused_with_its_neighbours() {
    let mut exceptions = Exceptions::default();
    put(&mut exceptions, "2026-12-25T00:00:00Z", None).expect("it is to come");
    let refused = put(&mut exceptions, "2026-12-25T12:00:00Z", None).unwrap_err();
    // That of the 25th does not come any more.
    assert_eq!(
        refused.to_string(),
        "2026-12-25T12:00:00Z is no instant of it: those next to it are 2026-12-24T00:00:00Z and 2026-12-26T00:00:00Z"
    );
    let past = put(&mut exceptions, "2026-12-23T00:00:00Z", None).unwrap_err().to_string();
    assert_eq!(past, "the instant 2026-12-23T00:00:00Z was handled already: the next one is 2026-12-24T00:00:00Z");
    let past = put(&mut exceptions, "2026-12-24T00:00:00Z", Some("2026-12-23T11:00:00Z")).unwrap_err().to_string();
    assert!(past.contains("cannot be moved to 2026-12-23T11:00:00Z, which is past"), "{past}");
    let taken = put(&mut exceptions, "2026-12-24T00:00:00Z", Some("2026-12-27T00:00:00Z")).unwrap_err().to_string();
    assert_eq!(taken, "another instant comes at 2026-12-27T00:00:00Z: choose another time");
    put(&mut exceptions, "2026-12-24T00:00:00Z", Some("2026-12-25T00:00:00Z")).expect("nothing comes then any more");
    let taken = exceptions.clone().remove(&daily(), &begun(), at("2026-12-26T00:00:00Z")).unwrap_err();
    assert_eq!(taken, ExceptionError::None { at: at("2026-12-26T00:00:00Z") });
}

#[test]
fn both_are_undone_by_either_time() {
    for name in ["2026-12-25T00:00:00Z", "2026-12-25T09:00:00Z"] {
        let mut exceptions = Exceptions::default();
        put(&mut exceptions, "2026-12-25T00:00:00Z", Some("2026-12-25T09:00:00Z")).expect("it is to come");
        exceptions.remove(&daily(), &begun(), at(name)).expect("it was moved");
        assert!(exceptions.is_empty());
    }
    let mut exceptions = Exceptions::default();
    put(&mut exceptions, "2026-12-25T00:00:00Z", Some("2026-12-25T09:00:00Z")).expect("it is to come");
    put(&mut exceptions, "2026-12-25T09:00:00Z", None).expect("named by the time that it was moved to");
    assert_eq!(exceptions.iter().map(|there| there.to).collect::<Vec<_>>(), [None]);
    put(&mut exceptions, "2026-12-25T00:00:00Z", Some("2026-12-25T00:00:00Z")).expect("back to its own time");
    assert!(exceptions.is_empty());
}

#[test]
fn what_was_moved_ahead_and_fired_cannot_be_undone_or_moved_again() {
    let mut exceptions = Exceptions::default();
    put(&mut exceptions, "2026-12-25T00:00:00Z", Some("2026-12-24T18:00:00Z")).expect("it is to come");
    let now = at("2026-12-24T19:00:00Z");
    let mark = plan_at(&daily().with_exceptions(&exceptions), begun(), now).mark;
    for refused in [
        exceptions.remove(&daily(), &mark, at("2026-12-25T00:00:00Z")),
        exceptions.put(&daily(), &mark, now, exception("2026-12-25T00:00:00Z", Some("2026-12-25T09:00:00Z"))),
        exceptions.put(&daily(), &mark, now, exception("2026-12-24T18:00:00Z", None)),
    ] {
        assert!(matches!(refused, Err(ExceptionError::Handled { .. })), "{refused:?}");
    }
}

#[test]
fn the_number_of_exceptions_is_bounded_and_past_ones_go() {
    let mut exceptions = Exceptions::default();
    for day in 1..=64 {
        let instant = at("2026-12-23T00:00:00Z").after(DAY * day);
        exceptions.put(&daily(), &begun(), at(NOW), Exception::new(instant, None, "ann", None)).expect("there is room");
    }
    let one_more = at("2027-06-01T00:00:00Z");
    let more = |exceptions: &mut Exceptions, mark: &Mark| {
        exceptions.put(&daily(), mark, at(NOW), Exception::new(one_more, None, "ann", None))
    };
    assert_eq!(more(&mut exceptions, &begun()), Err(ExceptionError::TooMany));
    exceptions
        .put(&daily(), &begun(), at(NOW), exception("2026-12-25T00:00:00Z", Some("2026-12-25T01:00:00Z")))
        .expect("another word about one that is there");
    let mark = Mark { until: at("2026-12-25T03:59:59Z"), ..begun() };
    exceptions.forget_past(&mark);
    assert_eq!(exceptions.iter().len(), 63, "that of the 24th");
    exceptions.forget_past(&Mark { until: at("2026-12-25T04:00:00Z"), ..begun() });
    assert_eq!(exceptions.iter().len(), 62, "its new time was later");
    more(&mut exceptions, &mark).expect("there is room again");
    exceptions.forget_unplanned(&timetable(&Schedule::every(DAY).starting(at("2027-01-01T01:00:00Z"))));
    assert!(exceptions.is_empty(), "another timing has none of them");
}

#[test]
fn a_clock_that_goes_back_by_an_hour_does_not_bring_back_what_was_left_out() {
    let hourly = timetable(&Schedule::every(HOUR));
    let mut exceptions = Exceptions::default();
    let begun = hourly.begin(at(NOW));
    exceptions.put(&hourly, &begun, at(NOW), exception("2026-12-23T14:00:00Z", None)).expect("it is to come");
    let mut mark = begun;
    for (now, expected) in [("13:00", 1), ("16:10", 1), ("13:50", 0), ("14:30", 0), ("15:00", 1)] {
        exceptions.forget_past(&mark);
        let plan = plan_at(&hourly.clone().with_exceptions(&exceptions), mark, at(&format!("2026-12-23T{now}:00Z")));
        assert_eq!(plan.fire.len(), expected, "at {now}");
        mark = plan.mark;
    }
}

/// A schedule, and what is left out of it or moved, by the number of the instant.
fn any_excepted() -> impl Strategy<Value = (Timetable, Timetable, Exceptions)> {
    let dates = proptest::collection::vec(0..60_u8, 0..9);
    let ending = proptest::option::of(1..60_u32);
    let exceptions = proptest::collection::vec((0..40_usize, proptest::option::of(1..4000_u32)), 0..12);
    let timing = if cfg!(feature = "cron") { 0..3_u8 } else { 0..1_u8 };
    (timing, dates, ending, exceptions).prop_map(|(timing, dates, ending, chosen)| {
        let timing = match timing {
            0 => Timing::Every(HOUR * 7),
            1 => Timing::Cron { pattern: "30 1,2,13 * * *".into(), zone: "Europe/Berlin".into() },
            _ => Timing::Cron { pattern: "*/20 */5 * * *".into(), zone: "America/New_York".into() },
        };
        let ending = ending.map(|days| at(NOW).after(DAY * days));
        let first = jiff::civil::date(2026, 12, 20);
        let date = |days: u8| {
            let day = first.checked_add(jiff::Span::new().days(days)).expect("in range");
            Date::new(day.year(), day.month(), day.day()).expect("a date")
        };
        let base = Schedule { timing, ending, ..Schedule::every(DAY) }.except(dates.into_iter().map(date));
        let base = base.timetable().expect("a sound schedule");
        let begun = base.begin(at(NOW));
        let planned = instants(&base, at(NOW), 40);
        let mut exceptions = Exceptions::default();
        for (which, minutes) in chosen {
            let Some(&instant) = planned.get(which) else { continue };
            let to = minutes.map(|minutes| at(NOW).after(MINUTE * minutes));
            // One onto another is refused, and left as it is.
            let _ = exceptions.put(&base, &begun, at(NOW), Exception::new(instant, to, "ann", None));
        }
        (base.clone(), base.with_exceptions(&exceptions), exceptions)
    })
}

proptest! {
    #[test]
    fn instants_are_those_of_a_plain_list((base, table, exceptions) in any_excepted(), from in 0..20_000_u32, long in 0..20_000_u32) {
        let (begin, end) = (at(NOW), at(NOW).after(DAY * 120));
        let of = |instant: Timestamp| exceptions.iter().find(|there| there.instant == instant);
        let planned = std::iter::successors(base.next(begin), |&instant| base.next(instant)).take_while(|&at| at <= end);
        let mut expected: Vec<(Timestamp, Timestamp)> = planned
            .filter_map(|instant| Some((of(instant).map_or(Some(instant), |there| there.to)?, instant)))
            .collect();
        expected.sort_unstable();
        let found: Vec<_> = std::iter::successors(table.next(begin), |&instant| table.next(instant))
            .take_while(|&at| at <= end)
            .map(|at| (at, table.instant_at(at)))
            .collect();
        prop_assert_eq!(&found, &expected);
        let after = begin.after(MINUTE * from);
        let until = after.after(MINUTE * long).min(end);
        let within: Vec<_> = expected.iter().map(|(at, _)| *at).filter(|at| after < *at && *at <= until).collect();
        prop_assert_eq!(table.latest(after, until), within.last().copied());
        prop_assert_eq!(table.count(after, until), Some(within.len() as u64));
        if let Some(first) = within.first() {
            prop_assert_eq!(table.next(just_before(*first)), Some(*first));
        }
    }
}
