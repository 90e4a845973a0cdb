//! Tags. Frozen: a version byte of 1, then pairs of texts.

use std::sync::Arc;

use super::bytes::{read_versioned, versioned};
use crate::name::Tag;

pub(super) fn tags_bytes(tags: &[Tag]) -> Vec<u8> {
    versioned(&tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect::<Vec<_>>())
}

pub(super) fn read_tags(bytes: &[u8]) -> Result<Arc<[Tag]>, String> {
    let tags: Vec<(Box<str>, Box<str>)> = read_versioned(bytes)?;
    Ok(tags.into_iter().map(|(key, value)| Tag { key, value }).collect())
}
