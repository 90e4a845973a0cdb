use super::*;

fn refused(schedule: &Schedule) -> String {
    schedule.timetable().expect_err("a schedule that cannot be followed").to_string()
}

#[test]
fn intervals_out_of_bounds_are_refused_with_the_number_and_the_bounds() {
    for interval in [Duration::ZERO, Duration::from_millis(999), INTERVAL_MAX + SECOND, Duration::MAX] {
        let error = refused(&Schedule::every(interval));
        assert!(error.contains("at least 1s and at most 316224000s"), "{error}");
    }
    assert!(refused(&Schedule::every(Duration::from_millis(999))).contains("is 0.999s"));
    assert!(Schedule::every(INTERVAL_MAX).timetable().is_ok());
}

#[test]
fn policies_that_mean_nothing_are_refused() {
    let hourly = Schedule::every(HOUR);
    assert_eq!(refused(&hourly.clone().missed(Missed::All(0))), "missed runs `all(0)`: give 1 to 1000, or `skip`");
    assert!(refused(&hourly.clone().missed(Missed::All(1001))).contains("all(1001)"));
    assert!(hourly.missed(Missed::All(1000)).timetable().is_ok());
    assert!(refused(&Schedule::once(Timestamp::EPOCH).starting(Timestamp::EPOCH)).contains("leave out `starting`"));
}

#[cfg(not(feature = "cron"))]
#[test]
fn a_stored_cron_schedule_is_a_clear_error_where_the_feature_is_off() {
    let timing = Timing::Cron { pattern: "0 2 * * *".into(), zone: "Europe/Berlin".into() };
    let error = refused(&Schedule { timing, ..Schedule::every(HOUR) });
    assert!(error.contains("`0 2 * * *`") && error.contains("without the feature `cron`"), "{error}");
}

