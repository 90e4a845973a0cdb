//! How attempts end.

use longhaul_core::{
    Event,
    store::{SettleError, Settled, Settlement},
};

use crate::{committer::Committer, error::Fault};

impl Committer {
    pub(crate) fn settle(&mut self, one: Settlement) -> Result<Result<Settled, SettleError>, Fault> {
        let Settlement { id, epoch, ending, execution_metadata, taken, progress } = one;
        if !self.holds(id, epoch) {
            let Some(record) = self.take(id)? else {
                return Ok(Err(SettleError::NotFound(id)));
            };
            let already = record.settled && record.run.epoch == epoch;
            self.put_back(record);
            return Ok(if already { Ok(Settled::Already) } else { Err(SettleError::EpochLost { id, epoch }) });
        }
        let mut record = self.active.remove(&id).expect("the attempt holds the run");
        match execution_metadata {
            Some(saved) => self.save(&mut record, saved, taken, progress, ending.proves_progress()),
            None => self.tell(&mut record, progress),
        };
        record.settled = true;
        let state = self.apply_event(record, &Event::Settle { epoch, ending })?;
        Ok(Ok(Settled::Now(state.expect("the attempt holds the run"))))
    }
}
