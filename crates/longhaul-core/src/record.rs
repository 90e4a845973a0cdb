//! The frozen bytes of what a store keeps: for people who write a store.
//!
//! A store may keep its indexes as it likes. What they all share is how a run, its values, its log and the controls are
//! encoded, so that any store can read what another one wrote, and a release can read what every earlier release wrote.
//!
//! | what | written by | read by | version byte |
//! | --- | --- | --- | --- |
//! | a run | [`write`](write()) | [`read`] | 1, or 2 if it has sections |
//! | one value of a run, apart from its record | [`Values`] | [`RecordedRun::stored`] | each value has its own |
//! | a page of the log of an attempt | [`write_log`] | [`read_log`] | 1 |
//! | pauses and limits of a queue or a kind | [`write_control`] | [`read_control`] | 1 |
//! | what is known of a kind without its code | [`write_kind`] | [`read_kind`] | 1 |
//! | the recent starts of a rate limit | [`write_bucket`] | [`read_bucket`] | 2; a 1 is still read |
//! | a run, a control or a schedule as a line of text | [`run_line`], [`control_line`], [`schedule_line`] | [`read_line`] | [`LINES_VERSION`] |
//!
//! # What is frozen, and what may grow
//!
//! Bytes that a release wrote are read by every later release. The types behind them are never changed: no field is
//! added, removed, reordered or given another type, and variants are only appended. What a run has beyond format 1 goes
//! into a section of its own, with a tag that is never reused. A run that has none of the later sections is still written
//! as format 1, byte by byte, so older code can read it. A section that this code does not know is an error, never
//! skipped: dropping it would lose what it says. `tests/golden/record/` holds one file for each form; none of them is
//! ever changed.
//!
//! The functions and types of this module may grow as those of the rest of the crate may: a new release can add a
//! [`Part`], and then [`Part::COUNT`] is larger.
//!
//! # What a store adds
//!
//! - Where the bytes are. A value that is too large for its record, or is kept in a column of its own, stands apart: the
//!   record holds an [`Apart`] with its length and its checksum, and the store finds the bytes by run and [`Part`].
//! - A key. The checksum of a record covers the run's id, that of a control or of a log page covers the key that the store
//!   keeps it under, so bytes that ended up in the wrong place are noticed.
//!
//! ```
//! use longhaul_core::{StoredRun, doc, record::{self, Apart, Damage, Part, Values}};
//!
//! let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
//! let values = Values::of(&stored);
//!
//! // The metadata gets a column of its own, everything else stands in the record.
//! let column = values.get(Part::Metadata).expect("every run has it").to_vec();
//! let mut apart = [None; Part::COUNT];
//! apart[Part::Metadata as usize] = Some(Apart::of(&column));
//! let bytes = record::write(&stored, &values, &apart);
//!
//! let read = record::read(stored.run.id, &bytes)?.stored(&mut |part, apart| {
//!     assert!(part == Part::Metadata && apart.matches(&column));
//!     Ok::<_, Damage>(column.clone())
//! })?;
//! assert_eq!(read, stored);
//! # Ok::<(), Damage>(())
//! ```

mod blob;
mod bucket;
mod bytes;
mod constraints;
mod control;
mod damage;
mod ended;
mod family;
mod fields;
mod history;
mod inbox;
mod kind;
mod line;
mod log;
mod part;
mod sections;
mod tags;
mod tail;
mod v1;
mod values;

pub use self::{
    bucket::{read_bucket, write_bucket},
    control::{read_control, write_control},
    damage::Damage,
    kind::{read_kind, write_kind},
    line::{
        LINES_FORMAT, LINES_VERSION, LINES_VERSION_MIN, Line, LineError, control_line, header_line, read_header,
        read_line, run_line, schedule_line,
    },
    log::{read_log, write_log},
    part::{Apart, Part},
    v1::{RecordedRun, read, write},
    values::Values,
};
