//! The days on which the clock changes, with the instants written out.

use super::*;

#[track_caller]
fn check(pattern: &str, zone: &str, after: &str, expected: &[&str]) {
    let found: Vec<String> =
        instants(&cron(pattern, zone), at(after), expected.len()).iter().map(Timestamp::to_string).collect();
    assert_eq!(found, expected, "{pattern} in {zone} after {after}");
}

const BERLIN: &str = "Europe/Berlin"; // 2026-03-29 02:00 to 03:00 is skipped, 2026-10-25 02:00 to 03:00 comes twice
const NEW_YORK: &str = "America/New_York"; // 2026-03-08 02:00 to 03:00; 2026-11-01 01:00 to 02:00
const LORD_HOWE: &str = "Australia/Lord_Howe"; // 2026-10-04 02:00 to 02:30; 2026-04-05 01:30 to 02:00
const APIA: &str = "Pacific/Apia"; // 2011-12-30 was skipped, from -10 to +14

#[test]
fn a_time_of_day_in_the_gap_runs_once_at_its_end() {
    let noon = "2026-03-28T12:00:00Z";
    check("0 2 * * *", BERLIN, noon, &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    check("30 2 * * *", BERLIN, noon, &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    check("30 2 * * *", NEW_YORK, "2026-03-07T12:00:00Z", &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]);
    check("15 2 * * *", LORD_HOWE, "2026-10-03T12:00:00Z", &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]);
    // Clocks in Beirut go from 00:00 to 01:00.
    check("0 0 * * *", "Asia/Beirut", noon, &["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"]);
}

