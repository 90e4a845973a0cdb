//! Whether a server lives.

use longhaul_core::{Timestamp, store::ServerBeat};

pub(super) enum Server {
    Lives {
        since: Timestamp,
        beat: ServerBeat,
    },
    /// Declared dead, or left: never again.
    Dead,
}
