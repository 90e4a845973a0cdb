//! The seal: under one key, in each batch, how many batches there were and what all keys and values add up to. So a
//! store that was opened can be told from what it was when its last batch was written, without another copy of it.

mod digest;
mod known;

use std::{ops::ControlFlow, sync::Arc};

use longhaul_core::{Clock, Timestamp};

pub(crate) use self::digest::Digests;
use self::{digest::FIRST_KEY, known::KnownSums};
use crate::engine::{
    kv::{Before, Each, Key, Kv, KvError, Value, Write, Writes},
    lock::FolderLock,
    witness::{Mark, StoreId, Witness},
};

/// The key of the seal: the first of all, and hidden from those who use the store.
const KEY: &[u8] = b"\0";
/// So many keys without a value stand behind the seal. sled writes a leaf of its tree anew with every tenth change, and
/// a leaf has up to 16 keys: with these the seal's has no others, and is small.
const PADDING: u8 = 12;
/// With what a seal begins, wherever it stands in sled's log. Its layout follows, one byte.
pub(crate) const MAGIC: [u8; 15] = *b"\xF5longhaul seal\x00";
/// Layout of a seal that was written together with its batch.
const TOGETHER: u8 = 1;
/// Layout of one that was written before the one key of its batch. It has a sum more.
const AHEAD: u8 = 2;
/// Bytes of a seal without its checksum.
const LENGTH: usize = 16 + 16 + 4 * 8;
const SUM: usize = 8;
const CHECKSUM: usize = 4;

/// What a store was after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) store: StoreId,
    /// The batch, counted from 1, and when it was written.
    pub(crate) mark: Mark,
    /// Of all keys and values with this batch, but the seal's.
    pub(crate) digests: Digests,
    /// Of what was live without this batch, where the seal was written before the one key of the batch: a crash may have
    /// come between the two.
    pub(crate) live_before: Option<u64>,
}

impl Seal {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH + SUM + CHECKSUM);
        bytes.extend(MAGIC);
        bytes.push(if self.live_before.is_some() { AHEAD } else { TOGETHER });
        bytes.extend(self.store);
        let Digests { live, rest } = self.digests;
        for number in [self.mark.number, self.mark.at.as_micros() as u64, live, rest] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.live_before.into_iter().flat_map(u64::to_be_bytes));
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    /// Reads a seal that is all of `bytes`.
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes).filter(|seal| bytes.len() == seal.to_bytes().len())
    }

    /// Reads the seal that `bytes` begin with.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let length = match *bytes.strip_prefix(&MAGIC)?.first()? {
            TOGETHER => LENGTH,
            AHEAD => LENGTH + SUM,
            _ => return None,
        };
        let (sealed, checksum) = bytes.get(..length + CHECKSUM)?.split_last_chunk::<CHECKSUM>()?;
        if u32::from_be_bytes(*checksum) != crc32fast::hash(sealed) {
            return None;
        }
        let number = |at: usize| u64::from_be_bytes(sealed[at..at + SUM].try_into().expect("8 bytes"));
        Some(Self {
            store: sealed[16..32].try_into().expect("16 bytes"),
            mark: Mark { number: number(32), at: Timestamp::from_micros(number(40) as i64) },
            digests: Digests { live: number(48), rest: number(56) },
            live_before: (length > LENGTH).then(|| number(LENGTH)),
        })
    }

    /// The seal that holds where `live` is the sum of what is live: this one; or that of the batch before, if this was
    /// written and the key of its batch was not. `None`: neither.
    pub(crate) fn holding(self, live: u64) -> Option<Self> {
        if live == self.digests.live {
            return Some(Self { live_before: None, ..self });
        }
        self.without_its_batch().filter(|seal| live == seal.digests.live)
    }

    /// What a seal says that was written, when the key of its batch was not; `None`: they were written together.
    pub(crate) fn without_its_batch(self) -> Option<Self> {
        let mark = Mark { number: self.mark.number - 1, ..self.mark };
        let digests = Digests { live: self.live_before?, ..self.digests };
        Some(Self { mark, digests, live_before: None, ..self })
    }
}

/// The seal of the store behind `kv`, if it has one.
pub(crate) fn of(kv: &dyn Kv) -> Result<Option<Seal>, KvError> {
    let Some(bytes) = kv.get(KEY)? else { return Ok(None) };
    Seal::of_bytes(&bytes).map(Some).ok_or_else(|| KvError::Corrupt("the seal of the store is none".into()))
}

/// An engine that seals each batch, and tells the witness of it.
pub(crate) struct Sealed {
    /// `None` only while this is dropped.
    kv: Option<Box<dyn Kv>>,
    seal: Seal,
    known: KnownSums,
    /// The last batch that was flushed, and the last that was synced.
    flushed: Mark,
    synced: Mark,
    clock: Arc<dyn Clock>,
    /// `None` where there is no folder.
    witness: Option<Witness>,
    /// Last, so that the folder is free only when sled has let go of it.
    _lock: Option<FolderLock>,
}

