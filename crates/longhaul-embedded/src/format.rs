//! All bytes of the files that are the folder's own: keys, pages, lists, pieces. What they have in common with every
//! other store, the records, is in [`longhaul_core::record`].

pub(crate) mod blamed;
pub(crate) mod chunked;
pub(crate) mod claim_page;
pub(crate) mod family;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod page;
pub(crate) mod pieces;
pub(crate) mod unique;
pub(crate) mod version;
