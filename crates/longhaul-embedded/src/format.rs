//! All bytes of the files that are the folder's own: keys, pages, lists, pieces. What they have in common with every
//! other store, the records, is in [`longhaul_core::record`].

pub(crate) mod keys;
pub(crate) mod page;
pub(crate) mod pieces;
