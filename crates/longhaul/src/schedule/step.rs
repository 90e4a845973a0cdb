//! What follows for a schedule at a time: its next row, and the runs that come with it. Reads no clock and no store.

use longhaul_core::{
    NewRun, Overlap, Paused, RunId, ScheduleName, Timestamp, Timetable,
    limits::SCHEDULE_RUNS_MAX,
    schedule::{Exception, ExceptionError, InstantCount, LeftOut, Remark, Situation, WAITING_MAX, plan},
};

use super::{
    error::SchedulesError,
    row::{Instance, LAST_MAX, Row},
};

/// What is to be kept in one transaction.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) row: Row,
    pub(crate) runs: Vec<NewRun>,
    pub(crate) left_out: LeftOut,
    pub(crate) remark: Option<Remark>,
}

impl Row {
    /// The next instant, if it is not paused.
    pub(crate) fn next(&self, timetable: &Timetable) -> Option<Timestamp> {
        self.paused.is_none().then(|| self.mark.next(timetable)).flatten()
    }

    /// What follows at `now`. Whoever calls this has looked which of `unfinished` are final.
    ///
    /// Runs of one schedule are executed one at a time, unless it says `Allow`: the next is enqueued when none before it
    /// is unfinished, and stands in the row until then. So it needs no limit, which is the kind's to declare.
    pub(crate) fn step(&self, name: &ScheduleName, timetable: &Timetable, now: Timestamp) -> Step {
        let mut row = self.clone();
        let mut left_out = LeftOut { missed: InstantCount::Exactly(0), overlapped: 0 };
        if self.paused.is_some() {
            return Step { row, runs: Vec::new(), left_out, remark: None };
        }
        let unfinished = (self.unfinished.len() + self.waiting.len()) as u32;
        let plan = plan(&Situation { name: name.as_str(), timetable, mark: Some(self.mark), now, unfinished });
        left_out = plan.left_out;
        if plan.cancel_running {
            left_out.overlapped += row.waiting.len() as u32;
            row.waiting.clear();
        }
        row.mark = plan.mark;
        row.exceptions.forget_past(&row.mark);
        row.waiting.extend(plan.fire.iter().map(|firing| Instance { at: firing.instant, by_hand: false }));
        let (InstantCount::Exactly(missed) | InstantCount::MoreThan(missed)) = left_out.missed;
        row.counts.missed += missed;
        row.counts.overlapped += u64::from(left_out.overlapped);
        let free = if row.one_at_a_time() { usize::from(row.unfinished.is_empty()) } else { SCHEDULE_RUNS_MAX };
        let released: Vec<_> = row.waiting.drain(..free.min(row.waiting.len())).collect();
        let runs = released.into_iter().map(|instance| row.release(name, timetable, instance)).collect();
        Step { row, runs, left_out, remark: plan.remark }
    }

    /// What follows when somebody asks for a run now. `Ok` with a run that does not come with the step: it waits for
    /// its turn.
    pub(crate) fn trigger(
        &self,
        name: &ScheduleName,
        timetable: &Timetable,
        now: Timestamp,
    ) -> Result<(RunId, Step), SchedulesError> {
        let mut row = self.clone();
        let before = row.unfinished.iter().chain(&row.waiting).copied();
        // Two in the same microsecond would be one run.
        let by_hand = before.clone().chain(row.last.iter().copied()).filter(|instance| instance.by_hand);
        let at = by_hand.map(|instance| instance.at.after(std::time::Duration::from_micros(1))).fold(now, Ord::max);
        let instance = Instance { at, by_hand: true };
        let run = instance.run(name);
        let (mut runs, mut left_out) = (Vec::new(), LeftOut { missed: InstantCount::Exactly(0), overlapped: 0 });
        let waits = row.one_at_a_time() && before.clone().next().is_some();
        match row.schedule.overlap {
            _ if !waits => runs.push(row.release(name, timetable, instance)),
            Overlap::CancelRunning => {
                left_out.overlapped = row.waiting.len() as u32;
                row.counts.overlapped += u64::from(left_out.overlapped);
                row.waiting = vec![instance];
            }
            Overlap::Skip => {
                let run = before.clone().next().expect("it waits for one").run(name);
                return Err(SchedulesError::Unfinished { name: name.clone(), run });
            }
            Overlap::Queue | Overlap::Allow => row.waiting.push(instance),
        }
        if row.unfinished.len() + row.waiting.len() > WAITING_MAX as usize {
            return Err(SchedulesError::TooManyWaiting { name: name.clone(), max: WAITING_MAX });
        }
        Ok((run, Step { row, runs, left_out, remark: None }))
    }

    /// It is followed no more until it is resumed.
    pub(crate) fn pause(&mut self, paused: Paused) {
        self.paused = Some(paused);
    }

    /// It goes on from `now`: what fell into the pause was not wanted.
    pub(crate) fn resume(&mut self, timetable: &Timetable, now: Timestamp) {
        if self.paused.take().is_some() {
            self.mark = timetable.resume(self.mark, now);
        }
    }

    /// The timing may be another one than before, in which case it begins anew, without the exceptions of instants that
    /// it does not have.
    pub(crate) fn retime(&mut self, timetable: &Timetable, now: Timestamp) {
        if timetable.begin(now).timing != self.mark.timing {
            self.exceptions.forget_unplanned(timetable);
            self.mark = timetable.clone().with_exceptions(&self.exceptions).resume(self.mark, now);
        }
    }

    /// One instant is left out, or moved.
    pub(crate) fn except(
        &mut self,
        timetable: &Timetable,
        now: Timestamp,
        exception: Exception,
    ) -> Result<(), ExceptionError> {
        self.exceptions.forget_past(&self.mark);
        self.exceptions.put(timetable, &self.mark, now, exception)
    }

    /// One instant comes again when the schedule has it.
    pub(crate) fn restore(&mut self, timetable: &Timetable, at: Timestamp) -> Result<(), ExceptionError> {
        self.exceptions.remove(timetable, &self.mark, at)
    }

    pub(crate) fn one_at_a_time(&self) -> bool {
        self.schedule.overlap.one_at_a_time()
    }

    /// A run of it may keep the next from being enqueued.
    pub(crate) fn may_be_held_back(&self) -> bool {
        self.paused.is_none() && self.one_at_a_time() && !self.unfinished.is_empty()
    }

    /// Those that are to be cancelled so that the next may begin.
    pub(crate) fn to_cancel(&self) -> &[Instance] {
        let wanted = self.schedule.overlap == Overlap::CancelRunning && !self.waiting.is_empty();
        if wanted && self.paused.is_none() { &self.unfinished } else { &[] }
    }

    fn release(&mut self, name: &ScheduleName, timetable: &Timetable, instance: Instance) -> NewRun {
        // By hand: at once, even if others were triggered in the same moment.
        let due = (!instance.by_hand).then(|| timetable.due(name.as_str(), instance.at));
        self.unfinished.push(instance);
        self.last.push(instance);
        self.last.drain(..self.last.len().saturating_sub(LAST_MAX));
        self.counts.enqueued += 1;
        self.runs.new_run(instance.run(name), name, due)
    }
}
