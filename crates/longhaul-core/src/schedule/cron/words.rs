//! A pattern in words. They say what fires, value by value wherever an interval would not be true: `*/47` seconds are the
//! seconds 0 and 47 of each minute. A test reads them back and compares them with the instants.

use std::ops::RangeInclusive;

use super::pattern::Fields;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
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
const NTH: [&str; 5] = ["1st", "2nd", "3rd", "4th", "5th"];
/// Times of the day that are listed one by one: what is longer is shorter as fields.
const TIMES_MAX: usize = 6;

pub(super) fn describe(fields: &Fields) -> String {
    match (days(fields), times(fields)) {
        (days, Times::At(times)) => format!("{days} at {times}"),
        (days, Times::Every(interval)) if days == "every day" => interval,
        (days, Times::Every(interval)) => format!("{interval}, {days}"),
    }
}

/// The values of a field that names no special days.
fn values(text: &str, range: RangeInclusive<u8>) -> Vec<u8> {
    let number = |text: &str| text.parse::<u8>().expect("the field was checked");
    let item = |item: &str| {
        let (base, step) = item.split_once('/').map_or((item, 1), |(base, step)| (base, number(step)));
        let range = match base.split_once('-') {
            _ if base == "*" => range.clone(),
            Some((low, high)) => number(low)..=number(high),
            None => number(base)..=number(base),
        };
        range.step_by(usize::from(step)).collect::<Vec<_>>()
    };
    let mut all: Vec<u8> = text.split(',').flat_map(item).collect();
    all.sort_unstable();
    all.dedup();
    all
}

enum Times {
    At(String),
    Every(String),
}

fn times(fields: &Fields) -> Times {
    let seconds = values(&fields.second, 0..=59);
    let (minutes, hours) = (values(&fields.minute, 0..=59), values(&fields.hour, 0..=23));
    let every_hour = hours.len() == 24;
    if seconds != [0] {
        let of_minutes = match (minutes.len(), every_hour) {
            (60, true) => "every minute".into(),
            _ => format!("{} of {}", these("minute", 60, &minutes), these("hour", 24, &hours)),
        };
        return Times::Every(match seconds.len() {
            60 if minutes.len() == 60 && every_hour => "every second".into(),
            _ if minutes.len() == 60 && every_hour && step_of(&seconds, 60).is_some() => some("second", 60, &seconds),
            _ => format!("{} of {of_minutes}", some("second", 60, &seconds)),
        });
    }
    match (minutes.as_slice(), every_hour) {
        ([0], true) => Times::Every("every hour".into()),
        (some_of, true) if step_of(some_of, 60).is_some() => Times::Every(some("minute", 60, some_of)),
        (some_of, true) => Times::Every(format!("every hour at {}", these("minute", 60, some_of))),
        (_, false) if minutes.len() * hours.len() <= TIMES_MAX => {
            let clock =
                |hour: &u8| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")).collect::<Vec<_>>();
            Times::At(list(&hours.iter().flat_map(clock).collect::<Vec<_>>()))
        }
        ([0], false) if step_of(&hours, 24).is_some() => Times::Every(some("hour", 24, &hours)),
        (_, false) => Times::Every(format!("{} of {}", some("minute", 60, &minutes), these("hour", 24, &hours))),
    }
}

/// "every 15 minutes" if they come at that distance for ever, otherwise as [`these`].
fn some(unit: &str, of: u8, values: &[u8]) -> String {
    match step_of(values, of) {
        Some(step) if step > 1 => format!("every {step} {unit}s"),
        _ => these(unit, of, values),
    }
}

/// "every minute", "minute 7", "minutes 0, 7 and 14".
fn these(unit: &str, of: u8, values: &[u8]) -> String {
    match values {
        all if all.len() == usize::from(of) => format!("every {unit}"),
        [_] => format!("{unit} {}", numbers(values)),
        _ => format!("{unit}s {}", numbers(values)),
    }
}

/// The distance at which `values`, which begin with 0, come again and again, also from one hour, or day, to the next.
fn step_of(values: &[u8], of: u8) -> Option<u8> {
    let step = (values.len() > 1).then(|| of / values.len() as u8)?;
    let even = values.iter().enumerate().all(|(n, value)| usize::from(*value) == n * usize::from(step));
    (even && step * values.len() as u8 == of).then_some(step)
}

