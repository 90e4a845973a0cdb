//! The one thread that owns the file: it takes what callers asked for, applies it, commits once for all of them, and
//! only then answers.

mod answers;
pub(crate) mod command;
pub(crate) mod dispatch;
pub(crate) mod queue;
pub(crate) mod watch;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use longhaul_core::{Clock, RunId, ServerId, StoreError, Timestamp, admission::Admission};

pub(crate) use self::answers::After;
use self::answers::Answers;
use crate::{
    committer::{
        command::{Command, Reply},
        queue::{Queue, ROOM, Taken},
        watch::Watchers,
    },
    engine::kv::{BATCH_KEYS_MAX, Kv, KvError, UNFLUSHED_MAX},
    error::{Fault, broken},
    health::Health,
    ops::{claim::WaitingClaim, ended::Ends, schedules::Rows, servers::Servers},
    options::Durability,
    state::{batch::Batch, claim_pages::ClaimPages, index::Index, record::Record},
};

/// How often the committer looks for more before it commits what it has, as long as each time something came: callers
/// who were answered together come back together, and should share the next commit too. What they ask for is executed
/// while the others are still on their way.
const GATHERINGS_MAX: usize = 16;

pub(crate) struct Committer {
    pub(crate) kv: Box<dyn Kv>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Durability,
    pub(crate) health: Arc<Health>,
    /// What cannot be read at the opening is set aside, where it would end the opening otherwise.
    pub(crate) sets_aside: bool,
    /// What was.
    pub(crate) aside: Vec<crate::state::damaged::SetAside>,

    /// The time of the current cycle.
    pub(crate) now: Timestamp,
    pub(crate) index: Index,
    /// Runs that execute, whole.
    pub(crate) active: HashMap<RunId, Box<Record>>,
    pub(crate) claim_pages: ClaimPages,
    pub(crate) servers: Servers,
    pub(crate) parked: Vec<WaitingClaim>,
    /// Servers that take leave in this cycle.
    pub(crate) leaving: Vec<(ServerId, Reply<()>)>,
    pub(crate) watchers: Watchers,
    pub(crate) admission: Admission,
    pub(crate) schedules: Rows,
    pub(crate) ends: Ends,

    pub(crate) batch: Batch,
    /// The number of the batch in the making.
    pub(crate) batch_number: u64,
    /// How many pages there ever were, as far as it is known: no two have one number.
    pub(crate) pages_made: u64,
    /// The page that was read last: runs that were enqueued together are claimed together.
    pub(crate) last_page: Option<(u64, Vec<u8>)>,
    /// What happened in this cycle to which runs.
    pub(crate) touched: HashMap<RunId, Touch>,
    answers: Answers,
    /// Keys and bytes that were applied since the last flush.
    pub(crate) unflushed: (usize, usize),
    /// Something was applied since the last flush, and since the last sync.
    pub(crate) needs_flush: bool,
    pub(crate) needs_sync: bool,
    /// Runs whose last write may be in the file or not: nobody is told of it.
    pub(crate) doubtful: HashSet<RunId>,
}

/// How a run was touched in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// In memory, or by a claim.
    Seen,
    /// Its record was written, last in this batch.
    Written(u64),
}

impl Committer {
    pub(crate) fn new(
        kv: Box<dyn Kv>,
        queue: Arc<Queue>,
        clock: Arc<dyn Clock>,
        durability: Durability,
        health: Arc<Health>,
    ) -> Self {
        Self {
            kv,
            queue,
            now: clock.now(),
            clock,
            durability,
            health,
            sets_aside: false,
            aside: Vec::new(),
            index: Index::default(),
            active: HashMap::new(),
            claim_pages: ClaimPages::default(),
            servers: Servers::default(),
            parked: Vec::new(),
            leaving: Vec::new(),
            watchers: Watchers::default(),
            admission: Admission::default(),
            schedules: Rows::default(),
            ends: Ends::default(),
            batch: Batch::default(),
            batch_number: 0,
            pages_made: 0,
            last_page: None,
            touched: HashMap::new(),
            answers: Answers::default(),
            unflushed: (0, 0),
            needs_flush: false,
            needs_sync: false,
            doubtful: HashSet::new(),
        }
    }

    /// Works until the queue is closed.
    pub(crate) fn run(&mut self) {
        loop {
            let taken = self.queue.take(self.max_wait());
            if self.cycle(taken) {
                if !self.leaving.is_empty() {
                    self.cycle(Taken { commands: Vec::new(), closed: true });
                }
                return self.close();
            }
        }
    }

    /// How long to sleep if nobody asks for anything.
    fn max_wait(&self) -> Option<Duration> {
        if !self.leaving.is_empty() {
            return Some(Duration::ZERO);
        }
        // A store that is broken ends no suspension, and must not spin over one that is over.
        let deadline = self.index.deadlines.next().filter(|_| self.health.get().is_none());
        let next = [self.next_look(), deadline].into_iter().flatten().min()?;
        self.clock.wait_for(next)
    }

    /// One commit, shared by all who came in time. Answers whether no more will come.
    fn cycle(&mut self, taken: Taken) -> bool {
        self.look_at_the_clock();
        if self.health.get().is_none()
            && let Err(fault) = self.expire_suspensions()
        {
            self.poison(fault);
        }
        let leaving = std::mem::take(&mut self.leaving);
        let (reads, closed) = self.gather(taken);
        self.finish_leaving(leaving);
        if self.health.get().is_none()
            && let Err(fault) = self.serve_waiting_claims().and_then(|()| self.finish())
        {
            self.poison(fault);
        }
        // After the commit, so that nobody is told what might not last.
        self.wake();
        for command in reads {
            self.read(command);
        }
        closed
    }

