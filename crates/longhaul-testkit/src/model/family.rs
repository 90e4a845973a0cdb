//! Operations about runs of runs, and how they are played.

use longhaul_core::{
    Actor, After, AwaitedRuns, CallbackWhen, Constraints, ControlChange, Ending, Inserted, NewRun, OnCancel, Parent,
    Paused, RunId, Scope, Timestamp,
    run::Due,
    store::{RunUpdate, prelude::*},
};
use proptest::{option, prelude::*};

use super::{
    compare::same,
    op::{End, Op, seconds},
    world::{World, both, key, pick},
};
use crate::fixture::new_run;

/// Why a new run does not begin at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the constraints")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum Held {
    /// It comes after two others, which may be the same.
    After { first: u8, second: u8, success_only: bool },
    /// It is the callback of a batch.
    Batch(CallbackWhen),
}

/// For which runs a run is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a wait of its name")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum Awaited {
    AllChildren,
    AnyChild { seen: u8 },
    Runs { first: u8, second: u8, any: bool },
}

pub(super) fn on_cancel() -> impl Strategy<Value = OnCancel> {
    prop_oneof![3 => Just(OnCancel::Cancel), 1 => Just(OnCancel::Leave), 2 => Just(OnCancel::Wait)]
}

/// Operations of this file.
pub(super) fn op() -> impl Strategy<Value = Op> {
    let number = || 0..8_u8;
    let callback =
        || prop_oneof![Just(CallbackWhen::AllFinal), Just(CallbackWhen::AllCompleted), Just(CallbackWhen::AnyFailed)];
    let held = prop_oneof![
        1 => (number(), number(), any::<bool>())
            .prop_map(|(first, second, success_only)| Held::After { first, second, success_only }),
        1 => callback().prop_map(Held::Batch),
    ];
    prop_oneof![
        5 => (number(), 0..3_u8, on_cancel())
            .prop_map(|(attempt, name, on_cancel)| Op::Child { attempt, name, on_cancel }),
        6 => (number(), proptest::bool::weighted(0.8), 0..3_u8)
            .prop_map(|(run, of_batch, name)| Op::Member { run, of_batch, name }),
        3 => number().prop_map(|batch| Op::CloseBatch { batch }),
        5 => (held, option::weighted(0.2, 0..40_u16), on_cancel())
            .prop_map(|(held, wait, on_cancel)| Op::InsertHeld { held, wait, on_cancel }),
        1 => (number(), option::of(0..40_u16)).prop_map(|(server, wait)| Op::Drain { server, wait }),
        2 => number().prop_map(|server| Op::Undrain { server }),
    ]
}

pub(super) fn end() -> impl Strategy<Value = End> {
    let runs = prop_oneof![
        4 => Just(Awaited::AllChildren),
        2 => (0..3_u8).prop_map(|seen| Awaited::AnyChild { seen }),
        2 => (0..8_u8, 0..8_u8, any::<bool>()).prop_map(|(first, second, any)| Awaited::Runs { first, second, any }),
    ];
    (runs, option::weighted(0.2, 0..40_u16), option::weighted(0.2, 0..40_u16))
        .prop_map(|(runs, wait, deadline)| End::AwaitsRuns { runs, wait, deadline })
}