impl Sealed {
    /// Over a store that is what `seal` says.
    pub(crate) fn new(
        kv: Box<dyn Kv>,
        seal: Seal,
        clock: Arc<dyn Clock>,
        witness: Option<Witness>,
        lock: Option<FolderLock>,
    ) -> Self {
        let synced = witness.as_ref().map_or(Mark::NONE, Witness::synced);
        Self {
            kv: Some(kv),
            seal,
            known: KnownSums::default(),
            flushed: seal.mark,
            synced,
            clock,
            witness,
            _lock: lock,
        }
    }

    /// Over a store that has no seal yet, or whose seal does not hold any more: it gets `seal`, which says what is there.
    /// Durable when it returns.
    pub(crate) fn anew(
        mut kv: Box<dyn Kv>,
        seal: Seal,
        clock: Arc<dyn Clock>,
        witness: Option<Witness>,
        lock: Option<FolderLock>,
    ) -> Result<Self, KvError> {
        let mut writes = Writes::default();
        writes.put(KEY.into(), seal.to_bytes());
        for number in 1..=PADDING {
            writes.put([KEY, &[number]].concat(), Vec::new());
        }
        kv.apply(writes)?;
        let mut sealed = Self::new(kv, seal, clock, witness, lock);
        sealed.flush()?;
        sealed.sync()?;
        sealed.attest()?;
        Ok(sealed)
    }

    fn kv(&self) -> &dyn Kv {
        &**self.kv.as_ref().expect("nobody calls what is being dropped")
    }

    fn kv_mut(&mut self) -> &mut dyn Kv {
        &mut **self.kv.as_mut().expect("nobody calls what is being dropped")
    }
}

impl Kv for Sealed {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.kv().get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        self.kv().scan(prefix, from.max(FIRST_KEY), each)
    }

    fn scan_back(&self, prefix: &[u8], before: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        self.kv().scan_back(prefix, before, &mut |key, value| {
            // The seal comes before all keys of the store, and is none of them.
            if key < FIRST_KEY { ControlFlow::Break(()) } else { each(key, value) }
        })
    }

    fn apply(&mut self, mut writes: Writes) -> Result<(), KvError> {
        let mut digests = self.seal.digests;
        for (key, Write { value, before }) in writes.entries() {
            // Wrong once, it would make a damaged store of a sound one; so tests look.
            if *before == Before::Unknown || cfg!(debug_assertions) {
                let sum = match self.known.take(key) {
                    Some(known) if !cfg!(debug_assertions) => Some(known),
                    known => {
                        let sum = self.kv().get(key)?.map(|old| digest::hash(key, &old));
                        let name = key.escape_ascii();
                        assert!(*before == Before::Unknown || sum.is_none(), "the key {name} is not new");
                        assert!(known.is_none() || known == sum, "the key {name} is not what was written");
                        sum
                    }
                };
                if let Some(sum) = sum {
                    digests.subtract(key, sum);
                }
            }
            if let Some(value) = value {
                let sum = digests.add(key, value);
                self.known.put(key, sum);
            }
        }
        let mark = Mark { number: self.seal.mark.number + 1, at: self.clock.now() };
        // A batch of sled is written in two parts, each by threads of its own, and costs a third of a commit. One key needs
        // none: its seal comes before it, and says what was there without it. Only for what each opening reads.
        let is_ahead = writes.len() == 1 && writes.entries().all(|(key, _)| Digests::has_live(key));
        let seal = Seal { mark, digests, live_before: is_ahead.then_some(self.seal.digests.live), ..self.seal };
        if is_ahead {
            let sealed = (KEY.to_vec(), Some(seal.to_bytes()));
            self.kv_mut().apply_in_turn([sealed].into_iter().chain(writes.into_entries()).collect())?;
        } else {
            writes.put(KEY.into(), seal.to_bytes());
            self.kv_mut().apply(writes)?;
        }
        self.seal = seal;
        Ok(())
    }

    fn apply_in_turn(&mut self, writes: Vec<(Key, Value)>) -> Result<(), KvError> {
        for (key, value) in writes {
            let mut batch = Writes::default();
            match value {
                Some(value) => batch.put(key, value),
                None => batch.remove(key),
            }
            self.apply(batch)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), KvError> {
        self.kv_mut().flush()?;
        self.flushed = self.seal.mark;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), KvError> {
        self.kv_mut().sync()?;
        self.synced = self.flushed;
        Ok(())
    }

    fn attest(&mut self) -> Result<(), KvError> {
        self.kv_mut().attest()?;
        let Self { witness, flushed, synced, .. } = self;
        witness.as_mut().map_or(Ok(()), |witness| witness.attest(*flushed, *synced))
    }
}

impl Drop for Sealed {
    /// The files may be shorter when sled has let go of them, and the witness says how long they are.
    fn drop(&mut self) {
        drop(self.kv.take());
        if let Some(Err(error)) = self.witness.as_mut().map(Witness::closed) {
            tracing::warn!(%error, "the witness of the store does not know that it was closed");
        }
    }
}
