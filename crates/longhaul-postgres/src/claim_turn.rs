//! What claims of a handle go by. One claim after the other has it.

use longhaul_core::{
    Controls,
    admission::{Admission, Selection},
};

/// The admission, with the controls as they were when they were read last.
#[derive(Debug, Default)]
pub(crate) struct ClaimTurn {
    pub(crate) admission: Admission,
    /// The number of the controls that are in the admission.
    controls_revision: i64,
}

impl ClaimTurn {
    /// Whether the controls are those of this revision.
    pub(crate) fn is_of(&self, controls_revision: i64) -> bool {
        self.controls_revision == controls_revision
    }

    pub(crate) fn set_controls(&mut self, controls_revision: i64, controls: Controls) {
        (self.controls_revision, self.admission.controls) = (controls_revision, controls);
    }

    /// What was selected was claimed.
    pub(crate) fn commit(&mut self, selection: Option<Box<Selection>>) {
        if let Some(selection) = selection {
            self.admission.commit(*selection);
        }
    }
}
