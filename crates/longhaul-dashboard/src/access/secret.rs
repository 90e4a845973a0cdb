//! What is known to two only.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A token, or a name with its password. It is compared in a time that does not depend on where it differs.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// Whether this is it.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        // Of both a digest is compared: it has the same length for all, and tells nothing when it differs.
        let digest = |of: &[u8]| keyed(b"longhaul-dashboard: compare").chain_update(of);
        digest(self.0.as_bytes()).verify(&digest(given).finalize().into_bytes()).is_ok()
    }

    /// A signature of `message` that only who has the secret can make, in hexadecimal.
    pub(crate) fn sign(&self, message: &str) -> String {
        let signature = keyed(self.0.as_bytes()).chain_update(message).finalize().into_bytes();
        signature.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length will do")
}
