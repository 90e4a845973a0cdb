//! Runs, values and endings to test with: the same in, the same out.
//!
//! ```
//! use longhaul_core::Timestamp;
//! use longhaul_testkit::fixture::{large_value, new_run, value};
//!
//! let run = new_run(Timestamp::EPOCH, "demo", 7);
//! assert_eq!(run.metadata, value(7));
//! assert!(run.id < new_run(Timestamp::EPOCH, "demo", 8).id);
//! assert_eq!(large_value(100_000).len(), 100_000);
//! ```

use std::time::Duration;

use longhaul_core::{
    Actor, Backoff, Cause, Codec, Ending, Envelope, FailedAttempt, Kind, NewRun, Priority, Queue, RetryPolicy, RunId,
    ServerId, Timestamp, code::CodeMark, code::KindSupport, shape,
};

/// The wait after a failure of a run from [`new_run`].
pub const RETRY_WAIT: Duration = Duration::from_secs(10);
/// The code that [`support`] stands for.
pub const MARK: CodeMark = CodeMark(7);

/// A small value, told apart from others by `n`.
///
/// ```
/// use longhaul_testkit::fixture::value;
///
/// assert_ne!(value(1), value(2));
/// ```
pub fn value(n: u64) -> Envelope {
    versioned(n, 1)
}

/// A small value that code older than `version` cannot read.
///
/// ```
/// use longhaul_testkit::fixture::versioned;
///
/// assert_eq!(versioned(1, 3).schema_version(), 3);
/// ```
pub fn versioned(n: u64, version: u16) -> Envelope {
    Envelope::encode(&n, Codec::Bincode, version, shape::fingerprint_of::<u64>()).expect("a number can be encoded")
}

/// A value whose envelope has exactly `length` bytes, none of them easy to compress.
///
/// ```
/// use longhaul_testkit::fixture::large_value;
///
/// assert_eq!(large_value(100_000).len(), 100_000);
/// ```
pub fn large_value(length: usize) -> Envelope {
    let header_and_count =
        Envelope::encode(&vec![0_u8; 1 << 16], Codec::Bincode, 1, shape::fingerprint_of::<Vec<u8>>())
            .expect("bytes can be encoded")
            .len()
            - (1 << 16);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(length - header_and_count)
    .collect();
    let value = Envelope::encode(&bytes, Codec::Bincode, 1, shape::fingerprint_of::<Vec<u8>>());
    value.expect("bytes can be encoded")
}

/// The `n`th run: ids grow with `n`, and with time. It is due at once, and retried after [`RETRY_WAIT`].
///
/// ```
/// use longhaul_testkit::fixture::new_run;
///
/// let now = longhaul_core::Timestamp::EPOCH;
/// assert_eq!(new_run(now, "demo", 1).kind.as_str(), "demo");
/// ```
pub fn new_run(now: Timestamp, kind: &str, n: u64) -> NewRun {
    NewRun {
        id: run_id(now, n),
        kind: Kind::new(kind).expect("a kind that can be used"),
        version: 1,
        queue: Queue::default(),
        priority: Priority(0),
        tags: [].into(),
        policy: RetryPolicy::default().attempts(3).backoff(Backoff::Fixed(RETRY_WAIT)),
        timeout: None,
        due: None,
        constraints: None,
        metadata: value(n),
        execution_metadata: None,
        by: Actor::UNKNOWN,
    }
}

/// The id of the `n`th run.
///
/// ```
/// use longhaul_testkit::fixture::run_id;
///
/// let now = longhaul_core::Timestamp::EPOCH;
/// assert!(run_id(now, 1) < run_id(now, 2));
/// ```
pub fn run_id(now: Timestamp, n: u64) -> RunId {
    RunId::new(now, random(n))
}

/// The `n`th server.
///
/// ```
/// use longhaul_testkit::fixture::server_id;
///
/// let now = longhaul_core::Timestamp::EPOCH;
/// assert_ne!(server_id(now, 1), server_id(now, 2));
/// ```
pub fn server_id(now: Timestamp, n: u64) -> ServerId {
    ServerId::new(now, random(n))
}

fn random(n: u64) -> [u8; 10] {
    let mut random = [0; 10];
    // The first two bits of the third byte belong to the variant of the UUID; the last eight bytes are all ours.
    random[2..].copy_from_slice(&(n & !(0b11 << 62)).to_be_bytes());
    random
}

/// Code that reads `kind` up to `version`.
///
/// ```
/// use longhaul_testkit::fixture::support;
///
/// assert_eq!(support("demo", 3).version, 3);
/// ```
pub fn support(kind: &str, version: u16) -> KindSupport {
    KindSupport { kind: Kind::new(kind).expect("a kind that can be used"), version, mark: MARK }
}

/// An ending with the result `n`.
///
/// ```
/// use longhaul_testkit::fixture::completed;
///
/// assert!(completed(7).proves_progress());
/// ```
pub fn completed(n: u64) -> Ending {
    Ending::Completed { result: value(n) }
}

/// An ending that waits for a proceed.
///
/// ```
/// use longhaul_testkit::fixture::suspended;
///
/// assert!(suspended().proves_progress());
/// ```
pub fn suspended() -> Ending {
    Ending::Suspended { until: None, deadline: None }
}

/// An ending with a failure that says `message`, to be retried.
///
/// ```
/// use longhaul_testkit::fixture::failed;
///
/// use longhaul_core::{Ending, Timestamp};
///
/// let ending = failed("no route", 1, Timestamp::EPOCH);
/// assert!(matches!(ending, Ending::Failed { permanent: false, .. }));
/// ```
pub fn failed(message: &str, attempt: u32, at: Timestamp) -> Ending {
    let failure = FailedAttempt::new(Cause::Error, message, attempt, at);
    Ending::Failed { failure, retry_after: None, permanent: false }
}

/// An ending by a shutdown.
///
/// ```
/// use longhaul_testkit::fixture::interrupted;
///
/// assert!(interrupted().proves_progress());
/// ```
pub fn interrupted() -> Ending {
    Ending::Interrupted { why: "shutdown".into() }
}

/// An ending by code that could not read the values.
///
/// ```
/// use longhaul_testkit::fixture::incompatible;
///
/// use longhaul_core::Ending;
///
/// assert!(matches!(incompatible(longhaul_testkit::fixture::MARK), Ending::Incompatible { .. }));
/// ```
pub fn incompatible(by: CodeMark) -> Ending {
    Ending::Incompatible { why: "trailing bytes".into(), by }
}
