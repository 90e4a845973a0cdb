//! What the next batch will hold, with the number of its keys.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{Kind, Priority, Run, RunId, StateKind, Timestamp, record::Damage, store::Ends};

use super::{record::Record, run_map::RunMap};
use crate::{
    engine::kv::{Key, Kv, Writes},
    error::Fault,
    format::{
        family::Family,
        keys,
        list::{LIST_MAX, List, read_list},
        page::{self, Page},
    },
};

#[derive(Default)]
pub(crate) struct Batch {
    writes: Writes,
    /// New pages.
    pages: Vec<(u64, Page)>,
    /// Which of them still takes runs of a priority: runs that are claimed together should lie together, so that a
    /// claim reads few pages and leaves few of them to be written anew.
    open: HashMap<Priority, usize>,
    /// Runs that leave their pages.
    leaving: BTreeMap<u64, Vec<RunId>>,
    /// Runs that became final.
    ended: BTreeMap<(StateKind, Kind, Timestamp), Vec<RunId>>,
    /// Runs that were final before: their ends are no news.
    listed: BTreeMap<(StateKind, Kind, Timestamp), Vec<RunId>>,
    /// Runs that were final in another store, with the positions of their ends.
    copied: BTreeMap<(u64, StateKind, Kind, Timestamp), Vec<RunId>>,
    /// Final runs that are removed, by the position of their ends.
    removed_ends: BTreeMap<u64, Vec<RunId>>,
    /// How many children runs have, where that has changed; `None`: nobody counts them any more.
    pub(crate) families: BTreeMap<RunId, Option<Family>>,
    /// New children of runs.
    pub(crate) children: BTreeMap<RunId, Vec<RunId>>,
    /// Runs that are new in this batch, for the claims that wait.
    pub(crate) fresh: RunMap<Box<Record>>,
    /// Something in it was promised to survive a power cut.
    pub(crate) needs_sync: bool,
}

impl Batch {
    /// How many keys it will write.
    pub(crate) fn keys(&self) -> usize {
        self.writes.len()
            + self.pages.len()
            + self.leaving.len()
            + self.ended.len()
            + self.listed.len()
            + 2 * self.copied.len()
            + self.families.len()
            + self.children.values().map(|ids| ids.len().div_ceil(LIST_MAX)).sum::<usize>()
            + self.ends()
    }

    /// The list of all that end in it; those that lose ends, and how far they do.
    fn ends(&self) -> usize {
        let removed = self.removed_ends.len();
        usize::from(!self.ended.is_empty()) + removed + usize::from(removed > 0)
    }

    pub(crate) fn put(&mut self, key: Key, value: Vec<u8>) {
        self.writes.put(key, value);
    }

    /// Puts a key that is not in the file.
    pub(crate) fn put_new(&mut self, key: Key, value: Vec<u8>) {
        self.writes.put_new(key, value);
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.writes.remove(key);
    }

    /// Whether it writes to a key that begins with `prefix`.
    pub(crate) fn puts_under(&self, prefix: &[u8]) -> bool {
        self.writes.has_prefix(prefix)
    }

    pub(crate) fn remove_all(&mut self, keys: &[Key]) {
        for key in keys {
            self.remove(key.clone());
        }
    }

    /// Whether this page is not in the file yet.
    pub(crate) fn is_new(&self, page: u64) -> bool {
        self.pages.first().is_some_and(|(first, _)| page::count(page) >= page::count(*first))
    }

    /// Puts a new run on a page, on a new one if the last is full. Returns which. May take one key.
    pub(crate) fn settle_in(&mut self, run: &Run, record: &[u8], pages_made: &mut u64) -> u64 {
        let (id, open) = (run.id, self.open.get(&run.priority));
        if let Some((number, page)) = open.and_then(|open| self.pages.get_mut(*open))
            && page.has_room_for(record)
        {
            page.push(id, record);
            return *number;
        }
        let mut page = Page::new();
        page.push(id, record);
        self.open.insert(run.priority, self.pages.len());
        let number = page::number(run.priority, *pages_made);
        self.pages.push((number, page));
        *pages_made += 1;
        number
    }

