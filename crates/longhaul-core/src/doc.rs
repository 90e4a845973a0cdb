//! What the examples in the documentation share.

use crate::{
    Codec, Envelope, Event, Kind, NewRun, Priority, Queue, RetryPolicy, Run, RunId, ServerId, Timestamp,
    admission::{Backlog, DuePosition, LimitGroup},
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
    decide(NOW, &run(), &Event::Claim { server: SERVER }).expect("it is due").next
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

/// The same, of the limit group of [`run`].
pub fn lines(count: u8) -> impl Iterator<Item = Backlog<'static, std::vec::IntoIter<DuePosition>>> {
    static LANE: std::sync::OnceLock<LimitGroup> = std::sync::OnceLock::new();
    std::iter::once(Backlog {
        limit_group: LANE.get_or_init(|| LimitGroup::of(&run())),
        positions: positions(count).into_iter(),
    })
}
