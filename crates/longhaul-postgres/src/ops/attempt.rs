//! What begins, checkpoints and ends of attempts have in common.

use longhaul_core::{Envelope, Epoch, Event, IllegalEvent, Progress, StateKind, Timestamp};

use crate::change::Change;

/// Whether this attempt still executes the run.
pub(super) fn holds(change: &Change, epoch: Epoch) -> bool {
    change.state() == StateKind::Running && change.kept.stored.run.epoch == epoch
}

pub(super) fn save(
    now: Timestamp,
    change: &mut Change,
    (epoch, seq): (Epoch, u32),
    (value, taken): (&Envelope, &[u64]),
    progress: Option<&Progress>,
    proves: bool,
) {
    let before = &change.kept.stored.execution_metadata;
    let changed = (before.as_ref() != Some(value)).then(|| value.schema_version());
    match change.decide(now, &Event::Checkpoint { epoch, seq, changed, proves, taken: taken.to_vec() }) {
        Ok(_) => {
            let stored = &mut change.kept.stored;
            change.written.execution_metadata |= stored.set_execution_metadata(Some(value.clone()));
            if let Some(progress) = progress {
                stored.run.progress = Some(progress.clone());
            }
        }
        // A repeat, or one that was overtaken: what is kept is at least as new.
        Err(IllegalEvent::Superseded { .. }) => {}
        Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
    }
}

pub(super) fn tell(change: &mut Change, progress: Option<&Progress>) {
    if let Some(progress) = progress {
        let run = &mut change.kept.stored.run;
        run.progress = Some(progress.clone());
        run.revision += 1;
        change.touch();
    }
}