    /// Takes a new run off its page again, and the page out of the batch. Returns whether it could: a run that shares its
    /// page stays.
    pub(crate) fn take_off(&mut self, page: u64) -> bool {
        let alone = self.pages.last().is_some_and(|(number, last)| *number == page && last.has_one());
        if alone {
            self.pages.pop();
            let there = self.pages.len();
            self.open.retain(|_, open| *open < there);
        }
        alone
    }

    /// A run leaves its page, which is in the file.
    pub(crate) fn leave(&mut self, page: u64, id: RunId) {
        self.leaving.entry(page).or_default().push(id);
    }

    /// A run became final.
    pub(crate) fn end(&mut self, run: &Run) {
        self.ended.entry((run.state.kind(), run.kind.clone(), run.since)).or_default().push(run.id);
    }

    /// A run comes in that became final before.
    pub(crate) fn list_final(&mut self, run: &Run) {
        self.listed.entry((run.state.kind(), run.kind.clone(), run.since)).or_default().push(run.id);
    }

    /// A run comes in that became final in another store, with the position of its end there.
    pub(crate) fn copy_end(&mut self, run: &Run, position: u64) {
        self.copied.entry((position, run.state.kind(), run.kind.clone(), run.since)).or_default().push(run.id);
    }

    /// A final run is removed.
    pub(crate) fn remove_end(&mut self, position: u64, id: RunId) {
        self.removed_ends.entry(position).or_default().push(id);
    }

    /// All that is to be written now.
    pub(crate) fn into_writes(self, kv: &dyn Kv, ends: &mut Ends, now: Timestamp) -> Result<Writes, Fault> {
        let mut writes = self.writes;
        for (number, leaving) in self.leaving {
            let key = keys::page(number);
            let bytes = kv.get(&key)?.ok_or_else(|| Damage::of(format!("page {number}"), "it is missing"))?;
            match page::without(number, &bytes, &leaving)? {
                Some(rest) => writes.put(key, rest),
                None => writes.remove(key),
            }
        }
        for (number, page) in self.pages {
            writes.put_new(keys::page(number), page.into_bytes());
        }
        for (parent, family) in self.families {
            match family {
                Some(family) => writes.put(keys::family(parent), family.to_bytes()),
                None => writes.remove(keys::family(parent)),
            }
        }
        for (parent, ids) in self.children {
            for ids in ids.chunks(LIST_MAX) {
                let list = List { position: None, ids: ids.to_vec() };
                writes.put(keys::children_from(parent, ids[0]), list.to_bytes());
            }
        }
        for ((state, kind, since), ids) in self.listed {
            writes.put_new(keys::ended(state, &kind, since, ids[0]), List { position: None, ids }.to_bytes());
        }
        let mut copied: BTreeMap<u64, Vec<RunId>> = BTreeMap::new();
        for ((position, state, kind, since), ids) in self.copied {
            copied.entry(position).or_default().extend(&ids);
            let key = keys::ended(state, &kind, since, ids[0]);
            writes.put_new(key, List { position: Some(position), ids }.to_bytes());
        }
        for (position, mut ids) in copied {
            ends.reach(position);
            if let Some(bytes) = kv.get(&keys::ends(position))? {
                ids.extend(read_list(&bytes)?.ids);
            }
            ids.sort_unstable();
            writes.put(keys::ends(position), List { position: None, ids }.to_bytes());
        }
        if !self.ended.is_empty() {
            let position = ends.next(now);
            let mut all: Vec<RunId> = self.ended.values().flatten().copied().collect();
            all.sort_unstable();
            writes.put_new(keys::ends(position), List { position: None, ids: all }.to_bytes());
            for ((state, kind, since), ids) in self.ended {
                let list = List { position: Some(position), ids };
                writes.put_new(keys::ended(state, &kind, since, list.ids[0]), list.to_bytes());
            }
        }
        for (position, removed) in self.removed_ends {
            let key = keys::ends(position);
            if let Some(bytes) = kv.get(&key)? {
                let mut list = read_list(&bytes)?;
                list.ids.retain(|id| !removed.contains(id));
                if list.ids.is_empty() { writes.remove(key) } else { writes.put(key, list.to_bytes()) }
            }
            if ends.remove(position) {
                writes.put(keys::REMOVED_ENDS.into(), position.to_be_bytes().into());
            }
        }
        Ok(writes)
    }
}
