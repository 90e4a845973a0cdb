//! What one server tells the others.

use std::{collections::BTreeSet, fmt, mem, num::ParseIntError, str::FromStr};

use crate::topics::Topics;

/// Of more lanes than this, none is named: a notification holds less than 8,000 bytes.
const LANES_MAX: usize = 64;

/// What changed, and the lanes that have new runs. As text: the bits of the topics and the numbers of the lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ring {
    pub(crate) topics: Topics,
    pub(crate) lanes: BTreeSet<i32>,
}

impl Ring {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.topics = self.topics.with(other.topics, true);
        self.lanes.extend(other.lanes);
        if self.lanes.len() > LANES_MAX {
            self.lanes.clear();
            self.topics = self.topics.with(Topics::CLAIMS, true);
        }
    }

    pub(crate) fn take(&mut self) -> Option<Self> {
        (!self.is_empty()).then(|| mem::take(self))
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.topics.bits())?;
        self.lanes.iter().try_for_each(|lane| write!(f, " {lane}"))
    }
}

impl FromStr for Ring {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (topics, lanes) = text.split_once(' ').unwrap_or((text, ""));
        let lanes = lanes.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { topics: Topics::from_bits(topics.parse()?), lanes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(topics: Topics, lanes: impl IntoIterator<Item = i32>) -> Ring {
        Ring { topics, lanes: lanes.into_iter().collect() }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for there in
            [Ring::default(), ring(Topics::ENDED, []), ring(Topics::default(), [3]), ring(Topics::RUNS, [7, 3])]
        {
            assert_eq!(there.to_string().parse(), Ok(there));
        }
        for damaged in ["", "x", "1 x", "999", " 1"] {
            assert!(damaged.parse::<Ring>().is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn what_is_added_is_said_once_and_many_lanes_are_not_named() {
        let mut unsaid = ring(Topics::ENDED, [1, 2]);
        unsaid.add(ring(Topics::RUNS, [2, 3]));
        assert_eq!(unsaid.take(), Some(ring(Topics::ENDED.with(Topics::RUNS, true), [1, 2, 3])));
        assert_eq!(unsaid.take(), None);
        unsaid.add(ring(Topics::default(), 0..=LANES_MAX as i32));
        assert_eq!(unsaid.take(), Some(ring(Topics::CLAIMS, [])));
    }
}
