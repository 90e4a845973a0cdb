//! What a run has to do with the death of the process that executed it.

use longhaul_core::{Run, admission::Isolation};

/// Warns of a run during which processes died, once that makes a difference.
pub(crate) fn warn_of(before: &Run, after: &Run) {
    // Where it is staged, another warning says that it failed for good.
    if Isolation::of(after) > Isolation::of(before) {
        let how = match Isolation::of(after) {
            Isolation::LastTry => "its next attempt is its last try: its server starts nothing else for a while",
            _ => "it is a suspect: such runs are executed one at a time, beside all others",
        };
        tracing::warn!(
            run.id = %after.id, run.kind = %after.kind, deaths = after.suspicion,
            "processes died while a run was executing that had saved nothing; {how}"
        );
    }
}
