//! A digest of what a store holds, to compare two stores by.

use std::fmt;

use super::{CopiedRun, CopyItem, RemovedKey};
use crate::{
    id::Epoch,
    record::{control_line, run_line, schedule_line, write_bucket, write_kind, write_log},
};

/// A digest of the items of a store, in their order: how many, and a checksum of their frozen records. It finds what a copy
/// lost or changed, and is no protection against somebody who forges it.
///
/// ```
/// use longhaul_core::store::copy::{CopyItem, Digest};
///
/// let (mut one, mut other) = (Digest::default(), Digest::default());
/// one.add(&CopyItem::RemovedEnds(7));
/// assert_ne!(one, other);
/// other.add(&CopyItem::RemovedEnds(7));
/// assert_eq!(one.to_string(), other.to_string());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Digest {
    items: u64,
    /// Two checksums, one of which takes the bytes of an item in reverse.
    checksums: [u32; 2],
}

impl Digest {
    /// Takes in the next item.
    pub fn add(&mut self, item: &CopyItem) {
        self.items += 1;
        match item {
            CopyItem::Control(scope, control) => self.take(b'c', control_line(scope, control).as_bytes()),
            CopyItem::Schedule(name, value) => self.take(b's', schedule_line(name, value).as_bytes()),
            CopyItem::Kind(kind) => {
                self.take(b'k', kind.kind.as_str().as_bytes());
                self.take(b'k', &write_kind(kind));
            }
            CopyItem::Starts(bucket, starts) => {
                self.take(b'b', format!("{bucket:?}").as_bytes());
                self.take(b'b', &write_bucket(starts));
            }
            CopyItem::RemovedEnds(position) => self.take(b'e', &position.to_be_bytes()),
            CopyItem::Run(run) => {
                let CopiedRun { stored, end, log } = &**run;
                self.take(b'r', run_line(stored).as_bytes());
                self.take(b'r', format!("{} {end:?}", stored.settled).as_bytes());
                for (attempt, page) in log {
                    self.take(b'l', &write_log(&[], Epoch(*attempt), page.clone()));
                }
            }
            CopyItem::Key(RemovedKey { kind, key, run, state, until }) => {
                self.take(b'u', format!("{kind}\0{key}\0{run} {state} {}", until.as_micros()).as_bytes());
            }
        }
    }

    /// How many items it is of.
    pub fn items(&self) -> u64 {
        self.items
    }

    fn take(&mut self, what: u8, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_be_bytes();
        let [forward, backward] = &mut self.checksums;
        let mut hash = crc32fast::Hasher::new_with_initial(*forward);
        hash.update(&[what]);
        hash.update(&length);
        hash.update(bytes);
        *forward = hash.finalize();
        let mut hash = crc32fast::Hasher::new_with_initial(*backward);
        hash.update(&bytes.iter().rev().copied().collect::<Vec<_>>());
        hash.update(&length);
        *backward = hash.finalize();
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [forward, backward] = self.checksums;
        write!(f, "{}-{forward:08x}{backward:08x}", self.items)
    }
}
