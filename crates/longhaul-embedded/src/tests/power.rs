//! Random operations, and an end of the process between any two calls to the disk, again and again. What was
//! acknowledged must be there, whole; what was not may be there, whole.

use longhaul_core::store::prelude::*;
use std::{collections::BTreeMap, time::Duration};

use longhaul_core::{
    Actor, Ended, Ending, NewRun, Retention, RunId, Snapshot, StateKind,
    store::{Claimed, GetError, Proceed, Settlement},
};
use longhaul_testkit::fixture;
use proptest::prelude::*;

use super::kit::{Kit, block_on, checkpoint, number, settlement, value};
use crate::engine::kv::sim::{Cut, End};

#[derive(Clone, Copy, Debug)]
enum Op {
    Insert { count: usize, size: usize },
    Claim { max: usize },
    Save { size: usize },
    End { how: u8, size: usize, count: usize },
    Proceed { nth: usize },
    Cancel { nth: usize },
    Delete { nth: usize },
    Advance { seconds: u64 },
    Sweep { max: usize },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..300_usize, 2 => 300..9_000_usize, 1 => Just(900_000_usize)]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (1..30_usize, size()).prop_map(|(count, size)| Op::Insert { count: if size > 9_000 { 1 } else { count }, size }),
        1 => (200..400_usize).prop_map(|count| Op::Insert { count, size: 1500 }),
        4 => (1..80_usize).prop_map(|max| Op::Claim { max }),
        4 => size().prop_map(|size| Op::Save { size }),
        6 => (0..6_u8, size(), 1..80_usize).prop_map(|(how, size, count)| Op::End { how, size, count }),
        1 => any::<usize>().prop_map(|nth| Op::Proceed { nth }),
        1 => any::<usize>().prop_map(|nth| Op::Cancel { nth }),
        1 => any::<usize>().prop_map(|nth| Op::Delete { nth }),
        1 => (0..30_u64).prop_map(|seconds| Op::Advance { seconds }),
        1 => (1..50_usize).prop_map(|max| Op::Sweep { max }),
    ]
}

#[derive(Clone, Debug)]
struct Round {
    ops: Vec<Op>,
    /// After so many calls to the disk that write.
    after: usize,
    in_effect: bool,
    power: bool,
    luck: f64,
}

fn round() -> impl Strategy<Value = Round> {
    (prop::collection::vec(op(), 1..25), 0..60_usize, any::<bool>(), any::<bool>(), 0.0..1.0_f64)
        .prop_map(|(ops, after, in_effect, power, luck)| Round { ops, after, in_effect, power, luck })
}

/// What the world was told of a run, and what it asked for without an answer.
#[expect(clippy::struct_excessive_bools, reason = "facts of one run, each true or not")]
#[derive(Clone, Debug, Default)]
struct Known {
    inserted: bool,
    /// The last save that was acknowledged, and the last that was tried.
    saved: u64,
    tried: u64,
    ended: Option<Ended>,
    /// Something was asked for that may have ended it, or removed it.
    may_have_ended: bool,
    may_be_gone: bool,
    gone: bool,
}

#[derive(Default)]
struct World {
    known: BTreeMap<RunId, Known>,
    held: Vec<Claimed>,
    counter: u64,
}

