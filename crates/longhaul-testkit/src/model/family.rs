//! How operations about runs of runs are played.

use longhaul_core::{
    Actor, After, AwaitedRuns, Constraints, ControlChange, Ending, Inserted, NewRun, OnCancel, Parent, Paused, RunId,
    Scope, Timestamp,
    run::Due,
    store::{RunUpdate, prelude::*},
};

use super::{
    compare::same,
    op::seconds,
    relation::{Awaited, Prerequisite},
    world::{World, both, key, pick},
};
use crate::fixture::new_run;

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

    pub(super) async fn insert_after(
        &mut self,
        now: Timestamp,
        prerequisite: Prerequisite,
        wait: Option<u16>,
        on_cancel: OnCancel,
    ) {
        let mut constraints = Constraints { on_cancel, ..Constraints::default() };
        match prerequisite {
            Prerequisite::After { first, second, success_only } => {
                let runs: Vec<RunId> = [first, second].into_iter().filter_map(|run| self.run(run)).collect();
                constraints.after = (!runs.is_empty()).then_some(After { runs, success_only });
            }
            Prerequisite::Batch(callback) => constraints.batch = Some(callback.into()),
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
