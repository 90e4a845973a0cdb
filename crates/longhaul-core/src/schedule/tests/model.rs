//! A plain model of cron patterns: every minute around a clock change is looked at, one after the other.
#![cfg(feature = "cron")]

use std::collections::BTreeSet;

use jiff::{Timestamp as Instant, tz::TimeZone};
use proptest::prelude::*;

use super::*;

/// A zone, and a change of its clock.
const CHANGES: [(&str, &str); 12] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Asia/Beirut", "2026-03-28T22:00:00Z"),
    ("Asia/Beirut", "2026-10-24T21:00:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00:00Z"), // by two hours
    ("Antarctica/Troll", "2026-10-25T01:00:00Z"),
    ("Europe/Dublin", "2026-10-25T01:00:00Z"), // winter is what differs from the standard
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
];

/// How far around the change is looked, in minutes.
const AROUND: i64 = 30 * 60;

fn minutes(from: i64, to: i64, change: Instant) -> impl Iterator<Item = Instant> {
    (from..to).map(move |minute| Instant::from_second(change.as_second() + 60 * minute).expect("in range"))
}

/// What fires around the change, by looking at each minute.
fn expected(minute: &BTreeSet<i8>, hour: &BTreeSet<i8>, zone: &TimeZone, change: Instant) -> Vec<Instant> {
    let (old, new) = (zone.to_offset(change - jiff::SignedDuration::from_secs(1)), zone.to_offset(change));
    let named = |wall: jiff::civil::DateTime| minute.contains(&wall.minute()) && hour.contains(&wall.hour());
    let small = (new.seconds() - old.seconds()).abs() < 3 * 60 * 60;
    let mut fires = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for at in minutes(-AROUND, AROUND, change) {
        let wall = zone.to_datetime(at);
        if named(wall) && (seen.insert(wall) || hour.len() == 24) {
            fires.insert(at);
        }
    }
    if hour.len() == 24 {
        let next = |offset: jiff::tz::Offset| {
            minutes(0, 60, change).find(|&at| named(offset.to_datetime(at))).expect("one each hour")
        };
        if small && next(old) < next(new) {
            fires.insert(next(old));
        }
    } else if small
        && minutes(0, AROUND, change)
            .map(|at| old.to_datetime(at))
            .take_while(|&wall| wall < new.to_datetime(change))
            .any(named)
    {
        fires.insert(change);
    }
    fires.into_iter().collect()
}

fn field(values: &BTreeSet<i8>) -> String {
    values.iter().map(i8::to_string).collect::<Vec<_>>().join(",")
}

proptest! {
    #[test]
    fn a_pattern_fires_when_a_look_at_every_minute_says_so(
        which in 0..CHANGES.len(),
        minute in proptest::collection::btree_set(0..60_i8, 1..5),
        some_hours in proptest::collection::btree_set(0..24_i8, 1..8),
        every_hour: bool,
    ) {
        let hour = if every_hour { (0..24).collect() } else { some_hours };
        let (zone, change) = CHANGES[which];
        let change: Instant = change.parse().expect("a time in RFC 3339");
        let expected = expected(&minute, &hour, &TimeZone::get(zone).expect("a zone"), change);

        let table = cron(&format!("{} {} * * *", field(&minute), field(&hour)), zone);
        let begin = Timestamp::from_micros(change.as_microsecond() - 60_000_000 * AROUND - 1);
        let end = Timestamp::from_micros(change.as_microsecond() + 60_000_000 * AROUND);
        let found: Vec<Timestamp> = std::iter::successors(table.next(begin), |&at| table.next(at)).take_while(|&at| at < end).collect();
        let expected: Vec<Timestamp> = expected.iter().map(|at| Timestamp::from_micros(at.as_microsecond())).collect();
        prop_assert_eq!(&found, &expected);
        if every_hour {
            let longest = minute.iter().zip(minute.iter().skip(1)).map(|(a, b)| b - a)
                .chain([60 - minute.last().expect("one") + minute.first().expect("one")]).max().expect("one");
            for pair in found.windows(2) {
                prop_assert!(pair[1].since(pair[0]) <= MINUTE * longest as u32, "{:?}", pair);
            }
        }
    }
}
