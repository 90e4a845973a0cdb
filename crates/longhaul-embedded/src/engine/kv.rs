//! The seam under the store: ordered keys and values, one atomic batch at a time.

#[cfg(test)]
pub(crate) mod faulty;
mod guarded;
#[cfg(test)]
pub(crate) mod sim;
mod sled;

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

pub(crate) use self::{guarded::Guarded, sled::SledKv};

/// Keys in one batch. Above 500, sled's memory and disk grow without bound (measured: 7.8 GB for an empty store);
/// half of that is far enough from the edge, and no faster when larger.
pub(crate) const BATCH_KEYS_MAX: usize = 256;
/// Bytes of one value. Sixteen neighbours beyond 8 KiB each end up in a blob file of sled, which is never synced and
/// may leak.
pub(crate) const VALUE_MAX: usize = 4096;

/// Bytes of values that are applied between two flushes, but for a batch that alone has more; and
/// [`BATCH_KEYS_MAX`] keys.
///
/// sled 0.34.7 writes its log on seven threads of its own. While it asks for room at the end of the file it holds a lock
/// that each of these writes needs, and waits for a truncation that was handed to the same threads before: with seven
/// writes under way, nobody is left to truncate, and it waits for ever. (Seen after 10⁶ batches that were flushed only now
/// and then; `segment.rs`, `bump_tip`.) A flush waits for all writes. A batch of 256 small records makes two or three of
/// 512 KiB, so between two flushes there are never seven.
pub(crate) const UNFLUSHED_MAX: usize = 512 << 10;

/// A key, made in `keys.rs`.
pub(crate) type Key = Vec<u8>;
/// What is put under a key; `None` removes it.
pub(crate) type Value = Option<Vec<u8>>;

/// What is written together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Writes(BTreeMap<Key, Write>);

/// What becomes of a key.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) value: Value,
    pub(crate) before: Before,
}

/// What is known of a key before the batch. It saves a read: the [seal](crate::engine::seal) has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Unknown,
    /// There is no such key.
    Absent,
}

impl Writes {
    pub(crate) fn put(&mut self, key: Key, value: Vec<u8>) {
        self.write(key, Some(value), Before::Unknown);
    }

    /// Puts a key that is not there, unless it is there by this batch.
    pub(crate) fn put_new(&mut self, key: Key, value: Vec<u8>) {
        self.write(key, Some(value), Before::Absent);
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.write(key, None, Before::Unknown);
    }

    fn write(&mut self, key: Key, value: Value, before: Before) {
        let length = value.as_ref().map_or(0, Vec::len);
        assert!(length <= VALUE_MAX, "a value of {length} bytes, of at most {VALUE_MAX}");
        // What was known at the first write of the batch holds for all of them.
        self.0.entry(key).or_insert(Write { value: None, before }).value = value;
    }

    pub(crate) fn has_prefix(&self, prefix: &[u8]) -> bool {
        self.0.range(prefix.to_vec()..).next().is_some_and(|(key, _)| key.starts_with(prefix))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All keys, and what becomes of them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&[u8], &Write)> {
        self.0.iter().map(|(key, write)| (&key[..], write))
    }

    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.0.values().filter_map(|write| write.value.as_ref()).map(Vec::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = (Key, Value)> {
        // The seal of a batch comes on top.
        assert!(self.len() <= BATCH_KEYS_MAX + 1, "a batch of {} keys, of at most {BATCH_KEYS_MAX}", self.len());
        self.0.into_iter().map(|(key, write)| (key, write.value))
    }
}

/// Is shown a key and its value, and says whether it wants more.
pub(crate) type Each<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// What the store needs of an engine. One thread uses it.
///
/// Batches reach the disk in their order: after a crash, what is there is the effect of the first *n* of them, whole,
/// where *n* counts at least those that were synced (or flushed, if only the process died).
pub(crate) trait Kv: Send {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError>;