impl World {
    /// Does what `op` says; whether the store is broken now.
    async fn step(&mut self, kit: &mut Kit, op: Op) -> bool {
        self.counter += 1;
        match op {
            Op::Insert { count, size } => self.insert(kit, count, size).await,
            Op::Claim { max } => match kit.store.claim(kit.request(max, false)).await {
                Ok(claimed) => self.held.extend(claimed),
                Err(_) => return true,
            },
            Op::Save { size } => return self.save(kit, size).await,
            Op::End { how, size, count } => return self.end(kit, how, size, count).await,
            Op::Proceed { nth } => {
                let Some(id) = self.nth(nth) else { return false };
                _ = kit.store.proceed(Proceed::new(id)).await;
            }
            Op::Cancel { nth } => {
                let Some(id) = self.nth(nth) else { return false };
                self.entry(id).may_have_ended = true;
                if kit.store.cancel(id, None, Actor::UNKNOWN).await == Ok(longhaul_core::store::Cancelled::Now) {
                    self.entry(id).ended = Some(Ended::Cancelled { reason: None, error: None });
                }
            }
            Op::Delete { nth } => {
                let Some(id) = self.nth(nth) else { return false };
                let before = std::mem::replace(&mut self.entry(id).may_be_gone, true);
                match kit.store.delete(id).await {
                    Ok(()) => self.entry(id).gone = true,
                    Err(longhaul_core::store::DeleteError::Store(_)) => {}
                    Err(_) => self.entry(id).may_be_gone = before,
                }
            }
            Op::Advance { seconds } => kit.clock.advance(Duration::from_secs(seconds)),
            Op::Sweep { max } => {
                for known in self.known.values_mut() {
                    known.may_be_gone |= known.ended.is_some() || known.may_have_ended;
                }
                _ = kit.store.sweep(Retention::all(Duration::from_secs(20)).into(), max).await;
            }
        }
        kit.store.health().is_err()
    }

    fn entry(&mut self, id: RunId) -> &mut Known {
        self.known.get_mut(&id).expect("a known run")
    }

    fn nth(&self, nth: usize) -> Option<RunId> {
        self.known.keys().nth(nth % self.known.len().max(1)).copied()
    }

    async fn insert(&mut self, kit: &mut Kit, count: usize, size: usize) {
        let runs: Vec<NewRun> =
            (0..count).map(|_| NewRun { metadata: value(size as u64, size), ..kit.new_run() }).collect();
        let ids: Vec<RunId> = runs.iter().map(|new| new.id).collect();
        self.known.extend(ids.iter().map(|id| (*id, Known::default())));
        if let Ok(answers) = kit.store.insert(runs).await {
            for (id, answer) in ids.into_iter().zip(answers) {
                answer.expect("the id is new");
                self.entry(id).inserted = true;
            }
        }
    }

    async fn save(&mut self, kit: &mut Kit, size: usize) -> bool {
        let n = self.counter;
        let large = size > 9_000;
        let some = self.held.iter().take(if large { 1 } else { 64 });
        let checkpoints: Vec<_> = some.map(|held| checkpoint(held, n as u32, value(n, size))).collect();
        for one in &checkpoints {
            self.entry(one.id).tried = n;
        }
        let ids: Vec<RunId> = checkpoints.iter().map(|one| one.id).collect();
        let Ok(answers) = kit.store.checkpoint(checkpoints).await else { return true };
        for (id, answer) in ids.into_iter().zip(answers) {
            if answer.is_ok() {
                self.entry(id).saved = n;
            }
        }
        kit.store.health().is_err()
    }

    async fn end(&mut self, kit: &mut Kit, how: u8, size: usize, count: usize) -> bool {
        let count = if size > 9_000 { 1 } else { count };
        let held: Vec<Claimed> = self.held.drain(..count.min(self.held.len())).collect();
        let n = self.counter;
        let ending = |held: &Claimed| match how {
            0 | 1 => Ending::Completed { result: value(n, size) },
            2 => fixture::suspended(),
            3 => fixture::failed("no", held.run.attempt(), held.run.since),
            4 => fixture::interrupted(),
            _ => Ending::Returned,
        };
        let last = |held: &Claimed| Settlement {
            execution_metadata: (how == 4).then(|| (n as u32, value(n, size))),
            ..settlement(held, ending(held))
        };
        let settlements: Vec<Settlement> = held.iter().map(last).collect();
        for one in &held {
            let known = self.entry(one.run.id);
            known.may_have_ended = true;
            known.tried = if how == 4 { n } else { known.tried };
        }
        let Ok(answers) = kit.store.settle(settlements).await else { return true };
        for (held, answer) in held.iter().zip(answers) {
            let known = self.entry(held.run.id);
            match answer {
                Ok(longhaul_core::store::Settled::Now(StateKind::Completed)) => {
                    known.ended = Some(Ended::Completed(value(n, size)));
                }
                Ok(_) if how == 4 => known.saved = n,
                _ => {}
            }
        }
        kit.store.health().is_err()
    }

