//! The words of a pattern are read back, by a reader that knows nothing of patterns, and must name its instants.

use jiff::civil::{Date, DateTime};
use proptest::prelude::*;

use super::*;

const WEEK: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const YEAR: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What words say: which times of which days.
struct Meaning {
    days: Box<dyn Fn(Date) -> bool>,
    /// Seconds of the day.
    times: Vec<u32>,
}

/// "a", "a and b", "a, b and c", each as `name` reads it, and "a to c".
fn list(text: &str, name: &dyn Fn(&str) -> u32) -> Vec<u32> {
    let items = text.split(", ").flat_map(|part| part.split(" and "));
    let range = |item: &str| match item.split_once(" to ") {
        Some((first, last)) => name(first)..=name(last),
        None => name(item)..=name(item),
    };
    items.flat_map(range).collect()
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn position(names: &[&str], text: &str) -> u32 {
    names.iter().position(|name| *name == text).unwrap_or_else(|| panic!("`{text}` is no name")) as u32
}

/// "every minute", "every 15 minutes", "minute 7", "minutes 0 and 7".
fn values(text: &str, unit: &str, of: u32) -> Vec<u32> {
    if text == format!("every {unit}") {
        return (0..of).collect();
    }
    if let Some(step) = text.strip_prefix("every ") {
        let step = number(step.strip_suffix(&format!(" {unit}s")).expect("a distance in this unit"));
        assert_eq!(of % step, 0, "`{text}` is not true from one to the next");
        return (0..of).step_by(step as usize).collect();
    }
    let rest = text.strip_prefix(unit).unwrap_or_else(|| panic!("`{text}` names no {unit}"));
    list(rest.strip_prefix("s ").or(rest.strip_prefix(' ')).expect("a blank"), &number)
}

fn all_times(seconds: &[u32], minutes: &[u32], hours: &[u32]) -> Vec<u32> {
    let of_hour = |hour: u32| {
        minutes.iter().flat_map(move |minute| seconds.iter().map(move |second| hour * 3600 + minute * 60 + second))
    };
    hours.iter().flat_map(|hour| of_hour(*hour)).collect()
}

fn interval(text: &str) -> Vec<u32> {
    let (all_hours, all_minutes): (Vec<u32>, Vec<u32>) = ((0..24).collect(), (0..60).collect());
    let parts: Vec<&str> = text.split(" of ").collect();
    match parts[..] {
        [first, minutes, hours] => {
            all_times(&values(first, "second", 60), &values(minutes, "minute", 60), &values(hours, "hour", 24))
        }
        [first, "every minute"] => all_times(&values(first, "second", 60), &all_minutes, &all_hours),
        [first, hours] => all_times(&[0], &values(first, "minute", 60), &values(hours, "hour", 24)),
        ["every hour"] => all_times(&[0], &[0], &all_hours),
        [one] => match one.strip_prefix("every hour at ") {
            Some(minutes) => all_times(&[0], &values(minutes, "minute", 60), &all_hours),
            None if one.ends_with("second") || one.ends_with("seconds") => {
                all_times(&values(one, "second", 60), &all_minutes, &all_hours)
            }
            None if one.ends_with("minute") || one.ends_with("minutes") => {
                all_times(&[0], &values(one, "minute", 60), &all_hours)
            }
            None => all_times(&[0], &[0], &values(one, "hour", 24)),
        },
        _ => panic!("`{text}` is not understood"),
    }
}

fn clock(text: &str) -> Vec<u32> {
    list(text, &|time| {
        let (hour, minute) = time.split_once(':').expect("a time of the day");
        number(hour) * 3600 + number(minute) * 60
    })
}

fn in_months(text: &str) -> Box<dyn Fn(Date) -> bool> {
    if text == "every month" {
        return Box::new(|_| true);
    }
    let months = list(text, &|name| position(&YEAR, name) + 1);
    Box::new(move |date| months.contains(&(date.month() as u32)))
}

fn weekday(date: Date) -> u32 {
    date.weekday().to_sunday_zero_offset() as u32
}

fn nearest_weekday(day: u32, date: Date) -> bool {
    let there = date.first_of_month().with().day(day as i8).build().expect("every month has it");
    let shift = match weekday(there) {
        6 if day == 1 => 2,
        6 => -1,
        0 if day == there.days_in_month() as u32 => -2,
        0 => 1,
        _ => 0,
    };
    date.day() == there.day() + shift
}

fn one_kind_of_days(text: &str) -> Box<dyn Fn(Date) -> bool> {
    if let Some((what, months)) = text.split_once(" of ") {
        let months = in_months(months);
        let what = what.to_owned();
        return Box::new(move |date| {
            let last_days = i32::from(date.days_in_month()) - i32::from(date.day());
            let holds = match what.as_str() {
                "the last day" => last_days == 0,
                "the last weekday" => {
                    (1..=5).contains(&weekday(date)) && (last_days == 0 || last_days <= 2 && weekday(date) == 5)
                }
                what => match (what.strip_prefix("the weekday nearest to day "), what.strip_prefix("the last ")) {
                    (Some(day), _) => nearest_weekday(number(day), date),
                    (_, Some(name)) => weekday(date) == position(&WEEK, name) && last_days < 7,
                    _ => {
                        if let Some(nth) = what.strip_prefix("the ") {
                            let (nth, name) = nth.split_once(' ').expect("which, and what day");
                            let nth = number(&nth[..1]) as i8;
                            weekday(date) == position(&WEEK, name) && (date.day() + 6) / 7 == nth
                        } else {
                            let days = what.strip_prefix("days ").or(what.strip_prefix("day ")).expect("days");
                            list(days, &number).contains(&(date.day() as u32))
                        }
                    }
                },
            };
            holds && months(date)
        });
    }
    let (what, months) = text.split_once(" in ").unwrap_or((text, "every month"));
    let months = in_months(months);
    let days: Vec<u32> = match what {
        "every day" => (0..7).collect(),
        "Monday to Friday" => (1..=5).collect(),
        _ => list(what.strip_prefix("every ").expect("days of the week"), &|name| position(&WEEK, name)),
    };
    Box::new(move |date| days.contains(&weekday(date)) && months(date))
}

fn days(text: &str) -> Box<dyn Fn(Date) -> bool> {
    if let Some((one, other)) = text.split_once(" among ") {
        let (one, other) = (days(one), days(other));
        return Box::new(move |date| one(date) && other(date));
    }
    let kinds: Vec<_> = text.split(" or ").map(one_kind_of_days).collect();
    Box::new(move |date| kinds.iter().any(|holds| holds(date)))
}

fn read(words: &str) -> Meaning {
    if let Some((days_said, times)) = words.rsplit_once(" at ").filter(|(_, times)| times.contains(':')) {
        return Meaning { days: days(days_said), times: clock(times) };
    }
    // The days follow a comma, the values of a list are numbers.
    let comma =
        words.match_indices(", ").find(|(at, _)| !words[at + 2..].starts_with(|next: char| next.is_ascii_digit()));
    match comma {
        Some((at, _)) => Meaning { times: interval(&words[..at]), days: days(&words[at + 2..]) },
        None => Meaning { times: interval(words), days: days("every day") },
    }
}

impl Meaning {
    /// The first time after `after` that the words name, in the next nine years: leap days are eight years apart around
    /// 2100.
    fn next(&self, after: DateTime) -> Option<DateTime> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let mut date = after.date();
        for _ in 0..9 * 366 {
            if (self.days)(date) {
                let at =
                    |seconds: u32| date.at((seconds / 3600) as i8, (seconds / 60 % 60) as i8, (seconds % 60) as i8, 0);
                if let Some(next) = times.iter().map(|seconds| at(*seconds)).find(|at| *at > after) {
                    return Some(next);
                }
            }
            date = date.tomorrow().expect("far from the end of time");
        }
        None
    }
}

