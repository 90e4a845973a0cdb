//! Claims of the process before: it is dead, so its runs wait again.

use std::collections::BTreeMap;

use longhaul_core::{
    Event, Run, RunId, ServerId, State as RunState,
    admission::suspects::{Blame, blame},
    record::Damage,
};

use super::Recovery;
use crate::{
    error::Fault,
    format::{
        blamed,
        claim_page::{self, ClaimEntry},
        keys,
    },
    state::{crash::warn_of, record::Record},
};

impl Recovery {
    /// Takes back what the process before had claimed: its claims are over, and its runs go on at once.
    pub(super) fn recover_claims(&mut self, running: &[RunId]) -> Result<(), Fault> {
        let mut died = Vec::new();
        for id in running {
            match self.state.load(*id) {
                Err(Fault::Damage(damage)) if self.sets_aside => self.pass_over(*id, damage),
                record => died.push(record?.expect("it was just read")),
            }
        }
        let pages = self.keys_of(keys::SLOTS)?;
        for page in &pages {
            let bytes =
                self.state.files.kv.get(page)?.ok_or_else(|| Damage::of("a page of claims", "it is missing"))?;
            for slot in claim_page::read(&bytes)? {
                match self.claimed(&slot) {
                    Err(Fault::Damage(damage)) if self.sets_aside => self.pass_over(slot.id, damage),
                    record => died.extend(record?),
                }
            }
        }
        // Written by the process before us, if it died while it took these back: some are back already.
        let told = self.state.files.kv.get(keys::DIED)?;
        if died.is_empty() && pages.is_empty() && told.is_none() {
            return Ok(());
        }
        let blamed = told.map_or_else(|| Ok(blamed(&died)), |told| blamed::read(&told))?;
        self.state.files.batch.put(keys::DIED.into(), blamed::write(&blamed));
        for mut record in died {
            let blamed = blamed.iter().copied().find(|(id, _)| *id == record.run.id);
            let event = Event::crash(record.run.id, blamed, "its process ended unexpectedly");
            let before = record.run.clone();
            record.apply_event(self.state.now, &event).expect("a run that executes can crash");
            warn_of(&before, &record.run);
            self.state.keep(record)?;
        }
        // Last, so that a claim is never forgotten before its run was taken back.
        self.state.commit()?;
        self.remove_all(&pages)?;
        self.remove_all(&[keys::DIED.into()])
    }

    /// The run as its claim left it, if the entry is not stale.
    fn claimed(&mut self, slot: &ClaimEntry) -> Result<Option<Box<Record>>, Fault> {
        if self.state.index.get(slot.id).is_none() {
            return Ok(None);
        }
        let mut record = self.state.load(slot.id)?.expect("what is in the index is in the file");
        if record.run.epoch.next() != slot.epoch {
            return Ok(None);
        }
        let event = Event::Claim { server: slot.server, begins: slot.begun };
        match record.apply_event(slot.claimed, &event) {
            Ok(_) => Ok(Some(record)),
            Err(illegal) => Err(Damage::of_run(slot.id, format!("its claim does not fit to it: {illegal}")).into()),
        }
    }
}

/// Which of the runs that died are to blame, of each server one at most.
fn blamed(died: &[Box<Record>]) -> Vec<(RunId, Blame)> {
    let mut servers = BTreeMap::<ServerId, Vec<&Run>>::new();
    for record in died {
        if let RunState::Running { server } = record.run.state {
            servers.entry(server).or_default().push(&record.run);
        }
    }
    servers.into_values().filter_map(blame).collect()
}
