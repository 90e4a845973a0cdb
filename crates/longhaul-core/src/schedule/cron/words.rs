//! A pattern in words. The common shapes in ours, the others in croner's.

use croner::Cron;

use super::pattern::Fields;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Times of the day that are listed one by one: what is longer is shorter as fields.
const TIMES_MAX: usize = 6;

pub(super) fn describe(fields: &Fields, cron: &Cron) -> String {
    match (days(fields, cron), times(fields, cron)) {
        (Some(days), Some(Times::At(times))) => format!("{days} at {times}"),
        (Some(days), Some(Times::Every(interval))) if days == "every day" => interval,
        (Some(days), Some(Times::Every(interval))) => format!("{interval}, {days}"),
        _ => lower_first(cron.describe().trim_end_matches('.')),
    }
}

enum Times {
    At(String),
    Every(String),
}

fn times(fields: &Fields, cron: &Cron) -> Option<Times> {
    if fields.second != "0" {
        return seconds(fields);
    }
    let (minutes, hours) = (cron.pattern.minutes.values(), cron.pattern.hours.values());
    let step = fields.minute.strip_prefix("*/").and_then(|step| step.parse::<u16>().ok());
    match (minutes.as_slice(), step) {
        (_, Some(step)) if fields.hour == "*" && step > 1 => {
            let uneven = if 60 % step == 0 { "" } else { " from each full hour" };
            Some(Times::Every(format!("every {step} minutes{uneven}")))
        }
        _ if fields.minute == "*" && fields.hour == "*" => Some(Times::Every("every minute".into())),
        ([0], None) if fields.hour == "*" => Some(Times::Every("every hour".into())),
        (&[minute], None) if fields.hour == "*" => Some(Times::Every(format!("every hour at minute {minute}"))),
        (_, None) if fields.minute != "*" && minutes.len() * hours.len() <= TIMES_MAX => {
            let clock =
                |hour: &u16| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")).collect::<Vec<_>>();
            Some(Times::At(list(&hours.iter().flat_map(clock).collect::<Vec<_>>())))
        }
        _ => None,
    }
}

fn seconds(fields: &Fields) -> Option<Times> {
    let step = fields.second.strip_prefix("*/").and_then(|step| step.parse::<u16>().ok());
    match (fields.second.as_str(), step) {
        _ if fields.minute != "*" || fields.hour != "*" => None,
        ("*", _) => Some(Times::Every("every second".into())),
        (_, Some(step)) if step > 1 && 60 % step == 0 => Some(Times::Every(format!("every {step} seconds"))),
        _ => None,
    }
}

fn days(fields: &Fields, cron: &Cron) -> Option<String> {
    if fields.month != "*" {
        return None;
    }
    let week = cron.pattern.days_of_week.values();
    match (fields.day_of_month.as_str(), fields.day_of_week.as_str()) {
        ("*", "*") => Some("every day".into()),
        ("*", _) if cron.pattern.days_of_week.has_modifiers() => None,
        ("*", _) if week == [1, 2, 3, 4, 5] => Some("Monday to Friday".into()),
        ("*", _) => {
            let names: Vec<_> = week.iter().map(|&day| format!("every {}", DAYS[usize::from(day % 7)])).collect();
            Some(list(&names).replace(", every", ",").replace("and every", "and"))
        }
        ("L", "*") => Some("the last day of every month".into()),
        (day, "*") if day.bytes().all(|byte| byte.is_ascii_digit()) => Some(format!("day {day} of every month")),
        _ => None,
    }
}

/// "a", "a and b", "a, b and c".
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}
