//! Who may start after a crash, so that the guilty run is found and the innocent are not counted with it.
//!
//! When a process dies, each run that was executing without a new checkpoint may be the cause: it becomes a suspect.
//! Suspects are executed one at a time, and while one has the floor nothing else starts. One that makes a checkpoint,
//! ends, or lasts through its [`window`] gives the floor to the next. One that is alone when the process dies again is
//! guilty, and is counted. A cause that strikes later than the window is found too: the window doubles with each
//! crash that a run was a suspect in.

use std::time::Duration;

use crate::{run::Run, time::Timestamp};

/// How long a run that makes no checkpoint is watched before it counts as harmless: a run that kills its process
/// mostly does so at once, and everything else waits this long.
pub const WINDOW: Duration = Duration::from_secs(10);
/// The window doubles at most this often: to 2 h 50 min.
const DOUBLINGS_MAX: u8 = 10;

/// How long a run under this much suspicion has the floor.
///
/// ```
/// use longhaul_core::isolation::{WINDOW, window};
///
/// assert_eq!([0, 1, 2, 3].map(window), [WINDOW, WINDOW, WINDOW * 2, WINDOW * 4]);
/// ```
pub fn window(suspicion: u8) -> Duration {
    WINDOW * (1 << suspicion.saturating_sub(1).min(DOUBLINGS_MAX))
}

/// Until when this running run might still position out to kill its process; `None`: it made a checkpoint, or has lasted.
///
/// ```
/// use longhaul_core::{doc, isolation::{WINDOW, unproven_until}};
///
/// let run = doc::running();
/// assert_eq!(unproven_until(run.since, &run), Some(run.since.after(WINDOW)));
/// assert_eq!(unproven_until(run.since.after(WINDOW), &run), None); // it has lasted
/// ```
pub fn unproven_until(now: Timestamp, run: &Run) -> Option<Timestamp> {
    let until = run.since.after(window(run.suspicion));
    (!run.progressed && now < until).then_some(until)
}

/// Whether, of the runs that were executing when their process died, only one can have been the cause: it is the
/// guilty one, and [`Event::Crash`](crate::Event::Crash) counts it.
///
/// ```
/// use longhaul_core::{Run, doc, isolation::alone};
///
/// let (one, other) = (doc::running(), Run { progressed: true, ..doc::running() });
/// assert!(alone([&one, &other].into_iter())); // the other had made a checkpoint
/// assert!(!alone([&one, &one].into_iter()));
/// ```
pub fn alone<'a>(died: impl Iterator<Item = &'a Run>) -> bool {
    died.filter(|run| !run.progressed).take(2).count() == 1
}

/// Which runs may be claimed now.
///
/// ```
/// use longhaul_core::{doc, isolation::{Floor, floor}};
///
/// assert_eq!(floor(doc::NOW, false, std::iter::empty()), Floor::Open);
/// assert_eq!(floor(doc::NOW, true, std::iter::empty()), Floor::OneSuspect);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// No suspect waits or runs: any.
    Open,
    /// A suspect waits, and nothing that runs could be mistaken for it: one suspect, nothing else.
    OneSuspect,
    /// Something unproven runs: none, until it ends, makes a checkpoint, or this time comes.
    Taken {
        /// Look again then.
        until: Timestamp,
    },
}

/// Who has the floor. `suspects_waiting`: a suspect is due and could be claimed; `running`: the runs that are executing.
///
/// ```
/// use longhaul_core::{Run, doc, isolation::{Floor, floor}};
///
/// let suspect = Run { suspicion: 1, ..doc::running() };
/// assert!(matches!(floor(suspect.since, false, [&suspect].into_iter()), Floor::Taken { .. }));
/// ```
pub fn floor<'a>(now: Timestamp, suspects_waiting: bool, running: impl Iterator<Item = &'a Run>) -> Floor {
    let (mut suspect, mut other) = (None, None);
    for run in running {
        if let Some(until) = unproven_until(now, run) {
            let slot = if run.suspicion > 0 { &mut suspect } else { &mut other };
            *slot = (*slot).max(Some(until));
        }
    }
    match (suspects_waiting, suspect, other) {
        (_, Some(until), _) | (true, None, Some(until)) => Floor::Taken { until },
        (true, None, None) => Floor::OneSuspect,
        (false, None, _) => Floor::Open,
    }
}
