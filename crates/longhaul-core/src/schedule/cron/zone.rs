//! Time zones by their name.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::schedule::ScheduleError;

/// A zone's name, bytes: the longest in the IANA database has 32.
const NAME_MAX: usize = 64;

/// The system's database knows the latest rules; containers often have none, or a part.
pub(super) fn find(name: &str) -> Result<TimeZone, ScheduleError> {
    if name.len() > NAME_MAX {
        return Err(ScheduleError::Zone { zone: crate::limits::cut(name, NAME_MAX).into(), nearest: None });
    }
    let bundled = TimeZoneDatabase::bundled();
    let found = jiff::tz::db().get(name).or_else(|_| bundled.get(name)).ok();
    found
        .filter(|zone| !zone.is_unknown())
        .ok_or_else(|| ScheduleError::Zone { zone: name.into(), nearest: nearest(name, &bundled) })
}

/// The name that differs least, if it does so in few places: "Europe/Berln", or only its end: "berlin".
fn nearest(name: &str, known: &TimeZoneDatabase) -> Option<String> {
    let name = name.trim().to_lowercase().replace(' ', "_");
    let distance = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or(&known);
        edits(&name, &known).min(edits(&name, city))
    };
    let (distance, nearest) =
        known.available().map(|known| (distance(known.as_str()), known)).min_by_key(|pair| pair.0)?;
    (distance <= name.len() / 4).then(|| nearest.as_str().to_owned())
}

/// How many characters must be added, left out or changed to make one of the other (Levenshtein).
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}
