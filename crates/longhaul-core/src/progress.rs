//! How far a run is, for people.

use crate::limits::{PROGRESS_TEXT_MAX, cut};

/// How far a run is, as its task told last. For people to look at: what a run needs to go on belongs into its
/// execution metadata.
///
/// ```
/// use longhaul_core::Progress;
///
/// let progress = Progress { done: 9, total: Some(4), ..Progress::default() };
/// assert_eq!(progress.clamped().done, 4);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done now: "exporting".
    pub step: Box<str>,
    /// Units done.
    pub done: u64,
    /// Units in all, if known. Never less than `done` when read through [`clamped`](Progress::clamped).
    pub total: Option<u64>,
    /// A line for the person who waits.
    pub message: Box<str>,
}

impl Progress {
    /// This progress with its texts cut to 256 bytes and `done` no larger than `total`.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        for text in [&mut self.step, &mut self.message] {
            if text.len() > PROGRESS_TEXT_MAX {
                *text = cut(text, PROGRESS_TEXT_MAX).into();
            }
        }
        if let Some(total) = self.total {
            self.done = self.done.min(total);
        }
        self
    }

    /// The part that is done, 0.0 to 1.0; `None` while the total is unknown.
    ///
    /// ```
    /// use longhaul_core::Progress;
    ///
    /// assert_eq!(Progress { done: 1, total: Some(4), ..Progress::default() }.fraction(), Some(0.25));
    /// assert_eq!(Progress { done: 9, total: Some(4), ..Progress::default() }.fraction(), Some(1.0));
    /// assert_eq!(Progress::default().fraction(), None);
    /// ```
    pub fn fraction(&self) -> Option<f64> {
        self.total.map(|total| if total == 0 { 1.0 } else { (self.done as f64 / total as f64).min(1.0) })
    }
}