    /// What was acknowledged is there, and nothing is half there.
    async fn check(&mut self, kit: &Kit) {
        kit.assert_sound().await;
        for (id, known) in &mut self.known {
            match kit.store.get(*id).await {
                Ok(snapshot) => {
                    assert!(!known.gone, "{id} was removed");
                    check_one(&snapshot, known);
                }
                Err(GetError::NotFound(_)) => {
                    assert!(!known.inserted || known.may_be_gone, "{id} is lost: {known:?}");
                    known.gone = true;
                    known.may_be_gone = true;
                }
                Err(error) => panic!("{id}: {error}"),
            }
        }
        // The attempts of the process that ended are over: what they write late is refused.
        for held in std::mem::take(&mut self.held) {
            let late = checkpoint(&held, u32::MAX, value(u64::MAX, 10));
            let answers = kit.store.checkpoint(vec![late]).await.expect("the store works");
            assert!(answers[0].is_err(), "an old attempt wrote {}", held.run.id);
        }
    }
}

fn check_one(snapshot: &Snapshot, known: &mut Known) {
    let id = snapshot.run.id;
    known.inserted = true;
    number(&snapshot.metadata);
    let found = snapshot.execution_metadata.as_ref().map_or(0, number);
    assert!((known.saved..=known.tried).contains(&found), "{id}: found {found} of {known:?}");
    known.saved = found;
    known.tried = found;
    let state = snapshot.run.state.kind();
    assert_ne!(state, StateKind::Running, "{id} runs in a process that is gone");
    if let Some(ended) = &known.ended {
        assert_eq!(snapshot.ended.as_ref(), Some(ended), "{id}: the outcome changed");
        assert!(state.is_final(), "{id} is {state} again");
    }
    match state {
        StateKind::Completed => {
            assert!(matches!(snapshot.ended, Some(Ended::Completed(_))), "{id} has half an outcome");
        }
        StateKind::Cancelled => assert!(matches!(snapshot.ended, Some(Ended::Cancelled { .. }))),
        _ => assert!(!matches!(snapshot.ended, Some(Ended::Completed(_))), "{id} has an outcome and is {state}"),
    }
    if state.is_final() {
        known.ended.clone_from(&snapshot.ended);
    }
    known.may_have_ended = false;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_survives_an_end_between_any_two_calls(rounds in prop::collection::vec(round(), 1..5)) {
        block_on(async {
            let (mut kit, mut world) = (Kit::new(), World::default());
            for Round { ops, after, in_effect, power, luck } in rounds {
                kit.disk.cut(Cut { after, in_effect });
                for op in ops {
                    if world.step(&mut kit, op).await {
                        break;
                    }
                }
                kit.end(if power { End::PowerCut } else { End::Killed }, luck).await;
                world.check(&kit).await;
            }
        });
    }
}

/// Whatever is cut, and wherever, while a dead process's runs are taken back: the next opening goes on with it.
#[test]
fn opening_can_be_cut_off_at_each_of_its_writes() {
    block_on(async {
        let mut kit = Kit::new();
        let runs: Vec<_> = (0..400).map(|_| kit.new_run()).collect();
        kit.store.insert(runs).await.expect("the store works");
        let claimed = kit.claim(400).await;
        for held in claimed.iter().take(5) {
            kit.save(held, 1, value(1, 5000)).await;
        }
        let crashed = kit.disk.after(End::Killed, 0.0);
        kit.store.close().await;
        let mut cuts = 0;
        loop {
            let disk = crashed.after(End::Killed, 0.0);
            let spared = Cut { after: cuts, in_effect: cuts % 2 == 0 };
            disk.cut(spared);
            let opened = super::kit::open(&disk, &kit.clock);
            let whole = opened.is_ok();
            drop(opened);
            kit.disk = disk;
            kit.end(End::Killed, 1.0).await;
            for held in &claimed {
                let snapshot = kit.get(held.run.id).await;
                assert_eq!(snapshot.run.state.kind(), StateKind::Pending);
                assert_eq!(snapshot.run.suspicion, u8::from(!snapshot.run.progressed), "counted once, if at all");
            }
            kit.assert_sound().await;
            if whole {
                break;
            }
            cuts += 1;
        }
        assert!(cuts >= 4, "the opening wrote {cuts} times only");
    });
}
