//! One claim in the making: what its limits count, in meters that all lines of a queue, a kind or a key share.

use std::collections::{BTreeMap, HashMap};

use super::{Admission, BlockedBy, Bucket, LimitGroup, RunningCounts, rate::Starts};
use crate::{
    control::{Control, Rate, Scope},
    name::{Key, Kind, Queue},
    time::Timestamp,
};

pub(super) struct Round<'a> {
    admission: &'a Admission,
    pub(super) now: Timestamp,
    running_counts: &'a RunningCounts,
    meters: Vec<Meter<'a>>,
    numbers: HashMap<Of<'a>, usize>,
    /// If a rate or a pause holds runs back: when the first of them may start.
    pub(super) look_again: Option<Timestamp>,
}

/// The numbers of the meters that a limit group goes by: of its queue, its kind, its key. `None`: nothing is limited.
pub(super) type Meters = [Option<usize>; 3];

/// What a meter counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of<'a> {
    Queue(&'a Queue),
    Kind(&'a Kind),
    Key(&'a Kind, &'a Key),
}

struct Meter<'a> {
    of: Of<'a>,
    max: Option<u32>,
    /// With those that this claim has taken.
    running: u32,
    rate: Option<Rate>,
    /// What has started of late, with what this claim has taken.
    starts: Option<Starts>,
    drawn: bool,
}

/// Why a meter lets no more pass.
#[derive(Clone, Copy)]
enum Full {
    Running(u32),
    Rate(Rate, Timestamp),
}

/// What holds a run back.
pub(super) struct Stop<'a> {
    pub(super) of: Of<'a>,
    /// If it is a rate: when it lets the next one pass.
    pub(super) until: Option<Timestamp>,
}

impl<'a> Round<'a> {
    pub(super) fn new(admission: &'a Admission, now: Timestamp, running_counts: &'a RunningCounts) -> Self {
        Self { admission, now, running_counts, meters: Vec::new(), numbers: HashMap::new(), look_again: None }
    }

    /// Something that holds runs back may be over then.
    pub(super) fn look_at(&mut self, until: Option<Timestamp>) {
        self.look_again = self.look_again.into_iter().chain(until).min();
    }

    /// The meters that runs of this limit group go by.
    pub(super) fn meters(&mut self, limit_group: &'a LimitGroup) -> Meters {
        let controls = &self.admission.controls;
        let queue = controls.queue(&limit_group.queue).map(Control::limits);
        let kind = controls.kind(&limit_group.kind).map(Control::limits);
        let key = limit_group.key.as_ref().zip(kind.as_ref());
        [
            queue.and_then(|limits| self.meter(Of::Queue(&limit_group.queue), limits.running, limits.rate)),
            kind.and_then(|limits| self.meter(Of::Kind(&limit_group.kind), limits.running, limits.rate)),
            key.and_then(|(key, limits)| {
                self.meter(Of::Key(&limit_group.kind, key), limits.per_key, limits.rate_per_key)
            }),
        ]
    }

    fn meter(&mut self, of: Of<'a>, max: Option<u32>, rate: Option<Rate>) -> Option<usize> {
        if max.is_none() && rate.is_none() {
            return None;
        }
        let (admission, running_counts, meters) = (self.admission, self.running_counts, &mut self.meters);
        let number = *self.numbers.entry(of).or_insert_with(|| {
            let starts = rate.and_then(|_| admission.buckets.get(&of.bucket()).cloned());
            meters.push(Meter { of, max, running: of.running(running_counts), rate, starts, drawn: false });
            meters.len() - 1
        });
        Some(number)
    }

    /// Takes one run that goes by these meters, if it may start.
    pub(super) fn takes(&mut self, meters: Meters) -> Result<(), Stop<'a>> {
        let mut starts = [const { None }; 3];
        for (meter, starts) in meters.iter().zip(&mut starts) {
            let Some(meter) = meter.map(|number| &self.meters[number]) else { continue };
            match meter.check(self.now) {
                Ok(after) => *starts = after,
                Err(Full::Running(_)) => return Err(Stop { of: meter.of, until: None }),
                Err(Full::Rate(_, until)) => {
                    let of = meter.of;
                    self.look_at(Some(until));
                    return Err(Stop { of, until: Some(until) });
                }
            }
        }
        for (meter, starts) in meters.into_iter().zip(starts) {
            let Some(meter) = meter.map(|number| &mut self.meters[number]) else { continue };
            meter.running += 1;
            if meter.rate.is_some() {
                (meter.starts, meter.drawn) = (starts, true);
            }
        }
        Ok(())
    }

    /// Why a run of this limit group may not start.
    pub(super) fn blocks(mut self, limit_group: &'a LimitGroup) -> Option<BlockedBy> {
        let meters = self.meters(limit_group);
        let mut meters = meters.into_iter().flatten().map(|number| &self.meters[number]);
        meters.find_map(|meter| meter.check(self.now).err().map(|full| meter.of.blocked_by(full)))
    }

    /// The buckets that were drawn from.
    pub(super) fn spent(self) -> BTreeMap<Bucket, Starts> {
        let drawn = self.meters.into_iter().filter(|meter| meter.drawn);
        drawn.filter_map(|meter| Some((meter.of.bucket(), meter.starts?))).collect()
    }
}

impl Meter<'_> {
    /// What has started after one more start, if there may be one.
    fn check(&self, now: Timestamp) -> Result<Option<Starts>, Full> {
        if let Some(max) = self.max.filter(|max| self.running >= *max) {
            return Err(Full::Running(max));
        }
        self.rate.map(|rate| rate.take(now, self.starts.as_ref()).map_err(|until| Full::Rate(rate, until))).transpose()
    }
}

impl Of<'_> {
    fn running(self, running_counts: &RunningCounts) -> u32 {
        match self {
            Self::Queue(queue) => running_counts.queue(queue),
            Self::Kind(kind) => running_counts.kind(kind),
            Self::Key(kind, key) => running_counts.key(kind, key),
        }
    }

    fn bucket(self) -> Bucket {
        match self {
            Self::Key(kind, key) => Bucket::Key(kind.clone(), key.clone()),
            Self::Queue(_) | Self::Kind(_) => Bucket::Scope(self.scope()),
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Queue(queue) => Scope::Queue(queue.clone()),
            Self::Kind(kind) | Self::Key(kind, _) => Scope::Kind(kind.clone()),
        }
    }

    fn blocked_by(self, full: Full) -> BlockedBy {
        let key = match self {
            Self::Key(_, key) => Some(key.clone()),
            Self::Queue(_) | Self::Kind(_) => None,
        };
        match full {
            Full::Running(max) => BlockedBy::Running { scope: self.scope(), key, max },
            Full::Rate(rate, until) => BlockedBy::Rate { scope: self.scope(), key, rate, until },
        }
    }
}