#[cfg(feature = "cron")]
mod patterns {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, field: CronField, found: &str, why: &str) {
        match Schedule::cron(pattern, "UTC").timetable() {
            Err(error @ ScheduleError::Field { .. }) => {
                let begins = format!("the {field} `{found}` in the pattern `{pattern}` {why}");
                assert!(error.to_string().starts_with(&begins), "{error}\nis not: {begins}");
                assert!(error.to_string().contains(": it may be "), "{error}");
            }
            other => panic!("{pattern}: {other:?}"),
        }
    }

    #[test]
    fn the_field_is_named_with_what_stands_there_and_what_is_wrong() {
        use CronField::{DayOfMonth, DayOfWeek, Hour, Minute, Month, Second};
        check("61 * * * *", Minute, "61", "is out of range");
        check("60 0 0 * * *", Second, "60", "is out of range");
        check("0 24 * * *", Hour, "24", "is out of range");
        check("0 0 0 * *", DayOfMonth, "0", "is out of range");
        check("0 0 * 13 *", Month, "13", "is out of range");
        check("0 0 * * 8", DayOfWeek, "8", "is out of range");
        check("0 99999999999 * * *", Hour, "99999999999", "is not understood");
        check("0 2h * * *", Hour, "2H", "is not understood");
        check("0 0 * MAI *", Month, "MAI", "is not understood");
        check("0 0 * * MONDAY", DayOfWeek, "MONDAY", "is not understood");
        check("1,,2 * * * *", Minute, "1,,2", "has a comma with nothing beside it");
        check("*,5 * * * *", Minute, "*,5", "has a `*` beside others, where it names all of them alone");
        check("1- * * * *", Minute, "1-", "lacks a number");
        check("* 17-9 * * *", Hour, "17-9", "ends before it begins; write `17-23,…`");
        check("5/10 * * * *", Minute, "5/10", "has a step after a single value; write `5-59/10`");
        check("*/0 * * * *", Minute, "*/0", "has a step of 0");
        check("*/99 * * * *", Minute, "*/99", "has a step of 99, of at most 59");
        check("*/x * * * *", Minute, "*/X", "has `X` for a step, which is no number");
        check("0 0 W * *", DayOfMonth, "W", "lacks a number");
        check("0 0 32W * *", DayOfMonth, "32W", "is out of range");
        check("0 0 * * L", DayOfWeek, "L", "names no day; the last Friday is `5L`");
        check("0 0 * * 1#6", DayOfWeek, "1#6", "is not one of the first to the fifth of its month");
        check("? * * * *", Minute, "?", "is not understood");
        check("ä * * * *", Minute, "ä", "is not understood");
    }

    #[test]
    fn a_message_is_whole() {
        assert_eq!(
            refused(&Schedule::cron("0 25 * * *", "Europe/Berlin")),
            "the hour `25` in the pattern `0 25 * * *` is out of range: it may be 0 to 23, `*`, or a list of numbers, \
             ranges and steps like `2,14`, `9-17`, `*/6`"
        );
    }

    #[test]
    fn patterns_with_too_few_or_too_many_fields_are_refused_with_their_number() {
        for (pattern, fields) in [("", 0), ("* * * *", 4), ("0 0 0 1 1 * 2026", 7)] {
            let error = refused(&Schedule::cron(pattern, "UTC"));
            assert!(error.contains(&format!("has {fields} fields, not 5")), "{error}");
        }
        assert!(refused(&Schedule::cron(&"*".repeat(257), "UTC")).contains("257 bytes, of at most 256"));
        assert!(refused(&Schedule::cron("@reboot", "UTC")).contains("there are @hourly, @daily"));
    }

    #[test]
    fn a_pattern_that_never_fires_is_refused() {
        for pattern in ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *", "0 0 31 2 */2"] {
            let error = refused(&Schedule::cron(pattern, "UTC"));
            assert!(error.contains(&format!("`{pattern}` never fires")), "{error}");
        }
        assert!(Schedule::cron("0 0 29 2 *", "UTC").timetable().is_ok());
    }

    #[test]
    fn an_unknown_zone_is_refused_with_the_name_it_may_stand_for() {
        for (zone, near) in [
            ("Europe/Berln", "Europe/Berlin"),
            ("europe/berlin ", "Europe/Berlin"),
            ("berlin", "Europe/Berlin"),
            ("New York", "America/New_York"),
        ] {
            let error = refused(&Schedule::cron("0 2 * * *", zone));
            assert!(error.contains(&format!("`{zone}` is no time zone")) && error.contains(near), "{error}");
        }
        for zone in
            ["", "Middle-earth/Shire", "../../etc/passwd", "Etc/Unknown", "+02:00", "CET-1CEST,M3.5.0,M10.5.0/3"]
        {
            let error = refused(&Schedule::cron("0 2 * * *", zone));
            assert!(error.contains("give an IANA name"), "{error}");
        }
        assert!(refused(&Schedule::cron("0 2 * * *", &"x".repeat(10_000))).len() < 200);
    }

    /// Often what a field may be, and often nearly so.
    fn any_item() -> impl Strategy<Value = String> {
        let number = || 0..9_u8;
        prop_oneof![
            4 => Just("*".to_owned()),
            4 => number().prop_map(|n| n.to_string()),
            1 => (0..70_u8).prop_map(|n| n.to_string()),
            2 => (number(), number()).prop_map(|(a, b)| format!("{a}-{b}")),
            1 => number().prop_map(|n| format!("*/{n}")),
            1 => (number(), number(), number()).prop_map(|(a, b, n)| format!("{a}-{b}/{n}")),
            1 => "[0-9]{0,2}[LW#]{0,2}[0-9]?",
            1 => "JAN|DEC|sun-tue|fri-SUN|MON,thu|\\?",
        ]
    }

    fn any_field() -> impl Strategy<Value = String> {
        prop_oneof![3 => any_item(), 1 => proptest::collection::vec(any_item(), 1..4).prop_map(|items| items.join(","))]
    }

    proptest! {
        #[test]
        fn no_text_makes_a_panic_and_what_we_let_through_is_understood(
            fields in proptest::collection::vec(any_field(), 5..7),
            text in ".{0,30}",
        ) {
            for pattern in [fields.join(" "), text] {
                match Schedule::cron(&pattern, "Europe/Berlin").timetable() {
                    Ok(table) => {
                        let next = table.next(at("2026-11-20T21:00:00Z")).expect("it fires");
                        prop_assert!(next > at("2026-11-20T21:00:00Z"));
                        prop_assert!(table.describe().ends_with(", Europe/Berlin"));
                    }
                    Err(error) => prop_assert!(!matches!(error, ScheduleError::Pattern { .. }), "{}", error),
                }
            }
        }
    }
}
