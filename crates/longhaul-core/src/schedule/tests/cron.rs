//! Patterns: what they mean, and how they are told.

use super::*;

#[test]
fn patterns_are_described_in_words() {
    for (pattern, words) in [
        ("0 2 * * *", "every day at 02:00, UTC"),
        ("30 1,2 * * *", "every day at 01:30 and 02:30, UTC"),
        ("0 */6 * * *", "every day at 00:00, 06:00, 12:00 and 18:00, UTC"),
        ("*/15 * * * *", "every 15 minutes, UTC"),
        ("*/7 * * * *", "every hour at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56, UTC"),
        ("* * * * *", "every minute, UTC"),
        ("@hourly", "every hour, UTC"),
        ("20 * * * *", "every hour at minute 20, UTC"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00, UTC"),
        ("0 9 * * mon,thu", "every Monday and Thursday at 09:00, UTC"),
        ("0 0 * * 7", "every Sunday at 00:00, UTC"),
        ("*/5 * * * 1-5", "every 5 minutes, Monday to Friday, UTC"),
        ("0 4 1 * *", "day 1 of every month at 04:00, UTC"),
        ("0 4 L * *", "the last day of every month at 04:00, UTC"),
        ("* * * * * *", "every second, UTC"),
        ("*/30 * * * * *", "every 30 seconds, UTC"),
        ("*/30 5 * * * *", "every 30 seconds of minute 5 of every hour, UTC"),
        ("*/47 * * * * *", "seconds 0 and 47 of every minute, UTC"),
        ("30 */45 * * * *", "second 30 of minutes 0 and 45 of every hour, UTC"),
        ("0 12 * */4 *", "every day in January, May and September at 12:00, UTC"),
        ("0 0 1 */5 *", "day 1 of January, June and November at 00:00, UTC"),
        ("0 0 */10 * *", "days 1, 11, 21 and 31 of every month at 00:00, UTC"),
        ("0 */5 * * *", "every day at 00:00, 05:00, 10:00, 15:00 and 20:00, UTC"),
        ("0 */2 * * *", "every 2 hours, UTC"),
        ("*/5 9-17 * * 1-5", "every 5 minutes of hours 9 to 17, Monday to Friday, UTC"),
        ("0 9 13 * 5", "day 13 of every month or every Friday at 09:00, UTC"),
        (
            "0 9 */2 * 1",
            "every Monday among days 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29 and 31 of every month at 09:00, UTC",
        ),
        ("0 9 * 6-8 1#2,5L", "the 2nd Monday of June to August or the last Friday of June to August at 09:00, UTC"),
        (
            "0 9 15W,LW * *",
            "the weekday nearest to day 15 of every month or the last weekday of every month at 09:00, UTC",
        ),
        ("0 0 1 1 *", "day 1 of January at 00:00, UTC"),
    ] {
        assert_eq!(cron(pattern, "UTC").describe(), words, "{pattern}");
    }
}

#[track_caller]
fn first(pattern: &str, expected: &str) {
    let next = cron(pattern, "UTC").next(at("2026-11-20T21:00:00Z")); // a Friday
    assert_eq!(next.map(|next| next.to_string()).as_deref(), Some(expected), "{pattern}");
}

#[test]
fn names_lists_ranges_steps_and_the_days_of_a_month_are_understood() {
    first("0 0 * dec sun", "2026-12-06T00:00:00Z");
    first("0 0 * * fri-sun", "2026-11-21T00:00:00Z");
    first("0 0 * * 7", "2026-11-22T00:00:00Z");
    first("0 0 * * sun-tue", "2026-11-22T00:00:00Z");
    first("10-20/5 22 * * *", "2026-11-20T22:10:00Z");
    first("0 0 1,15 * ?", "2026-12-01T00:00:00Z");
    first("0 0 LW 1 *", "2027-01-29T00:00:00Z");
    first("0 0 15W * *", "2026-12-15T00:00:00Z");
    first("0 0 * * 5L", "2026-11-27T00:00:00Z");
    first("0 0 * * mon#2", "2026-12-14T00:00:00Z");
    first("30 0 21 * * *", "2026-11-20T21:00:30Z");
    first("  @Weekly ", "2026-11-22T00:00:00Z");
    first("@yearly", "2027-01-01T00:00:00Z");
}

#[test]
fn of_two_day_fields_either_may_match_but_a_step_over_all_narrows_down() {
    first("0 0 28 * MON", "2026-11-23T00:00:00Z");
    // The 23rd is the first odd day that is a Monday, as crontab(5) says; else it were the 21st.
    first("0 0 */2 * MON", "2026-11-23T00:00:00Z");
    first("0 0 24 * */2", "2026-11-24T00:00:00Z");
}

#[test]
fn a_fraction_of_a_second_after_an_instant_the_next_one_is_next() {
    let minutely = cron("* * * * *", "Europe/Berlin");
    assert_eq!(minutely.next(at("2026-11-20T20:59:59.999999Z")), Some(at("2026-11-20T21:00:00Z")));
    assert_eq!(minutely.next(at("2026-11-20T21:00:00.000001Z")), Some(at("2026-11-20T21:01:00Z")));
    assert_eq!(minutely.next(at("1969-12-31T23:58:59.5Z")), Some(at("1969-12-31T23:59:00Z")));
}

#[test]
fn a_pattern_does_not_fire_before_its_start() {
    let start = at("2026-12-01T02:00:00Z");
    let nightly = timetable(&Schedule::cron("0 2 * * *", "UTC").starting(start));
    assert_eq!(instants(&nightly, at("2026-11-20T21:00:00Z"), 2), [start, start.after(DAY)]);
    assert_eq!(nightly.describe(), "every day at 02:00, UTC, starting 2026-12-01T02:00:00Z");
}

#[test]
fn zones_are_found_without_a_database_of_the_system() {
    // What a slim container has: the one that is compiled in.
    let bundled = jiff::tz::TimeZoneDatabase::bundled();
    for zone in ["Europe/Berlin", "Australia/Lord_Howe", "UTC"] {
        assert!(bundled.get(zone).is_ok(), "{zone}");
    }
}
