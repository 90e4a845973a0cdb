//! What the frozen values have in common: a version byte, the encoding, a checksum.

use bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use serde::{Deserialize, Serialize};

use crate::limits::RESULT_MAX;

/// What a record may claim to hold, in bytes of memory: a length beyond it is refused before anything is allocated, or
/// damaged bytes would end the process. All values of a run that are as large as they may be take less than a third of it.
const CLAIM_MAX: usize = RESULT_MAX * 8;

pub(super) const VERSION: u8 = 1;
pub(super) const CONFIG: Configuration<LittleEndian, Varint, Limit<CLAIM_MAX>> = standard().with_limit::<CLAIM_MAX>();

/// A value behind a version byte.
pub(super) fn versioned(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    append(&mut bytes, value);
    bytes
}

pub(super) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    bincode::serde::encode_into_std_write(value, bytes, CONFIG).expect("our own records can be encoded");
}

/// Reads a value behind its version byte; bytes behind the value are an error.
pub(super) fn read_versioned<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match read_prefix(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(format!("{} bytes are left over", rest.len())),
    }
}

/// Reads a value behind its version byte, and returns the bytes behind the value too.
pub(super) fn read_prefix<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    match bytes.split_first() {
        Some((&VERSION, body)) => read_next(body),
        Some((version, _)) => Err(format!("it has format {version}, this code reads {VERSION}")),
        None => Err("it is empty".into()),
    }
}

/// Reads a value, and returns the bytes behind it too.
pub(super) fn read_next<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG).map_err(|error| error.to_string())?;
    Ok((value, &bytes[used..]))
}

/// The checksum of a value that is kept under `key`.
pub(super) fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(key);
    hash.update(body);
    hash.finalize()
}
