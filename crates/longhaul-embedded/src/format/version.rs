//! The format of a store.

/// The format of the keys and values of a store. A store of a newer one is not touched.
///
/// 2: records may have sections; see `longhaul_core::record`.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// What stands under [`keys::FORMAT`](super::keys::FORMAT): the format, and who wrote it.
pub(crate) fn format_value() -> Vec<u8> {
    [&FORMAT_VERSION.to_be_bytes()[..], b"longhaul ", env!("CARGO_PKG_VERSION").as_bytes()].concat()
}