impl World<'_> {
    pub(super) async fn child(&mut self, now: Timestamp, attempt: u8, name: u8, on_cancel: OnCancel) {
        let Some(attempt) = self.attempt(attempt) else { return };
        let (of, epoch) = (attempt.id, Some(attempt.epoch));
        let parent = Parent { id: of, epoch, name: key(name), depth: self.depth_below(of) };
        self.insert_child(now, parent, on_cancel).await;
    }

    pub(super) async fn member(&mut self, now: Timestamp, run: u8, of_batch: bool, name: u8) {
        let Some(of) = (if of_batch { self.batch(run) } else { self.run(run) }) else { return };
        let parent = Parent { id: of, epoch: None, name: key(name), depth: self.depth_below(of) };
        self.insert_child(now, parent, OnCancel::Cancel).await;
    }

    pub(super) async fn close_batch(&mut self, batch: u8) {
        let Some(id) = self.batch(batch) else { return };
        drop(both!(self, store => store.update(id, RunUpdate::CloseBatch, Actor::UNKNOWN)));
    }

    /// One of the callbacks of batches.
    fn batch(&self, batch: u8) -> Option<RunId> {
        let batches: Vec<RunId> =
            self.inserted.iter().filter(|new| new.constraints().batch.is_some()).map(|new| new.id).collect();
        pick(&batches, batch).copied()
    }

    async fn insert_child(&mut self, now: Timestamp, parent: Parent, on_cancel: OnCancel) {
        self.made += 1;
        let id = parent.child_id();
        let constraints = Constraints { parent: Some(parent), on_cancel, ..Constraints::default() };
        let new = NewRun { id, constraints: Some(constraints.into()), ..new_run(now, "plain", self.made) };
        let answer = both!(self, store => store.insert(vec![new.clone()]));
        if answer == Ok(vec![Ok(Inserted::New)]) {
            // One that was deleted begins anew: its old attempts must not write to it.
            self.attempts.retain(|attempt| attempt.id != id);
            self.inserted.retain(|there| there.id != id);
            self.inserted.push(new);
        }
    }

    fn depth_below(&self, of: RunId) -> u8 {
        let parent = self.inserted.iter().find(|new| new.id == of).and_then(|new| new.parent());
        parent.map_or(1, |parent| parent.depth.saturating_add(1))
    }

    pub(super) async fn insert_held(&mut self, now: Timestamp, held: Held, wait: Option<u16>, on_cancel: OnCancel) {
        let mut constraints = Constraints { on_cancel, ..Constraints::default() };
        match held {
            Held::After { first, second, success_only } => {
                let runs: Vec<RunId> = [first, second].into_iter().filter_map(|run| self.run(run)).collect();
                constraints.after = (!runs.is_empty()).then_some(After { runs, success_only });
            }
            Held::Batch(callback) => constraints.batch = Some(callback.into()),
        }
        self.made += 1;
        let due = wait.map(|wait| Due::After(seconds(wait)));
        let constraints = (!constraints.is_empty()).then(|| constraints.into());
        let new = NewRun { due, constraints, ..new_run(now, "plain", self.made) };
        both!(self, store => store.insert(vec![new.clone()])).expect("the model works")[0].clone().expect("it is new");
        self.inserted.push(new);
    }

    pub(super) async fn drain(&mut self, now: Timestamp, server: u8, wait: Option<u16>) {
        let until = wait.map(|wait| now.after(seconds(wait)));
        let change = ControlChange::Pause(Paused { until, ..Paused::new(now, "model", None) });
        self.control_server(server, change).await;
    }

    pub(super) async fn control_server(&mut self, server: u8, change: ControlChange) {
        let scope = Scope::Server(self.server(server));
        drop(both!(self, store => store.control(scope.clone(), change.clone())));
    }

    pub(super) fn awaits_runs(&self, runs: Awaited, wait: Option<u16>, deadline: Option<u16>) -> Ending {
        let runs = match runs {
            Awaited::AllChildren => AwaitedRuns::AllChildren,
            Awaited::AnyChild { seen } => AwaitedRuns::AnyChild { seen: seen.into() },
            Awaited::Runs { first, second, any } => {
                let mut open: Vec<RunId> = [first, second].into_iter().filter_map(|run| self.run(run)).collect();
                open.dedup();
                AwaitedRuns::Runs { open, any }
            }
        };
        let after = |wait: Option<u16>| wait.map(|wait| Due::After(seconds(wait)));
        Ending::Awaits { signals: Vec::new(), runs: Some(runs), until: after(wait), deadline: after(deadline) }
    }

    /// Each run has the same number of children in both.
    pub(super) async fn compare_children(&self, when: &str, of: &[RunId]) {
        for id in of {
            let found = self.subject.store().child_counts(*id).await;
            same(format_args!("the children of {id} {when}"), &found, &self.model.child_counts(*id).await);
        }
    }
}
