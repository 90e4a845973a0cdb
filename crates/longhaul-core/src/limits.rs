//! Every limit, with its reason. What is beyond one is refused where it enters, and nowhere else.

/// Metadata of a run, encoded. What was asked for is a request, not a file: put large input elsewhere and its address
/// in here. 1 MiB is 256 chunks of the embedded store, one commit.
pub const METADATA_MAX: usize = 1 << 20;
/// Execution metadata, encoded: it is written anew at each checkpoint.
pub const EXECUTION_METADATA_MAX: usize = 1 << 20;
/// A result, encoded: written once, read seldom.
pub const RESULT_MAX: usize = 4 << 20;
/// A typed error, encoded.
pub const ERROR_MAX: usize = 64 << 10;
/// The text of a failure, bytes: enough for a chain of causes; more is cut.
pub const FAILURE_MESSAGE_MAX: usize = 8 << 10;
/// A backtrace, bytes: about a hundred frames; more is cut.
pub const FAILURE_DETAILS_MAX: usize = 16 << 10;
/// The reason of a cancellation, or the why of a transition, bytes: a sentence or two; more is cut.
pub const REASON_MAX: usize = 256;
/// The name of a kind or a queue, bytes: it stands in keys, metric labels and on pages.
pub const NAME_MAX: usize = 128;
/// A tag's key or value, bytes: tags are for finding, so they stand in an index.
pub const TAG_MAX: usize = 256;
/// A key that runs share a limit by, or are unique by, bytes: an address or a digest, which stands in an index.
pub const KEY_MAX: usize = 256;
/// Labels that a run may require, or a server may have: they stand in each such run's record, which has to fit a page.
pub const LABELS_MAX: usize = 8;
/// The trace that a run comes from, bytes: W3C's `traceparent` has 55.
pub const TRACE_MAX: usize = 128;
/// Tags of one run.
pub const TAGS_MAX: usize = 16;
/// Entries in a run's history; the first is kept, of the others the latest.
pub const HISTORY_MAX: usize = 32;
/// The step or message of a progress, bytes: a line on a page; more is cut.
pub const PROGRESS_TEXT_MAX: usize = 256;
/// The unit of a progress, bytes: a word; more is cut.
pub const PROGRESS_UNIT_MAX: usize = 32;
/// Attempts of a run whose log is kept: the one that is read, and those before it that it is compared with.
pub const LOG_ATTEMPTS_MAX: u32 = 4;
/// Pages of an attempt's log: about 100 KiB. Four attempts of that are 128 keys of the embedded store, half a batch.
pub const LOG_PAGES_MAX: u32 = 32;
/// What the lines of a page weigh at most, bytes: laid down, it is one value of the embedded store, of 4 KiB.
pub const LOG_PAGE_MAX: usize = 3 << 10;
/// The text of a line of a log, bytes; more is cut.
pub const LOG_TEXT_MAX: usize = 1 << 10;
/// The target of a line of a log, bytes; more is cut.
pub const LOG_TARGET_MAX: usize = 128;
/// Runs in one answer of `list`.
pub const PAGE_MAX: usize = 1000;
/// Runs in one claim: what one server can hold ready.
pub const CLAIM_MAX: usize = 1024;
/// What a schedule consists of, laid down: its pattern, its options, and the metadata of its runs, which is that of
/// every run and should be small.
pub const SCHEDULE_MAX: usize = 64 << 10;
/// Runs that come with one change of a schedule: what a store keeps together with it in one transaction, however large
/// their metadata.
pub const SCHEDULE_RUNS_MAX: usize = 8;
/// A value that is sent with a proceed, encoded: the body of a webhook. What is larger belongs elsewhere, and its
/// address in here.
pub const PROCEED_VALUE_MAX: usize = 64 << 10;
/// Values that were sent to a run and not taken yet. Beyond it the sender is refused: a run that takes nothing must not
/// grow.
pub const INBOX_MAX: usize = 16;
/// The same in bytes. All of them stand in the run's record, and are written anew with each that comes: 64 pieces of
/// the embedded store, a quarter of a batch.
pub const INBOX_BYTES_MAX: usize = 256 << 10;
/// Idempotency keys of proceeds that a run remembers, the latest: those who send an event twice do so within minutes,
/// and 32 keys of 256 bytes are two pieces of the embedded store.
pub const PROCEED_KEYS_MAX: usize = 32;
/// What people call a kind, bytes: a heading; more is cut.
pub const TITLE_MAX: usize = 256;
/// The JSON Schema of the four types of a kind, as JSON. It is stored with the kind and loaded by every program that
/// lists kinds. 64 KiB are a few hundred fields with their descriptions; larger input belongs in a file, and its
/// address in the metadata.
pub const KIND_SCHEMA_MAX: usize = 64 << 10;

/// Signals that a run is suspended for at a time: they stand in its record. What takes more than eight names is one signal
/// with an enum as its value.
pub const AWAITED_MAX: usize = 8;
/// Runs that a run names which it waits for: they stand in its record. What waits for more makes them its children, which
/// have no such limit.
pub const AWAITED_RUNS_MAX: usize = 64;
/// Children of a run. A parent of more is a queue with another name: give it parents in between.
pub const CHILDREN_MAX: u64 = 100_000;
/// Runs above a run. A tree of children that goes deeper calls itself without an end.
pub const CHILD_DEPTH_MAX: u8 = 16;
/// Custom delays of a retry policy.
pub const DELAYS_MAX: usize = 64;

/// `text`, cut to at most `max` bytes between two characters.
///
/// ```
/// assert_eq!(longhaul_core::limits::cut("straße", 5), "stra");
/// ```
pub fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}
