//! The ends of runs, in the order of the batches that made them final.

use std::ops::ControlFlow;

use longhaul_core::{
    RunId, StoreError, Timestamp,
    record::Damage,
    store::{Damaged, EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun},
};

use crate::{
    committer::{Committer, command::Verdict},
    error::Fault,
    format::keys,
    state::{batch, load::read_run},
};

type EndedReply = Verdict<EndedPage, EndedError>;

/// Where the ends are, and who waits for more.
#[derive(Default)]
pub(crate) struct Ends {
    /// Of the latest batch that made runs final. Microseconds since 1970, if the clock shows more than the last one.
    last: u64,
    /// The latest end that was removed; kept in the file.
    removed: u64,
    waiting: Vec<(EndedRequest, EndedReply)>,
    news: bool,
}

impl Ends {
    /// What an opening finds: positions grow from here on.
    pub(crate) fn found(&mut self, now: Timestamp, last: u64, removed: u64) {
        self.last = last.max(removed).max(now.as_micros().unsigned_abs());
        self.removed = removed;
    }

    /// The position of a batch that makes runs final.
    pub(crate) fn next(&mut self, now: Timestamp) -> u64 {
        self.last = (self.last + 1).max(now.as_micros().unsigned_abs());
        self.news = true;
        self.last
    }

    /// An end at this position is removed. Answers what is to be kept of that, if it says something new.
    pub(crate) fn remove(&mut self, position: u64) -> Option<u64> {
        (position > self.removed).then(|| {
            self.removed = position;
            position
        })
    }

    pub(crate) fn refuse_waiting(&mut self, error: &StoreError) {
        for (_, reply) in self.waiting.drain(..) {
            _ = reply.send(Err(error.clone()));
        }
    }
}

impl Committer {
    /// Answers those who wait, if something ended.
    pub(crate) fn tell_ends(&mut self) {
        if std::mem::take(&mut self.ends.news) {
            for (request, reply) in std::mem::take(&mut self.ends.waiting) {
                self.show_ended(request, reply);
            }
        }
    }

    pub(crate) fn show_ended(&mut self, request: EndedRequest, reply: EndedReply) {
        if reply.is_closed() {
            return;
        }
        // Whether the last batch is in the file is not known, and it must not be told as an end and then not be one.
        if let Some(error) = self.health.get() {
            _ = reply.send(Err(error.clone()));
            return;
        }
        match self.ended(&request) {
            Ok(Ok(page)) if request.wait && page.runs.is_empty() && page.damaged.is_empty() => {
                self.ends.waiting.retain(|(_, reply)| !reply.is_closed());
                self.ends.waiting.push((request, reply));
            }
            verdict => self.reply(reply, verdict),
        }
    }

    fn ended(&self, request: &EndedRequest) -> Result<Result<EndedPage, EndedError>, Fault> {
        let EndedRequest { after, limit, .. } = *request;
        let removed = self.ends.removed;
        if after.is_overtaken(removed) {
            return Ok(Err(EndedError::Overtaken { resume: EndedCursor { known_removed: removed, ..after } }));
        }
        let known_removed = after.known_removed.max(removed);
        let mut ends: Vec<(u64, RunId)> = Vec::new();
        let mut found = Ok(());
        self.kv.scan(&[keys::ENDS], &keys::ends(after.position), &mut |key, value| {
            let read = keys::ends_of(key)
                .ok_or_else(|| Damage::of("the key of a list of ends", "it has no position"))
                .and_then(|position| Ok((position, batch::read_list(value)?.ids)));
            match read {
                Ok((position, ids)) => {
                    let ends_here = ids.into_iter().map(|id| (position, id));
                    ends.extend(ends_here.filter(|end| *end > (after.position, after.run)));
                }
                Err(damage) => found = Err(damage),
            }
            if found.is_err() || ends.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        found?;
        let latest = EndedCursor { known_removed, ..EndedCursor::after_all_of(self.ends.last) };
        let mut page = EndedPage { runs: Vec::new(), damaged: Vec::new(), next: latest.max(after), latest };
        for (position, id) in ends.into_iter().take(limit) {
            let cursor = EndedCursor { position, run: id, known_removed };
            page.next = cursor;
            let Some(bytes) = self.kv.get(&keys::done(id))? else {
                page.damaged.push(Damaged { id, why: "it is listed as ended, and is not there".into() });
                continue;
            };
            match read_run(&*self.kv, id, &bytes) {
                Ok(run) => {
                    page.runs.push(EndedRun { id, kind: run.kind, state: run.state.kind(), at: run.since, cursor });
                }
                Err(Fault::Damage(damage)) => page.damaged.push(Damaged { id, why: damage.reason.as_ref().into() }),
                Err(fault) => return Err(fault),
            }
        }
        Ok(Ok(page))
    }
}
