//! Looking back in a series of which only the next instant can be asked.

use crate::time::Timestamp;

/// Looking back begins with this, and goes four times as far each time: most patterns fire at least once a day, which
/// is six steps.
const FIRST_STEP: i64 = 60_000_000;

/// The last instant in (`after`, `until`], by asking `next` about as often as the distance has binary digits.
pub(super) fn latest(
    next: impl Fn(Timestamp) -> Option<Timestamp>,
    after: Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    let next_until = |from| next(from).filter(|&instant| instant <= until);
    let mut step = FIRST_STEP;
    let mut found = loop {
        let from = Timestamp::from_micros(until.as_micros().saturating_sub(step)).max(after);
        match next_until(from) {
            Some(instant) => break instant,
            None if from <= after => return None,
            None => step = step.saturating_mul(4),
        }
    };
    // An instant at or before `until` is known; none lies in (`end`, `until`].
    let mut end = until;
    while let Some(later) = next_until(found) {
        found = later;
        let middle = Timestamp::from_micros(found.as_micros().midpoint(end.as_micros()));
        match next_until(middle) {
            Some(instant) => found = instant,
            None => end = middle,
        }
    }
    Some(found)
}