#[test]
fn several_times_in_the_gap_and_one_at_its_end_are_one_run() {
    let noon = "2026-03-28T12:00:00Z";
    check("*/15 2 * * *", BERLIN, noon, &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    check("0 2,3 * * *", BERLIN, noon, &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"]);
    check(
        "0,59 1-3 8 3 *",
        NEW_YORK,
        "2026-03-07T12:00:00Z",
        &["2026-03-08T06:00:00Z", "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z", "2026-03-08T07:59:00Z"],
    );
}

#[test]
fn a_time_of_day_that_comes_twice_runs_the_first_time() {
    let noon = "2026-10-24T12:00:00Z";
    check("30 2 * * *", BERLIN, noon, &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    check(
        "30 1,2 * * *",
        BERLIN,
        noon,
        &["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    check(
        "*/20 2 * * *",
        BERLIN,
        noon,
        &["2026-10-25T00:00:00Z", "2026-10-25T00:20:00Z", "2026-10-25T00:40:00Z", "2026-10-26T01:00:00Z"],
    );
    // One hour of the day is not named.
    check("0 1-23 * * *", BERLIN, "2026-10-24T23:30:00Z", &["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"]);
    check("30 1 * * *", NEW_YORK, "2026-10-31T12:00:00Z", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    check("45 1 * * *", LORD_HOWE, "2026-04-04T12:00:00Z", &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]);
}

#[test]
fn asked_within_the_second_pass_a_time_of_day_is_over() {
    for after in ["2026-10-25T01:00:00Z", "2026-10-25T01:10:00Z", "2026-10-25T01:59:59Z"] {
        check("30 2 * * *", BERLIN, after, &["2026-10-26T01:30:00Z"]);
        check("* * 2,3 * * *", BERLIN, after, &["2026-10-25T02:00:00Z", "2026-10-25T02:00:01Z"]);
    }
}

#[test]
fn every_hour_goes_on_as_time_passes() {
    check(
        "0 * * * *",
        BERLIN,
        "2026-03-28T23:30:00Z",
        &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
    );
    check(
        "30 * * * *",
        BERLIN,
        "2026-10-24T23:40:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"],
    );
    check(
        "0 0-23 * * *",
        NEW_YORK,
        "2026-11-01T04:30:00Z",
        &["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"],
    );
    check("30 * * * *", NEW_YORK, "2026-03-08T06:00:00Z", &["2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z"]);
}

#[test]
fn a_quarter_of_an_hour_stays_one_over_every_change() {
    for (zone, after) in [
        (BERLIN, "2026-03-28T20:00:00Z"),
        (BERLIN, "2026-10-24T20:00:00Z"),
        (NEW_YORK, "2026-03-08T02:00:00Z"),
        (NEW_YORK, "2026-11-01T02:00:00Z"),
        (LORD_HOWE, "2026-10-03T10:00:00Z"),
        (LORD_HOWE, "2026-04-04T10:00:00Z"),
        (APIA, "2011-12-30T05:00:00Z"),
    ] {
        let mut before = at(after);
        for instant in instants(&cron("*/15 * * * *", zone), before, 48) {
            assert_eq!(instant.since(before), MINUTE * 15, "{zone} {instant}");
            before = instant;
        }
    }
}

#[test]
fn where_clocks_move_by_half_an_hour_the_run_that_was_due_next_still_comes() {
    // 01:00 +11, then what would have been 02:00 +11, then 02:00 +10:30.
    check(
        "0 * * * *",
        LORD_HOWE,
        "2026-04-04T13:30:00Z",
        &["2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"],
    );
    check(
        "20 * * * *",
        LORD_HOWE,
        "2026-04-04T14:00:00Z",
        &["2026-04-04T14:20:00Z", "2026-04-04T15:20:00Z", "2026-04-04T15:50:00Z"],
    );
    // 01:45 comes twice, half an hour apart: nothing is late.
    check(
        "45 * * * *",
        LORD_HOWE,
        "2026-04-04T14:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"],
    );
    // 01:15 +10:30, then what would have been 02:15 +10:30, then 03:15 +11.
    check(
        "15 * * * *",
        LORD_HOWE,
        "2026-10-03T14:00:00Z",
        &["2026-10-03T14:45:00Z", "2026-10-03T15:45:00Z", "2026-10-03T16:15:00Z"],
    );
}

#[test]
fn asked_between_the_change_and_the_run_that_it_carried_over_that_run_is_next() {
    check("15 * * * *", LORD_HOWE, "2026-10-03T15:30:00Z", &["2026-10-03T15:45:00Z"]);
    check("15 * * * *", LORD_HOWE, "2026-10-03T15:44:59Z", &["2026-10-03T15:45:00Z"]);
    check("15 * * * *", LORD_HOWE, "2026-10-03T15:45:00Z", &["2026-10-03T16:15:00Z"]);
}

#[test]
fn nothing_is_carried_over_to_a_day_that_the_pattern_does_not_name() {
    // Beirut goes from Sunday 00:00 back to Saturday 23:00; Sundays begin an hour later.
    check("0 * * * SUN", "Asia/Beirut", "2026-10-24T12:00:00Z", &["2026-10-24T22:00:00Z", "2026-10-24T23:00:00Z"]);
    check("0 * * * MON", BERLIN, "2026-10-24T12:00:00Z", &["2026-10-25T23:00:00Z"]);
    check("30 * * * MON", BERLIN, "2026-03-28T12:00:00Z", &["2026-03-29T22:30:00Z"]);
}

#[test]
fn a_date_that_was_left_out_is_not_made_up() {
    check("0 2 * * *", APIA, "2011-12-29T00:00:00Z", &["2011-12-29T12:00:00Z", "2011-12-30T12:00:00Z"]);
    check("* 2 * * *", APIA, "2011-12-29T12:59:00Z", &["2011-12-30T12:00:00Z"]);
    check("0 12 30 * *", APIA, "2011-11-01T00:00:00Z", &["2011-11-30T22:00:00Z", "2012-01-29T22:00:00Z"]);
    check(
        "0 * * * *",
        APIA,
        "2011-12-30T08:30:00Z",
        &["2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"],
    );
    // A Friday that never was.
    check("0 * * * FRI", APIA, "2011-12-29T12:00:00Z", &["2012-01-05T10:00:00Z"]);
}

#[test]
fn leap_days_and_ends_of_months_are_found() {
    check("0 0 29 2 *", "UTC", "2026-11-20T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    check("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00Z"]);
    check("0 * 29 2 *", BERLIN, "2026-11-20T00:00:00Z", &["2028-02-28T23:00:00Z"]);
    check("0 0 L 2 *", "UTC", "2027-01-01T00:00:00Z", &["2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"]);
    check("0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", &["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]);
}

#[test]
fn a_preview_shows_the_offset_on_both_sides_of_a_change() {
    let shown: Vec<String> =
        cron("30 2 * * *", BERLIN).preview(at("2026-10-24T12:00:00Z"), 2).iter().map(LocalTime::to_string).collect();
    assert_eq!(shown, ["2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"]);
    let shown = cron("0 12 * * *", "America/St_Johns").preview(at("2026-01-01T00:00:00Z"), 1);
    assert_eq!(shown[0].to_string(), "2026-01-01 12:00:00 -03:30");
    assert_eq!(shown[0].at, at("2026-01-01T15:30:00Z"));
}
