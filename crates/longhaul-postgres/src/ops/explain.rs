//! Why a run waits.

use longhaul_core::{
    Explanation, RunId, ServerId,
    admission::{Admission, LimitGroup, Offer},
    explain::{Ahead, explain},
    store::{GetError, ServerBeat},
};

use super::{
    admission::{Candidates, Reading, read_buckets, read_controls},
    served::read_served,
    turns,
};
use crate::{error::Fault, handle::Inner};

impl Inner {
    pub(crate) async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.ensure_open()?;
        self.look_if_needed().await?;
        let kept = self.current(id).await?.ok_or(GetError::NotFound(id))?;
        let run = kept.stored.run;
        // Whose turn it is, and what makes room for a last try, is known to this handle only.
        let mut admission: Admission = self.admission().await;
        let session = self.session().await?;
        let read = async {
            self.lanes.refresh(&session).await?;
            let now = self.now();
            admission.controls = read_controls(&session).await?;
            let numbers = self.lanes.which(|lane| lane.queue == run.queue);
            let top = Ahead::COUNTED as i64 + 1;
            let reading = Reading::of(&self.lanes, now, numbers, top, &admission.controls);
            let mut candidates = Candidates::read(&session, &self.lanes, &reading).await?;
            if let Some(key) = run.order_key().filter(|_| run.is_behind()) {
                candidates.turn_holder = turns::holder(&session, key).await?;
            }
            candidates.read_executing(&session, &self.lanes, ServerId::from_bytes([0; 16])).await?;
            let own = LimitGroup::of(&run);
            admission.buckets = read_buckets(&session, now, &admission.controls, [&own].into_iter()).await?;
            admission.served = read_served(&session, &admission.controls, candidates.served_keys()).await?;
            let living = self.living(&session).await?;
            let offers: Vec<Offer<'_>> = living.iter().map(ServerBeat::offer).collect();
            Ok(explain(now, &run, &admission, &offers, &candidates))
        };
        let explained: Result<Explanation, Fault> = read.await;
        Ok(explained.map_err(Fault::into_store)?)
    }
}
