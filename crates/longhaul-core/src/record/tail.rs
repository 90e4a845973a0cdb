//! What stands behind a record of format 1, and of format 2.
//!
//! ```text
//! format 1: nothing, or constraints, or constraints and pace, or constraints, pace and pending proceed
//! format 2: section …
//! section:  tag u8 | length u32, little-endian | value: bincode, standard configuration
//! ```
//! A tag names its value forever; the types are frozen as the record is. Sections stand in the order of their tags. One
//! that this code does not know is an error: dropping it would lose what it says.

use std::sync::Arc;

use super::{
    bytes::{append, read_next},
    constraints::ConstraintsV1,
    family::ParentV1,
    fields::{PaceV1, PendingProceedV1},
    part::PartV1,
    sections::{DueV1, OrderedV1, Sections, append_section, read_section, split},
};
use crate::{
    constraints::Constraints,
    name::NameError,
    run::{PendingProceed, Run},
    time::Timestamp,
};

// The tags of what format 1 has in its tail; those of `Sections` follow.
const CONSTRAINTS: u8 = 1;
const PACE: u8 = 2;
const PENDING_PROCEED: u8 = 3;

#[derive(Default)]
pub(super) struct Tail<'a> {
    pub(super) constraints: Option<ConstraintsV1<'a>>,
    pub(super) pace: Option<PaceV1>,
    pub(super) pending_proceed: Option<PendingProceedV1>,
    /// What came after format 1.
    pub(super) sections: Sections,
}

impl<'a> Tail<'a> {
    pub(super) fn of(run: &'a Run, inbox: &PartV1<'_>) -> Self {
        Self {
            constraints: run.constraints.as_deref().and_then(ConstraintsV1::of),
            pace: run.progress.as_ref().and_then(PaceV1::of),
            pending_proceed: match run.pending_proceed {
                Some(PendingProceed::At(at)) => Some(PendingProceedV1 { at: at.as_micros() }),
                Some(PendingProceed::AtOnce) | None => None,
            },
            sections: Sections::of(run, inbox),
        }
    }

    /// As format 1. What comes last is there only if it says something; what stands before it is then there in any case.
    pub(super) fn append(&self, bytes: &mut Vec<u8>) {
        let Self { constraints, pace, pending_proceed, sections: _ } = self;
        if constraints.is_some() || pace.is_some() || pending_proceed.is_some() {
            append(bytes, constraints.as_ref().unwrap_or(&ConstraintsV1::default()));
        }
        if pace.is_some() || pending_proceed.is_some() {
            append(bytes, pace.as_ref().unwrap_or(&PaceV1::default()));
        }
        if let Some(pending_proceed) = pending_proceed {
            append(bytes, pending_proceed);
        }
    }

    pub(super) fn read(mut rest: &'a [u8]) -> Result<Self, String> {
        let mut tail = Self::default();
        if !rest.is_empty() {
            let (constraints, behind) = read_next(rest).map_err(|error| format!("its constraints: {error}"))?;
            (tail.constraints, rest) = (Some(constraints), behind);
        }
        if !rest.is_empty() {
            let (pace, behind) = read_next(rest).map_err(|error| format!("its pace: {error}"))?;
            (tail.pace, rest) = (Some(pace), behind);
        }
        if !rest.is_empty() {
            let (proceed, behind) = read_next(rest).map_err(|error| format!("its pending proceed: {error}"))?;
            (tail.pending_proceed, rest) = (Some(proceed), behind);
        }
        if rest.is_empty() { Ok(tail) } else { Err(format!("{} bytes are left over", rest.len())) }
    }

    /// As format 2.
    pub(super) fn append_sections(&self, bytes: &mut Vec<u8>) {
        append_section(bytes, CONSTRAINTS, self.constraints.as_ref());
        append_section(bytes, PACE, self.pace.as_ref());
        append_section(bytes, PENDING_PROCEED, self.pending_proceed.as_ref());
        self.sections.append(bytes);
    }

    pub(super) fn read_sections(mut rest: &'a [u8]) -> Result<Self, String> {
        let (mut tail, mut last) = (Self::default(), 0);
        while !rest.is_empty() {
            let (tag, value);
            (tag, value, rest) = split(rest)?;
            if tag <= last {
                return Err(format!("its section {tag} comes after its section {last}"));
            }
            last = tag;
            match tag {
                CONSTRAINTS => tail.constraints = Some(read_section(tag, value)?),
                PACE => tail.pace = Some(read_section(tag, value)?),
                PENDING_PROCEED => tail.pending_proceed = Some(read_section(tag, value)?),
                _ => tail.sections.read(tag, value)?,
            }
        }
        Ok(tail)
    }

    pub(super) fn constraints(&self) -> Result<Option<Arc<Constraints>>, NameError> {
        let mut constraints = match &self.constraints {
            Some(constraints) => constraints.back()?,
            None => Constraints::default(),
        };
        constraints.expires = self.sections.expires.as_ref().map(DueV1::back);
        constraints.ordered = self.sections.ordered.as_ref().map(OrderedV1::back).transpose()?;
        constraints.parent = self.sections.parent.as_ref().map(ParentV1::back).transpose()?;
        (constraints.after, constraints.on_cancel) = self.sections.relations();
        constraints.batch = self.sections.batch();
        Ok((!constraints.is_empty()).then(|| Arc::new(constraints)))
    }

    pub(super) fn pending_proceed(&self) -> PendingProceed {
        match self.pending_proceed {
            Some(PendingProceedV1 { at }) => PendingProceed::At(Timestamp::from_micros(at)),
            None => PendingProceed::AtOnce,
        }
    }
}