fn days(fields: &Fields) -> String {
    let (dom, dow) = (days_of_month(fields), days_of_week(fields));
    // Where either may match and one names all days, as `1-31` does, they are all meant.
    let either = fields.day_of_month != "*" && fields.day_of_week != "*" && !fields.days_must_both_match();
    match (dom, dow) {
        (Some(days), None) | (None, Some(days)) if !either => days,
        (None, _) | (_, None) => format!("every day{}", in_months(fields)),
        (Some(dom), Some(dow)) if fields.days_must_both_match() => format!("{dow} among {dom}"),
        (Some(dom), Some(dow)) => format!("{dom} or {dow}"),
    }
}

/// `None`: every day of the month.
fn days_of_month(fields: &Fields) -> Option<String> {
    let of = of_months(fields);
    let (special, plain): (Vec<&str>, Vec<&str>) =
        fields.day_of_month.split(',').partition(|item| item.contains(['L', 'W']));
    let mut all = Vec::new();
    if !plain.is_empty() {
        match values(&plain.join(","), 1..=31).as_slice() {
            // A `*` in any spelling.
            every if every.len() == 31 => return None,
            &[day] => all.push(format!("day {day} of {of}")),
            some => all.push(format!("days {} of {of}", numbers(some))),
        }
    }
    all.extend(special.iter().map(|item| match item.strip_suffix('W') {
        None => format!("the last day of {of}"),
        Some("L") => format!("the last weekday of {of}"),
        Some(day) => format!("the weekday nearest to day {day} of {of}"),
    }));
    Some(all.join(" or "))
}

/// `None`: every day of the week.
fn days_of_week(fields: &Fields) -> Option<String> {
    let name = |day: &str| DAYS[usize::from(day.parse::<u8>().expect("the field was checked") % 7)];
    let of = of_months(fields);
    let (special, plain): (Vec<&str>, Vec<&str>) =
        fields.day_of_week.split(',').partition(|item| item.contains(['L', '#']));
    let mut all = Vec::new();
    if !plain.is_empty() {
        let mut week: Vec<u8> = values(&plain.join(","), 0..=6).into_iter().map(|day| day % 7).collect();
        week.sort_unstable();
        week.dedup();
        let names: Vec<_> = week.iter().map(|day| DAYS[usize::from(*day)].to_owned()).collect();
        match week.as_slice() {
            every if every.len() == 7 => return None,
            [1, 2, 3, 4, 5] => all.push(format!("Monday to Friday{}", in_months(fields))),
            _ => all.push(format!("every {}{}", list(&names), in_months(fields))),
        }
    }
    all.extend(special.iter().map(|item| match item.split_once('#') {
        Some((day, nth)) => {
            let nth = NTH[nth.parse::<usize>().expect("the field was checked") - 1];
            format!("the {nth} {} of {of}", name(day))
        }
        None => format!("the last {} of {of}", name(item.trim_end_matches('L'))),
    }));
    Some(all.join(" or "))
}

fn months(fields: &Fields) -> Option<String> {
    let months = values(&fields.month, 1..=12);
    let name = |month: u8| MONTHS[usize::from(month) - 1].to_owned();
    (months.len() < 12).then(|| list(&runs(&months, name)))
}

fn of_months(fields: &Fields) -> String {
    months(fields).unwrap_or_else(|| "every month".into())
}

fn in_months(fields: &Fields) -> String {
    months(fields).map_or_else(String::new, |months| format!(" in {months}"))
}

fn numbers(values: &[u8]) -> String {
    list(&runs(values, |value| value.to_string()))
}

/// Three and more that follow each other as "1 to 3".
fn runs(values: &[u8], name: impl Fn(u8) -> String) -> Vec<String> {
    let mut runs = Vec::new();
    for run in values.chunk_by(|one, next| one + 1 == *next) {
        match run {
            [first, _, .., last] => runs.push(format!("{} to {}", name(*first), name(*last))),
            few => runs.extend(few.iter().map(|value| name(*value))),
        }
    }
    runs
}

/// "a", "a and b", "a, b and c".
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
