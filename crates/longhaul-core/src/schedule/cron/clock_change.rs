//! From wall-clock times to instants, over clock changes. The rules follow cron(8). That of Debian tells "jobs that run
//! at a particular time" from others, and takes a change of more than three hours as a correction; that of cronie counts
//! among the former all "with granularity greater than one hour", as we do. We add that no interval is longer at a
//! change. <https://manpages.debian.org/stable/cron/cron.8.en.html>, <https://github.com/cronie-crond/cronie>.

use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, Offset},
};

use super::Cron;
use crate::schedule::CLOCK_CORRECTION;

impl Cron {
    /// Times of the day: each once. One in a gap comes at the end of the gap, one in a fold the first time.
    pub(super) fn next_by_wall(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = self.zone.to_datetime(after);
        loop {
            let wall = self.match_after(from)?;
            match self.zone.to_ambiguous_timestamp(wall).offset() {
                AmbiguousOffset::Unambiguous { offset } => return offset.to_timestamp(wall).ok(),
                AmbiguousOffset::Fold { before, .. } => {
                    let first = before.to_timestamp(wall).ok()?;
                    if first > after {
                        return Some(first);
                    }
                    // `after` lies in the second pass: all that the fold holds has been.
                    from = second_before(before.to_datetime(self.change_after(first)?))?;
                }
                AmbiguousOffset::Gap { before, after: new } => {
                    let end = self.change_after(new.to_timestamp(wall).ok()?)?;
                    if is_clock_change(before, new) {
                        return Some(end);
                    }
                    // A date that was left out, not an hour that was skipped.
                    from = second_before(new.to_datetime(end))?;
                }
            }
        }
    }

    /// An interval: every instant at which the wall clock shows a time that the pattern names, and at a change of the
    /// clock the one that was to come next by the old clock, unless one comes sooner by the new.
    pub(super) fn next_by_elapsed(&self, after: Timestamp) -> Option<Timestamp> {
        let last_change =
            self.zone.preceding(after.checked_add(second()).ok()?).next().map(|change| change.timestamp());
        if let Some(carried) = last_change.and_then(|change| self.carried_over(change)).filter(|&at| at > after) {
            // By the old clock it comes before anything that the new one names.
            return Some(carried);
        }
        let mut offset = self.zone.to_offset(after);
        let mut from = offset.to_datetime(after);
        let mut begin = after;
        loop {
            let at = offset.to_timestamp(self.match_after(from)?).ok()?;
            let Some(change) = self.zone.following(begin).next().filter(|change| change.timestamp() <= at) else {
                return Some(at);
            };
            if let Some(carried) = self.carried_over(change.timestamp()) {
                return Some(carried);
            }
            (offset, begin) = (change.offset(), change.timestamp());
            from = second_before(offset.to_datetime(begin))?;
        }
    }

    /// The instant that was to come next by the clock that ended at `change`, if the new clock names none until then.
    /// It lies within the hour, or on a day that begins by the new clock as well.
    fn carried_over(&self, change: Timestamp) -> Option<Timestamp> {
        let (old, new) = (self.zone.to_offset(change.checked_sub(second()).ok()?), self.zone.to_offset(change));
        let by_old = old.to_timestamp(self.match_from(old.to_datetime(change))?).ok()?;
        let by_new = new.to_timestamp(self.match_from(new.to_datetime(change))?).ok()?;
        let carried = is_clock_change(old, new) && by_old < by_new && self.names_day(new.to_datetime(by_old).date());
        carried.then_some(by_old)
    }

    fn change_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.zone.following(at).next().map(|change| change.timestamp())
    }
}

fn is_clock_change(old: Offset, new: Offset) -> bool {
    u64::from(new.seconds().abs_diff(old.seconds())) < CLOCK_CORRECTION.as_secs()
}

fn second() -> jiff::SignedDuration {
    jiff::SignedDuration::from_secs(1)
}

fn second_before(wall: jiff::civil::DateTime) -> Option<jiff::civil::DateTime> {
    wall.checked_sub(second()).ok()
}