/// A field of values from `low` to `high`.
fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let item = move || {
        let range = (low..=high, low..=high).prop_map(|(one, other)| (one.min(other), one.max(other)));
        prop_oneof![
            3 => (low..=high).prop_map(|value| value.to_string()),
            2 => range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
            2 => (range, 1..=high).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
        ]
    };
    prop_oneof![
        3 => Just("*".to_owned()),
        4 => (1..=high).prop_map(|step| format!("*/{step}")),
        4 => proptest::collection::vec(item(), 1..4).prop_map(|items| items.join(",")),
        2 => (low..=high).prop_map(|value| value.to_string()),
    ]
}

fn day_of_month() -> impl Strategy<Value = String> {
    let special =
        prop_oneof![Just("L".to_owned()), Just("LW".to_owned()), (2..28_u32).prop_map(|day| format!("{day}W"))];
    prop_oneof![
        3 => field(1, 31),
        1 => special.clone(),
        1 => (1..28_u32, special).prop_map(|(day, special)| format!("{day},{special}")),
    ]
}

fn day_of_week() -> impl Strategy<Value = String> {
    let special = prop_oneof![
        (0..7_u32).prop_map(|day| format!("{day}L")),
        (0..7_u32, 1..5_u32).prop_map(|(day, nth)| format!("{day}#{nth}"))
    ];
    prop_oneof![4 => field(0, 7), 1 => special]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn the_words_of_a_pattern_name_its_instants_and_no_others(
        second in prop_oneof![Just("0".to_owned()), field(0, 59)],
        minute in field(0, 59),
        hour in field(0, 23),
        day_of_month in day_of_month(),
        month in field(1, 12),
        day_of_week in day_of_week(),
        begin in 1_262_304_000..1_893_456_000_i64,
    ) {
        let pattern = format!("{second} {minute} {hour} {day_of_month} {month} {day_of_week}");
        let Ok(table) = Schedule::cron(&pattern, "UTC").timetable() else { return Ok(()) };
        let words = table.describe();
        let said = read(words.strip_suffix(", UTC").expect("the zone comes last"));
        let mut at = Timestamp::from_micros(begin * 1_000_000);
        let local = |at: Timestamp| {
            let at = jiff::Timestamp::from_microsecond(at.as_micros()).expect("in range");
            jiff::tz::TimeZone::UTC.to_datetime(at)
        };
        for _ in 0..8 {
            let Some(next) = table.next(at).filter(|next| next.since(at) < DAY * 365 * 8) else { break };
            prop_assert_eq!(said.next(local(at)), Some(local(next)), "`{}` is said to be: {}", pattern, words);
            at = next;
        }
    }
}
