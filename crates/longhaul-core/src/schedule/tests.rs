#[cfg(feature = "cron")]
mod clock_change;
#[cfg(feature = "cron")]
mod cron;
mod exceptions;
mod missed;
mod model;
mod overlap;
mod properties;
mod refusal;
mod start;
mod stored;
mod timetable;
#[cfg(feature = "cron")]
mod words;

use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time in RFC 3339")
}

fn timetable(schedule: &Schedule) -> Timetable {
    schedule.timetable().expect("a sound schedule")
}

#[cfg(feature = "cron")]
fn cron(pattern: &str, zone: &str) -> Timetable {
    timetable(&Schedule::cron(pattern, zone))
}

/// The first so many instants after `after`.
fn instants(timetable: &Timetable, after: Timestamp, n: usize) -> Vec<Timestamp> {
    std::iter::successors(timetable.next(after), |&instant| timetable.next(instant)).take(n).collect()
}

fn plan_at(timetable: &Timetable, mark: Mark, now: Timestamp) -> Plan {
    plan(&Situation { name: "test", timetable, mark: Some(mark), now, unfinished: 0 })
}

fn fired(plan: &Plan) -> Vec<Timestamp> {
    plan.fire.iter().map(|firing| firing.instant).collect()
}