    /// Executes what was taken, and what comes meanwhile; hands back the reads, and whether the queue is closed.
    fn gather(&mut self, mut taken: Taken) -> (Vec<Command>, bool) {
        let (mut reads, mut executed, mut gatherings) = (Vec::new(), 0, 0);
        loop {
            executed += taken.commands.len();
            for command in taken.commands.drain(..) {
                match self.health.get() {
                    _ if command.is_read() => reads.push(command),
                    None => self.execute(command),
                    Some(error) => command.refuse(error),
                }
            }
            if taken.closed || executed == 0 || executed >= ROOM || gatherings == GATHERINGS_MAX {
                break;
            }
            gatherings += 1;
            taken = self.queue.more();
            if taken.commands.is_empty() {
                break;
            }
        }
        (reads, taken.closed)
    }

    pub(crate) fn look_at_the_clock(&mut self) {
        let before = std::mem::replace(&mut self.now, self.clock.now());
        if self.now < before {
            self.index.rewind(self.now);
        }
        self.index.advance(self.now);
    }

    /// Commits, and answers each caller as soon as what it was promised holds.
    fn finish(&mut self) -> Result<(), Fault> {
        self.commit()?;
        if self.needs_flush {
            self.flush()?;
            self.answers.tell(After::Flush);
            if self.needs_sync && self.durability == Durability::Power {
                self.kv.sync()?;
            }
            self.needs_sync = false;
        }
        self.answers.tell(After::Sync);
        Ok(())
    }

    /// Applies the batch in the making, and begins another. Nothing is durable yet.
    pub(crate) fn commit(&mut self) -> Result<(), Fault> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_number += 1;
        let needs_sync = batch.needs_sync;
        let mut writes = batch.into_writes(&*self.kv, &mut self.ends, self.now)?;
        for (page, bytes) in self.claim_pages.take_touched() {
            writes.put(crate::format::keys::claim_pages(page), bytes);
        }
        if writes.is_empty() {
            return Ok(());
        }
        let (keys, bytes) = (self.unflushed.0 + writes.len(), self.unflushed.1 + writes.bytes());
        if self.needs_flush && (keys > BATCH_KEYS_MAX || bytes > UNFLUSHED_MAX) {
            self.flush()?;
        }
        self.unflushed.0 += writes.len();
        self.unflushed.1 += writes.bytes();
        self.kv.apply(writes)?;
        self.needs_flush = true;
        self.needs_sync |= needs_sync;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Fault> {
        self.kv.flush()?;
        self.unflushed = (0, 0);
        self.needs_flush = false;
        Ok(())
    }

    /// From now on nothing is written: whether the last write took effect is not known, and trying again would only
    /// hide it.
    pub(crate) fn poison(&mut self, fault: Fault) {
        let cause = match fault {
            Fault::Engine(cause) => cause,
            Fault::Damage(damage) => KvError::Corrupt(damage.to_string()),
        };
        // First of all, so that whoever is told anything finds it.
        let error = self.health.poison(broken(&cause)).clone();
        tracing::error!(%error, "the store takes no more writes");
        self.doubtful.extend(self.touched.keys());
        self.batch = Batch::default();
        self.answers.refuse(&error);
        self.refuse_waiting(&error);
    }

    /// A panic of our own code came through: nothing that is in memory is trusted any more, but for who waits.
    pub(crate) fn abandon(&mut self, error: &StoreError) {
        self.answers.refuse(error);
        self.refuse_waiting(error);
        self.leaving.drain(..).for_each(|(_, reply)| _ = reply.send(Err(error.clone())));
    }

    fn refuse_waiting(&mut self, error: &StoreError) {
        self.parked.drain(..).for_each(|claim| claim.refuse(error));
        self.watchers.refuse(error);
        self.servers.refuse_waiting(error);
        self.schedules.refuse_waiting(error);
        self.ends.refuse_waiting(error);
    }

    /// Everyone who waits is told; what was acknowledged for this process only is made to last.
    fn close(&mut self) {
        let error = self.health.get().cloned().unwrap_or(StoreError::Closed);
        self.refuse_waiting(&error);
        if self.health.get().is_none()
            && let Err(error) = self.kv.flush().and_then(|()| self.kv.sync())
        {
            self.poison(error.into());
        }
    }

    /// Holds an answer back until what it says holds.
    pub(crate) fn hold<T: Send + 'static>(&mut self, after: After, reply: Reply<T>, outcome: Result<T, StoreError>) {
        self.answers.hold(after, reply, outcome);
    }

    fn is_doubtful(&self, id: RunId) -> bool {
        !self.doubtful.is_empty() && self.doubtful.contains(&id)
    }

    /// A run whose last write may or may not be in the file is not shown.
    pub(crate) fn shows(&self, id: RunId) -> Result<(), StoreError> {
        match self.health.get() {
            Some(error) if self.is_doubtful(id) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Tells the watchers of what was touched.
    fn wake(&mut self) {
        if self.health.get().is_some() {
            return self.touched.clear();
        }
        let touched = std::mem::take(&mut self.touched);
        for id in touched.keys() {
            for watcher in self.watchers.take(*id) {
                self.show_change(watcher);
            }
        }
        self.servers.tell_orders(&self.active);
        self.schedules.tell();
        self.tell_ends();
        self.touched = touched;
        self.touched.clear();
    }
}
