//! What the order of its key means for a run.

use super::AfterFailure;
use crate::{lineage::Lineage, name::Key, run::Run, state::StateKind, time::Timestamp};

impl Run {
    /// The key whose order it keeps.
    pub fn order_key(&self) -> Option<&Key> {
        self.constraints().ordered.as_ref().map(|ordered| &ordered.key)
    }

    /// From when on it may be claimed; `None`: not by the passing of time. A run that is behind another one of its order
    /// key has no such time.
    ///
    /// ```
    /// use longhaul_core::{Run, doc, order::OrderTurn};
    ///
    /// let behind = OrderTurn { position: 7, behind: true, dismissed: false };
    /// assert_eq!(Run { turn: Some(behind), ..doc::run() }.due(), None);
    /// assert_eq!(doc::run().due(), doc::run().state.due());
    /// ```
    pub fn due(&self) -> Option<Timestamp> {
        if self.is_behind() { None } else { self.state.due() }
    }

    /// Whether another run of its order key has the turn, and it waits for that one's end.
    pub fn is_behind(&self) -> bool {
        self.turn.is_some_and(|turn| turn.behind) && !self.state.is_final()
    }

    /// Whether the others of its order key wait for it: it is the first of those that are not final, or it has
    /// [stopped](AfterFailure::Stop) its key.
    pub fn has_turn(&self) -> bool {
        match self.turn {
            Some(turn) if self.state.is_final() => !turn.behind && self.stops_key(),
            Some(turn) => !turn.behind,
            None => false,
        }
    }

    /// It waits for its turn only if another run has it: of a run that is a retry.
    ///
    /// ```
    /// use longhaul_core::{OrderTurn, Run, doc};
    ///
    /// let mut run = Run { turn: Some(OrderTurn::new(doc::NOW, None, true)), ..doc::run() };
    /// run.wait_if(false);
    /// assert!(run.has_turn());
    /// ```
    pub fn wait_if(&mut self, is_taken: bool) {
        if let Some(turn) = &mut self.turn {
            turn.behind &= is_taken;
        }
    }

    /// Another run of its order key has the turn: it waits, or, if it is final, stops the key no more.
    ///
    /// ```
    /// use longhaul_core::{Run, doc, order::OrderTurn};
    ///
    /// let mut run = Run { turn: Some(OrderTurn { position: 7, behind: false, dismissed: false }), ..doc::run() };
    /// run.yield_turn();
    /// assert!(run.is_behind() && !run.has_turn());
    /// ```
    pub fn yield_turn(&mut self) {
        let is_final = self.state.is_final();
        if let Some(turn) = &mut self.turn {
            turn.behind |= !is_final;
            turn.dismissed |= is_final;
        }
    }

    /// Whether it failed for good, and no other run of its order key starts until it is retried, dismissed or deleted. No
    /// retention removes it before that.
    pub fn stops_key(&self) -> bool {
        let Lineage { successor, .. } = self.lineage;
        let stops = self.constraints().ordered.as_ref().map(|ordered| ordered.after_failure);
        self.state.kind() == StateKind::Failed
            && stops == Some(AfterFailure::Stop)
            && self.turn.is_some_and(|turn| !turn.dismissed && !turn.behind)
            && successor.is_none()
    }
}
