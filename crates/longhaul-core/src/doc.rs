//! What the examples in the documentation share.

use crate::{
    Codec, Envelope, Event, Kind, NewRun, Priority, Queue, RetryPolicy, Run, RunId, ServerId, Timestamp,
    admission::{DuePosition, DueRuns},
    admit,
    code::{CodeMark, KindSupport},
    decide,
    history::Actor,
    shape,
    store::ServerBeat,
};

/// 2027-01-15 08:00 UTC.
pub const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
/// A server.
pub const SERVER: ServerId = ServerId::from_bytes([9; 16]);

/// A stored 7.
pub fn value() -> Envelope {
    Envelope::encode(&7_u32, Codec::Bincode, 1, shape::fingerprint_of::<u32>()).expect("a number can be encoded")
}

/// A run of the kind `demo`, due at once.
pub fn new_run() -> NewRun {
    NewRun {
        id: RunId::new(NOW, [1; 10]),
        kind: Kind::new("demo").expect("a good name"),
        version: 1,
        queue: Queue::default(),
        priority: Priority(0),
        tags: [].into(),
        policy: RetryPolicy::default(),
        timeout: None,
        due: None,
        constraints: None,
        metadata: value(),
        execution_metadata: None,
        by: Actor::UNKNOWN,
    }
}

/// The same, as a store keeps it.
pub fn run() -> Run {
    admit(NOW, &new_run()).0
}

/// The same, claimed by [`SERVER`].
pub fn running() -> Run {
    decide(NOW, &run(), &Event::Claim { server: SERVER, begins: true }).expect("it is due").next
}

/// Code that reads `demo`.
pub fn kinds() -> Vec<KindSupport> {
    vec![KindSupport { kind: new_run().kind, version: 1, mark: CodeMark::default() }]
}

/// [`SERVER`] lives.
pub fn beat() -> ServerBeat {
    ServerBeat::new(SERVER, "demo", std::time::Duration::from_secs(30))
}

/// So many due runs, in their order.
pub fn positions(count: u8) -> Vec<DuePosition> {
    (0..count).map(|n| DuePosition::new(Priority(0), NOW, RunId::from_bytes([n; 16]))).collect()
}

/// So many runs of the kind `demo`, due at [`NOW`].
pub fn due(count: u8) -> DueRuns {
    let due: Vec<Run> = (0..count).map(|n| Run { id: RunId::from_bytes([n; 16]), ..run() }).collect();
    DueRuns::of(NOW, &due)
}
