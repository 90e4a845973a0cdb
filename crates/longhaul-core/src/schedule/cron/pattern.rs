//! A pattern as text: split into its fields, each checked and brought into one spelling, before croner sees it. Its own
//! errors name no field, and it takes `1,,2` and `*/99`.

use croner::parser::{CronParser, Seconds, Year};

use super::field;
use crate::schedule::{CronField, PATTERN_MAX, ScheduleError};

/// The fields in one spelling: upper case, numbers for names, `*` for `?`.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) second: String,
    pub(super) minute: String,
    pub(super) hour: String,
    pub(super) day_of_month: String,
    pub(super) month: String,
    pub(super) day_of_week: String,
}

impl Fields {
    /// What croner reads.
    pub(super) fn canonical(&self) -> String {
        let Self { second, minute, hour, day_of_month, month, day_of_week } = self;
        let and = if self.days_must_both_match() { "+" } else { "" };
        format!("{second} {minute} {hour} {day_of_month} {month} {and}{day_of_week}")
    }

    /// crontab(5): where both day fields are given, either may match, but a field that begins with `*` is not "given",
    /// so that `*/2` narrows the other one down.
    pub(super) fn days_must_both_match(&self) -> bool {
        let (dom, dow) = (self.day_of_month.as_str(), self.day_of_week.as_str());
        dom != "*" && dow != "*" && (dom.starts_with('*') || dow.starts_with('*'))
    }
}

pub(super) fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build()
}

pub(super) fn parse(pattern: &str) -> Result<Fields, ScheduleError> {
    if pattern.len() > PATTERN_MAX {
        let beginning = crate::limits::cut(pattern, 32).into();
        return Err(ScheduleError::PatternLength { beginning, length: pattern.len() });
    }
    let upper = pattern.trim().to_ascii_uppercase();
    let text = if upper.starts_with('@') { nickname(&upper, pattern)? } else { &upper };
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    let [second, minute, hour, day_of_month, month, day_of_week] = fields[..] else {
        return Err(ScheduleError::Fields { pattern: pattern.into(), found: fields.len() });
    };
    let check = |field, text| field::check(field, text).map_err(|wrong| wrong.of(pattern, field));
    Ok(Fields {
        second: check(CronField::Second, second)?,
        minute: check(CronField::Minute, minute)?,
        hour: check(CronField::Hour, hour)?,
        day_of_month: check(CronField::DayOfMonth, day_of_month)?,
        month: check(CronField::Month, month)?,
        day_of_week: check(CronField::DayOfWeek, day_of_week)?,
    })
}

fn nickname(upper: &str, pattern: &str) -> Result<&'static str, ScheduleError> {
    match upper {
        "@HOURLY" => Ok("0 * * * *"),
        "@DAILY" | "@MIDNIGHT" => Ok("0 0 * * *"),
        "@WEEKLY" => Ok("0 0 * * 0"),
        "@MONTHLY" => Ok("0 0 1 * *"),
        "@YEARLY" | "@ANNUALLY" => Ok("0 0 1 1 *"),
        _ => Err(ScheduleError::Nickname(pattern.into())),
    }
}
