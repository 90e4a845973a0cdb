//! What holds back queues and kinds.

use crate::{
    control::{Control, ControlChange, Controls, Scope},
    store::StoreError,
};

port! {
    ($) forward_control_store;

    /// What holds back queues and kinds: pauses, limits, rates and weights.
    pub trait ControlStore {
        /// Changes what holds back a queue or a kind, and answers what holds now. Claims that wait see it at once; what
        /// runs already runs on.
        Control: async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError>;

        /// All that holds back queues and kinds.
        Controls: async fn controls(&self) -> Result<Controls, StoreError>;
    }
}
