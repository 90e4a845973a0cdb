//! Numbers and times as people read them.

use std::time::Duration;

use longhaul::Timestamp;

/// A duration in at most two units: `850 ms`, `7 s`, `2 min 5 s`, `3 h`, `4 d 6 h`.
///
/// ```
/// use longhaul_inspect::words::duration;
/// use std::time::Duration;
///
/// assert_eq!(duration(Duration::from_millis(850)), "850 ms");
/// assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
/// assert_eq!(duration(Duration::from_secs(3 * 3600)), "3 h");
/// ```
pub fn duration(of: Duration) -> String {
    let seconds = of.as_secs();
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0 => format!("{} ms", of.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    }
}

/// A duration as people write it: `90`, `90s`, `15m`, `15 min`, `1h30m`, `2d`. A number without a unit is seconds.
///
/// ```
/// use longhaul_inspect::words::read_duration;
/// use std::time::Duration;
///
/// assert_eq!(read_duration("1h 30m"), Some(Duration::from_secs(5400)));
/// assert_eq!(read_duration("90"), Some(Duration::from_secs(90)));
/// assert_eq!(read_duration("soon"), None);
/// ```
pub fn read_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text.trim(), Duration::ZERO);
    while !rest.is_empty() {
        let (number, more) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, more) = more.trim_start().split_at_checked(
            more.trim_start().find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(more.trim_start().len()),
        )?;
        let unit: u64 = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(unit)?))?;
        rest = more.trim_start();
    }
    (!sum.is_zero()).then_some(sum)
}

/// How long ago, or in how long: `3 min ago`, `in 2 h`, `now`. One unit, the largest.
///
/// ```
/// use longhaul_inspect::words::relative;
/// use longhaul::Timestamp;
///
/// let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
/// assert_eq!(relative(at(200), at(10)), "3 min ago");
/// assert_eq!(relative(at(0), at(7200)), "in 2 h");
/// assert_eq!(relative(at(5), at(5)), "now");
/// ```
pub fn relative(now: Timestamp, at: Timestamp) -> String {
    let one = |of: Duration| {
        let seconds = of.as_secs();
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3600 => format!("{} min", seconds / 60),
            3600..86400 => format!("{} h", seconds / 3600),
            _ => format!("{} d", seconds / 86400),
        }
    };
    let (past, ahead) = (now.since(at), at.since(now));
    if past.as_secs() > 0 {
        format!("{} ago", one(past))
    } else if ahead.as_secs() > 0 {
        format!("in {}", one(ahead))
    } else {
        "now".into()
    }
}

/// A count with its thousands apart: `1 234 567`. The spaces are narrow and do not break.
///
/// ```
/// use longhaul_inspect::words::count;
///
/// assert_eq!(count(999), "999");
/// assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
/// ```
pub fn count(of: u64) -> String {
    let digits = of.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A reason as a sentence: its first letter large, and a full stop behind it.
///
/// ```
/// use longhaul_inspect::words::sentence;
///
/// assert_eq!(sentence("at most 12"), "At most 12.");
/// assert_eq!(sentence("run_01k9 is final"), "run_01k9 is final.");
/// ```
pub fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    // An id would be another one with a large letter.
    let is_word = !reason.split(|c: char| c.is_whitespace() || c == ':').next().is_some_and(|word| word.contains('_'));
    let first = letters.next().map(|first| if is_word { first.to_uppercase().to_string() } else { first.into() });
    let first = first.unwrap_or_default();
    let end = if reason.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// The last eight characters of an id, the part in which two ids differ.
///
/// ```
/// use longhaul_inspect::words::short;
///
/// assert_eq!(short("run_01k9zq3v5c8m2p7x4d6f8h0j2k"), "6f8h0j2k");
/// ```
pub fn short(id: &str) -> &str {
    let from = id.char_indices().rev().nth(7).map_or(0, |(at, _)| at);
    &id[from..]
}
