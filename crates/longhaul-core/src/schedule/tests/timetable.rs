use super::*;

#[test]
fn an_interval_is_counted_from_1970_so_that_a_restart_moves_nothing() {
    let hourly = timetable(&Schedule::every(HOUR));
    assert_eq!(hourly.next(at("2026-11-20T21:59:59.999999Z")), Some(at("2026-11-20T22:00:00Z")));
    assert_eq!(hourly.next(at("2026-11-20T22:00:00Z")), Some(at("2026-11-20T23:00:00Z")));
    assert_eq!(hourly.next(at("1969-12-31T22:30:00Z")), Some(at("1969-12-31T23:00:00Z")));
}

#[test]
fn an_interval_with_a_first_instant_is_counted_from_it_and_has_none_before() {
    let first = at("2026-11-20T21:05:07.25Z");
    let schedule = timetable(&Schedule::every(SECOND * 90).starting(first));
    let expected = ["2026-11-20T21:05:07.25Z", "2026-11-20T21:06:37.25Z", "2026-11-20T21:08:07.25Z"].map(at);
    assert_eq!(instants(&schedule, at("1999-01-01T00:00:00Z"), 3), expected);
}

#[test]
fn the_end_of_time_has_no_next_instant() {
    let tables = [
        timetable(&Schedule::every(DAY)),
        timetable(&Schedule::once(Timestamp::EPOCH)),
        #[cfg(feature = "cron")]
        cron("* * * * *", "UTC"),
    ];
    for table in tables {
        assert_eq!(table.next(Timestamp::MAX), None);
        assert_eq!(table.next(Timestamp::from_micros(i64::MAX)), None);
    }
    let early = timetable(&Schedule::every(DAY)).next(Timestamp::from_micros(i64::MIN));
    assert!(early.is_some_and(|instant| instant < Timestamp::EPOCH));
}

#[test]
fn a_preview_is_as_long_as_asked_for_and_no_longer_than_a_page() {
    let hourly = timetable(&Schedule::every(HOUR));
    assert_eq!(hourly.preview(Timestamp::EPOCH, 3).len(), 3);
    assert_eq!(hourly.preview(Timestamp::EPOCH, usize::MAX).len(), PREVIEW_MAX);
    assert_eq!(timetable(&Schedule::once(at("2026-11-20T21:00:00Z"))).preview(Timestamp::EPOCH, 3).len(), 1);
}

#[test]
fn intervals_are_described_in_their_largest_whole_unit() {
    let described = |interval| timetable(&Schedule::every(interval)).describe();
    assert_eq!(described(DAY), "every day");
    assert_eq!(described(HOUR * 36), "every 36 hours");
    assert_eq!(described(MINUTE * 15), "every 15 minutes");
    assert_eq!(described(SECOND * 90), "every 90 seconds");
    assert_eq!(described(SECOND), "every second");
    assert_eq!(described(Duration::from_millis(1500)), "every 1.5 seconds");
    let once = timetable(&Schedule::once(at("2026-12-24T18:00:00Z")));
    assert_eq!(once.describe(), "once, at 2026-12-24T18:00:00Z");
}

#[test]
fn jitter_delays_by_no_more_than_it_may_and_never_to_the_next_instant() {
    let minutely = timetable(&Schedule::every(MINUTE).jitter(HOUR));
    let little = timetable(&Schedule::every(HOUR).jitter(SECOND));
    let mut delays = Vec::new();
    for n in 0..200 {
        let instant = Timestamp::EPOCH.after(HOUR * n);
        let delay = minutely.due("test", instant).since(instant);
        assert!(delay < MINUTE, "{delay:?}");
        delays.push(delay);
        assert!(little.due("test", instant).since(instant) <= SECOND);
    }
    assert!(delays.iter().any(|&delay| delay > SECOND * 50) && delays.iter().any(|&delay| delay < SECOND * 10));
    assert_ne!(minutely.due("test", Timestamp::EPOCH), minutely.due("other", Timestamp::EPOCH));
    assert_eq!(timetable(&Schedule::every(MINUTE)).due("test", Timestamp::EPOCH), Timestamp::EPOCH);
    // Chance gives this one nearly all that there is room for.
    let (secondly, unlucky) = (timetable(&Schedule::every(SECOND).jitter(HOUR)), at("1970-01-01T23:35:28Z"));
    assert_eq!(secondly.due("test", unlucky), at("1970-01-01T23:35:28.999999Z"));
}
