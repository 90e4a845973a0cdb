//! One field of a pattern: a list of `*`, values and ranges, with steps, and what the day fields have beyond that.

use std::ops::RangeInclusive;

use crate::schedule::{CronField, ScheduleError};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Wrong {
    found: String,
    why: String,
}

impl Wrong {
    fn new(found: &str, why: impl Into<String>) -> Self {
        Self { found: found.into(), why: why.into() }
    }

    pub(super) fn of(self, pattern: &str, field: CronField) -> ScheduleError {
        ScheduleError::Field { pattern: pattern.into(), field, found: self.found, why: self.why }
    }
}

/// Checks the field, and gives it back with numbers for names.
pub(super) fn check(field: CronField, text: &str) -> Result<String, Wrong> {
    if text == "?" && matches!(field, CronField::DayOfMonth | CronField::DayOfWeek) {
        return Ok("*".into());
    }
    let items: Result<Vec<String>, Wrong> = text.split(',').map(|item| check_item(field, item, text)).collect();
    Ok(items?.join(","))
}

fn check_item(field: CronField, item: &str, whole: &str) -> Result<String, Wrong> {
    if item.is_empty() {
        return Err(Wrong::new(whole, "has a comma with nothing beside it"));
    }
    if let Some(special) = day_special(field, item) {
        return special;
    }
    if item == "*" && whole != "*" {
        return Err(Wrong::new(whole, "has a `*` beside others, where it names all of them alone"));
    }
    let (base, step) = item.split_once('/').map_or((item, None), |(base, step)| (base, Some(step)));
    let base = if base == "*" { base.to_owned() } else { check_range(field, base, item, step)? };
    match step {
        None => Ok(base),
        Some(step) => check_step(field, step, item).map(|step| format!("{base}/{step}")),
    }
}

/// A value, or two with a dash between.
fn check_range(field: CronField, base: &str, item: &str, step: Option<&str>) -> Result<String, Wrong> {
    let Some((low, high)) = base.split_once('-') else {
        let value = check_value(field, base, item, 0)?;
        return match step {
            None => Ok(value.to_string()),
            Some(step) => Err(Wrong::new(
                item,
                format!("has a step after a single value; write `{value}-{}/{step}`", range(field).end()),
            )),
        };
    };
    let low = check_value(field, low, item, 0)?;
    // A week may end with the Sunday that it also begins with.
    let high = check_value(field, high, item, if field == CronField::DayOfWeek { 7 } else { 0 })?;
    if low > high {
        return Err(Wrong::new(item, format!("ends before it begins; write `{low}-{},…`", range(field).end())));
    }
    Ok(format!("{low}-{high}"))
}

fn check_step(field: CronField, step: &str, item: &str) -> Result<u32, Wrong> {
    let max = *range(field).end();
    match digits(step) {
        Some(0) => Err(Wrong::new(item, "has a step of 0")),
        Some(step) if step > max => Err(Wrong::new(item, format!("has a step of {step}, of at most {max}"))),
        Some(step) => Ok(step),
        None => Err(Wrong::new(item, format!("has `{step}` for a step, which is no number"))),
    }
}

/// A number in the field's range, or a name; `sunday` is what SUN stands for here.
fn check_value(field: CronField, value: &str, item: &str, sunday: u32) -> Result<u32, Wrong> {
    let named = |names: &[&str], first: u32| names.iter().position(|name| *name == value).map(|at| at as u32 + first);
    let name = match field {
        CronField::Month => named(&MONTHS, 1),
        CronField::DayOfWeek if value == "SUN" => Some(sunday),
        CronField::DayOfWeek => named(&DAYS, 0),
        _ => None,
    };
    match name.or_else(|| digits(value)) {
        Some(number) if range(field).contains(&number) => Ok(number),
        Some(_) => Err(Wrong::new(item, "is out of range")),
        None if value.is_empty() => Err(Wrong::new(item, "lacks a number")),
        None => Err(Wrong::new(item, "is not understood")),
    }
}

/// `L`, `LW`, `15W` as day of month; `5L`, `1#2` as day of week. `None`: it is none of these.
fn day_special(field: CronField, item: &str) -> Option<Result<String, Wrong>> {
    match field {
        CronField::DayOfMonth if item == "L" || item == "LW" => Some(Ok(item.into())),
        CronField::DayOfMonth => {
            let day = item.strip_suffix('W')?;
            Some(check_value(field, day, item, 0).map(|day| format!("{day}W")))
        }
        CronField::DayOfWeek if item == "L" => Some(Err(Wrong::new(item, "names no day; the last Friday is `5L`"))),
        CronField::DayOfWeek => {
            if let Some((day, nth)) = item.split_once('#') {
                let Some(nth @ 1..=5) = digits(nth) else {
                    return Some(Err(Wrong::new(item, "is not one of the first to the fifth of its month")));
                };
                return Some(check_value(field, day, item, 0).map(|day| format!("{day}#{nth}")));
            }
            let day = item.strip_suffix('L')?;
            Some(check_value(field, day, item, 0).map(|day| format!("{day}L")))
        }
        _ => None,
    }
}

fn range(field: CronField) -> RangeInclusive<u32> {
    match field {
        CronField::Second | CronField::Minute => 0..=59,
        CronField::Hour => 0..=23,
        CronField::DayOfMonth => 1..=31,
        CronField::Month => 1..=12,
        CronField::DayOfWeek => 0..=7,
    }
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