    /// Shows the keys that begin with `prefix` and are not below `from`, in their order, until `each` breaks.
    fn scan(&self, prefix: &[u8], from: &[u8], each: &mut Each<'_>) -> Result<(), KvError>;

    /// Shows the keys that begin with `prefix` and are below `before`, the last one first, until `each` breaks.
    fn scan_back(&self, prefix: &[u8], before: &[u8], each: &mut Each<'_>) -> Result<(), KvError>;

    /// Writes atomically; readers of this handle see it at once. Between two flushes, no more than [`BATCH_KEYS_MAX`] keys
    /// and [`UNFLUSHED_MAX`] bytes, or one batch.
    fn apply(&mut self, writes: Writes) -> Result<(), KvError>;

    /// Writes these one after the other, not as a batch: after a crash, the first of them may be there without those
    /// behind it. Otherwise as [`apply`](Self::apply).
    fn apply_in_turn(&mut self, writes: Vec<(Key, Value)>) -> Result<(), KvError>;

    /// What was applied survives the death of this process.
    fn flush(&mut self) -> Result<(), KvError>;

    /// What was flushed survives a power cut.
    fn sync(&mut self) -> Result<(), KvError>;

    /// Writes down, beside the engine, what was flushed and what was synced. Nothing is acknowledged before.
    fn attest(&mut self) -> Result<(), KvError> {
        Ok(())
    }
}

/// The engine failed; what it was doing may have happened or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KvError {
    #[error("the disk is full ({0})")]
    Full(String),
    #[error("reading or writing failed ({0})")]
    Io(String),
    #[error("the files of the store are damaged ({0})")]
    Corrupt(String),
    #[error("the folder of the store is not there any more ({0})")]
    Gone(String),
    /// What it left behind is not known, so it is not called again.
    #[error("reading or writing the files panicked ({0})")]
    Panicked(String),
    /// The same.
    #[error("reading or writing the files has not come back for {0:?}")]
    Hung(Duration),
}

impl KvError {
    /// Whether the engine is not called any more, to read neither.
    pub(crate) const fn ends_engine(&self) -> bool {
        matches!(self, Self::Panicked(_) | Self::Hung(_))
    }
}

impl From<std::io::Error> for KvError {
    fn from(error: std::io::Error) -> Self {
        Self::of_kind(error.kind(), error.to_string())
    }
}

impl KvError {
    fn of_kind(kind: std::io::ErrorKind, reason: String) -> Self {
        match kind {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full(reason),
            // Nothing is wrong with the disk: a file is shorter than another one says.
            std::io::ErrorKind::UnexpectedEof => Self::Corrupt(format!("a file was cut short: {reason}")),
            _ => Self::Io(reason),
        }
    }

    /// Of what the engine said in words: when it panicked, or took an error of the operating system for one of its own.
    /// Where the words name such an error, that one is what happened; otherwise the files are not what they should be.
    pub(crate) fn of_words(reason: String) -> Self {
        match os_error(&reason) {
            Some(error) => Self::of_kind(error.kind(), reason),
            None => Self::Corrupt(reason),
        }
    }
}

/// The error of the operating system that is shown in a text, as `Debug` or `Display` of an `io::Error` show it.
fn os_error(text: &str) -> Option<std::io::Error> {
    let code = ["Os { code: ", "(os error "].into_iter().find_map(|before| {
        let (_, code) = text.split_once(before)?;
        let end = code.find(|next: char| !next.is_ascii_digit())?;
        code[..end].parse().ok()
    });
    code.map(std::io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_operating_system_is_told_from_damage_by_whatever_words_it_comes_in() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(matches!(KvError::from(full), KvError::Full(_)));
        let short = std::io::Read::read_exact(&mut &[7][..], &mut [0; 2]).unwrap_err();
        assert!(matches!(KvError::from(short), KvError::Corrupt(_)), "a file that was cut short is damage");
        for (code, is_full) in [(28, true), (122, true), (5, false), (30, false), (24, false)] {
            let error = std::io::Error::from_raw_os_error(code);
            for words in [
                format!("called `Result::unwrap()` on an `Err` value: {error:?}"),
                format!("could not write the snapshot: {error}"),
                format!("Io({error:?})"),
            ] {
                let told = KvError::of_words(words.clone());
                assert_eq!(
                    (matches!(told, KvError::Full(_)), matches!(told, KvError::Io(_))),
                    (is_full, !is_full),
                    "{words}"
                );
            }
        }
        for words in ["index out of bounds: the len is 1 but the index is 2", "Os { code: many }", "(os error "] {
            assert!(matches!(KvError::of_words(words.into()), KvError::Corrupt(_)), "{words}");
        }
    }
}
