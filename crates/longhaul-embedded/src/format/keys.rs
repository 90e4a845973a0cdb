//! Every key that is ever written. All numbers are big-endian, so that keys sort as what they name does.
//!
//! | key | holds |
//! | --- | --- |
//! | `m format` | the store's format and who made it |
//! | `m died` | set while the runs of a dead process are being taken back: which of them are to blame |
//! | `p page` | runs that were enqueued together and did not change since |
//! | `l id` | a live run that changed, or was too large for a page |
//! | `d id` | a final run |
//! | `x id part generation chunk` | a piece of a part that is too large to stand in its run's record |
//! | `w id` | the pieces of this run are being written or removed, in more than one batch |
//! | `o id attempt page` | a page of the log of an attempt, each by its place in its ring |
//! | `c page` | who holds which runs |
//! | `e state kind 0 since id` | runs of a kind that became final together, for the retention |
//! | `n position` | runs that became final in one batch, in the order of the batches |
//! | `m ended` | the position of the latest end that was removed |
//! | `f state since id` | the same, of all kinds, as it was written once; the next opening divides it by kind |
//! | `u kind 0 key` | the run that has this unique key though it is final, or gone, and until when |
//! | `q key` | the final run that stops this order key |
//! | `g q queue`, `g k kind` | what holds a queue or a kind back |
//! | `r q queue`, `r k kind`, `r y kind 0 key` | when the bucket of a rate is full again |
//! | `s name 0 chunk` | a schedule |
//! | `i kind 0 chunk` | what is known of a kind without its code |
//! | `m schedules` | the revision of the last change of a schedule |
//! | `k state kind 0 queue` | how many final runs there are of it, counted up to which position of `n` |
//! | `m counted` | up to which position of `n` all counts reach; without it, an opening counts anew |
//! | `t minute` | what happened in a minute of the last day |
//! | `a id` | how many children this run has |
//! | `b id first` | children of this run that were enqueued together, by the first of them |
//! | `z key` | what was under this key and was set aside at an opening, because it could not be read |
//!
//! No name holds a zero byte.

use longhaul_core::{
    Epoch, Key as Name, Kind, Queue, RunId, ScheduleName, Scope, StateKind, Timestamp, admission::Bucket, log::place,
};

use crate::engine::kv::Key;

pub(crate) const PAGE: u8 = b'p';
pub(crate) const LIVE: u8 = b'l';
pub(crate) const FINAL: u8 = b'd';
pub(crate) const CHUNK: u8 = b'x';
pub(crate) const LOG: u8 = b'o';
pub(crate) const MARK: u8 = b'w';
pub(crate) const SLOTS: u8 = b'c';
pub(crate) const ENDED: u8 = b'e';
pub(crate) const ENDS: u8 = b'n';
pub(crate) const ENDED_OF_ALL_KINDS: u8 = b'f';
pub(crate) const UNIQUE: u8 = b'u';
pub(crate) const STOPPED: u8 = b'q';
pub(crate) const CONTROL: u8 = b'g';
pub(crate) const BUCKET: u8 = b'r';
pub(crate) const SCHEDULE: u8 = b's';
pub(crate) const KIND: u8 = b'i';
pub(crate) const FINAL_COUNT: u8 = b'k';
pub(crate) const MINUTE: u8 = b't';
pub(crate) const FAMILY: u8 = b'a';
pub(crate) const CHILDREN: u8 = b'b';
pub(crate) const ASIDE: u8 = b'z';

pub(crate) const FORMAT: &[u8] = b"mformat";
pub(crate) const DIED: &[u8] = b"mdied";
pub(crate) const COUNTED: &[u8] = b"mcounted";
pub(crate) const REMOVED_ENDS: &[u8] = b"mended";
pub(crate) const SCHEDULES: &[u8] = b"mschedules";

fn key(prefix: u8, rest: &[&[u8]]) -> Key {
    let mut key = Vec::with_capacity(32);
    key.push(prefix);
    key.extend(rest.iter().copied().flatten());
    key
}

pub(crate) fn page(number: u64) -> Key {
    key(PAGE, &[&number.to_be_bytes()])
}

pub(crate) fn live(id: RunId) -> Key {
    key(LIVE, &[id.as_bytes()])
}

pub(crate) fn done(id: RunId) -> Key {
    key(FINAL, &[id.as_bytes()])
}

pub(crate) fn family(parent: RunId) -> Key {
    key(FAMILY, &[parent.as_bytes()])
}

/// Of all lists of the children of a run.
pub(crate) fn children(parent: RunId) -> Key {
    key(CHILDREN, &[parent.as_bytes()])
}

pub(crate) fn children_from(parent: RunId, first: RunId) -> Key {
    key(CHILDREN, &[parent.as_bytes(), first.as_bytes()])
}

pub(crate) fn mark(id: RunId) -> Key {
    key(MARK, &[id.as_bytes()])
}

pub(crate) fn claim_pages(page: u16) -> Key {
    key(SLOTS, &[&page.to_be_bytes()])
}

pub(crate) fn chunk(id: RunId, part: u8, generation: u8, chunk: u32) -> Key {
    key(CHUNK, &[id.as_bytes(), &[part, generation], &chunk.to_be_bytes()])
}

/// All pieces of a run.
pub(crate) fn chunks(id: RunId) -> Key {
    key(CHUNK, &[id.as_bytes()])
}

pub(crate) fn log(id: RunId, epoch: Epoch, page: u32) -> Key {
    let (attempt, page) = place(epoch.0, page);
    key(LOG, &[id.as_bytes(), &[attempt, page]])
}

/// All pages of the logs of a run.
pub(crate) fn logs(id: RunId) -> Key {
    key(LOG, &[id.as_bytes()])
}

pub(crate) fn ends(position: u64) -> Key {
    key(ENDS, &[&position.to_be_bytes()])
}

/// The position of an `n` key.
pub(crate) fn ends_of(key: &[u8]) -> Option<u64> {
    page_of(key)
}

/// All lists of runs that ended in `state`.
pub(crate) fn ended_in(state: StateKind) -> Key {
    vec![ENDED, state_byte(state)]
}

/// All lists of runs of `kind` that ended in `state`.
pub(crate) fn ended_of(state: StateKind, kind: &Kind) -> Key {
    key(ENDED, &[&[state_byte(state)], kind.as_str().as_bytes(), &[0]])
}

/// Above all lists of runs of `kind` that ended in `state`, and below those of the next kind.
pub(crate) fn ended_beyond(state: StateKind, kind: &Kind) -> Key {
    key(ENDED, &[&[state_byte(state)], kind.as_str().as_bytes(), &[1]])
}

/// All lists of runs of `kind` that ended in `state` at `since`.
pub(crate) fn ended_at(state: StateKind, kind: &Kind, since: Timestamp) -> Key {
    // The sign bit is flipped, so that times before 1970 sort before those after.
    let since = since.as_micros() as u64 ^ (1 << 63);
    [&ended_of(state, kind)[..], &since.to_be_bytes()].concat()
}

/// A list of runs of `kind` that ended in `state` at `since`, distinguished by its first run.
pub(crate) fn ended(state: StateKind, kind: &Kind, since: Timestamp, first: RunId) -> Key {
    [&ended_at(state, kind, since)[..], first.as_bytes()].concat()
}

pub(crate) fn unique(kind: &Kind, name: &Name) -> Key {
    key(UNIQUE, &[kind.as_str().as_bytes(), &[0], name.as_str().as_bytes()])
}

/// Kind and key of a `u` key.
pub(crate) fn unique_of(key: &[u8]) -> Option<(Kind, Name)> {
    pair(key.get(1..)?)
}

pub(crate) fn stopped(name: &Name) -> Key {
    key(STOPPED, &[name.as_str().as_bytes()])
}

/// The order key of a `q` key.
pub(crate) fn stopped_of(key: &[u8]) -> Option<Name> {
    Name::new(std::str::from_utf8(key.get(1..)?).ok()?).ok()
}

fn pair(bytes: &[u8]) -> Option<(Kind, Name)> {
    let (kind, name) = std::str::from_utf8(bytes).ok()?.split_once('\0')?;
    Some((Kind::new(kind).ok()?, Name::new(name).ok()?))
}

pub(crate) fn control(scope: &Scope) -> Key {
    match scope {
        Scope::Queue(queue) => key(CONTROL, &[b"q", queue.as_str().as_bytes()]),
        Scope::Kind(kind) => key(CONTROL, &[b"k", kind.as_str().as_bytes()]),
        Scope::Server(server) => key(CONTROL, &[b"s", server.to_string().as_bytes()]),
        Scope::LimitKey(kind, name) => key(CONTROL, &[b"y", &unique(kind, name)[1..]]),
    }
}

/// The scope of a `g` key.
pub(crate) fn control_of(key: &[u8]) -> Option<Scope> {
    scope(key.get(1..)?)
}

fn scope(bytes: &[u8]) -> Option<Scope> {
    let (what, name) = bytes.split_first()?;
    if *what == b'y' {
        return pair(name).map(|(kind, name)| Scope::LimitKey(kind, name));
    }
    let name = std::str::from_utf8(name).ok()?;
    match what {
        b'q' => Queue::new(name).ok().map(Scope::Queue),
        b'k' => Kind::new(name).ok().map(Scope::Kind),
        b's' => name.parse().ok().map(Scope::Server),
        _ => None,
    }
}

pub(crate) fn bucket(bucket: &Bucket) -> Key {
    match bucket {
        Bucket::Scope(scope) => [&[BUCKET], &control(scope)[1..]].concat(),
        Bucket::Key(kind, name) => [b"ry", &unique(kind, name)[1..]].concat(),
    }
}

/// The bucket of an `r` key.
pub(crate) fn bucket_of(key: &[u8]) -> Option<Bucket> {
    match key.get(1..)? {
        [b'y', rest @ ..] => pair(rest).map(|(kind, name)| Bucket::Key(kind, name)),
        rest => scope(rest).map(Bucket::Scope),
    }
}

pub(crate) fn schedule(name: &ScheduleName, chunk: u32) -> Key {
    key(SCHEDULE, &[name.as_str().as_bytes(), &[0], &chunk.to_be_bytes()])
}

/// Name and chunk of an `s` key.
pub(crate) fn schedule_of(key: &[u8]) -> Option<(ScheduleName, u32)> {
    let (name, chunk) = key.get(1..)?.split_last_chunk::<4>()?;
    let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
    Some((ScheduleName::new(name).ok()?, u32::from_be_bytes(*chunk)))
}

pub(crate) fn described(kind: &Kind, chunk: u32) -> Key {
    key(KIND, &[kind.as_str().as_bytes(), &[0], &chunk.to_be_bytes()])
}

/// Kind and chunk of an `i` key.
pub(crate) fn described_of(key: &[u8]) -> Option<(Kind, u32)> {
    let (name, chunk) = key.get(1..)?.split_last_chunk::<4>()?;
    let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
    Some((Kind::new(name).ok()?, u32::from_be_bytes(*chunk)))
}

/// How many final runs there are of a kind, in a state and a queue.
pub(crate) fn final_count(state: StateKind, kind: &Kind, queue: &Queue) -> Key {
    key(FINAL_COUNT, &[&[state_byte(state)], kind.as_str().as_bytes(), &[0], queue.as_str().as_bytes()])
}

/// State, kind and queue of a `k` key.
pub(crate) fn final_count_of(key: &[u8]) -> Option<(StateKind, Kind, Queue)> {
    let state = FINAL_STATES.into_iter().find(|state| Some(&state_byte(*state)) == key.get(1))?;
    let (kind, queue) = std::str::from_utf8(key.get(2..)?).ok()?.split_once('\0')?;
    Some((state, Kind::new(kind).ok()?, Queue::new(queue).ok()?))
}

/// The counters of a minute.
pub(crate) fn minute(minute: i64) -> Key {
    key(MINUTE, &[&minute.to_be_bytes()])
}

/// The minute of a `t` key.
pub(crate) fn minute_of(key: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

/// The states that stand in keys.
pub(crate) const FINAL_STATES: [StateKind; 3] = [StateKind::Completed, StateKind::Failed, StateKind::Cancelled];

/// Frozen: stands in keys.
pub(crate) const fn state_byte(state: StateKind) -> u8 {
    match state {
        StateKind::Completed => b'c',
        StateKind::Failed => b'f',
        StateKind::Cancelled => b'x',
        StateKind::Pending
        | StateKind::Running
        | StateKind::Retrying
        | StateKind::Suspended
        | StateKind::Incompatible => panic!("only final states stand in keys"),
    }
}

/// The id that follows the prefix, of a key that holds nothing else.
pub(crate) fn id_of(key: &[u8]) -> Option<RunId> {
    Some(RunId::from_bytes(key.get(1..)?.try_into().ok()?))
}

pub(crate) fn page_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

/// The key of the same list with another first run.
pub(crate) fn ended_with(list: &[u8], first: RunId) -> Key {
    [&list[..list.len() - 16], first.as_bytes()].concat()
}

/// What was under this key, and could not be read.
pub(crate) fn aside(original: &[u8]) -> Key {
    key(ASIDE, &[original])
}

/// The kind of the runs of an `e` key, and when they ended.
pub(crate) fn ended_of_key(key: &[u8]) -> Option<(Kind, Timestamp)> {
    let (rest, _first) = key.get(2..)?.split_last_chunk::<16>()?;
    let (kind, since) = rest.split_last_chunk::<8>()?;
    let kind = Kind::new(std::str::from_utf8(kind.strip_suffix(&[0])?).ok()?).ok()?;
    Some((kind, Timestamp::from_micros((u64::from_be_bytes(*since) ^ (1 << 63)) as i64)))
}

/// The run of an `o` key.
pub(crate) fn log_of(key: &[u8]) -> Option<RunId> {
    (key.len() == 19).then(|| RunId::from_bytes(key[1..17].try_into().expect("16 bytes")))
}

/// Run, part, generation and number of a piece.
pub(crate) fn chunk_of(key: &[u8]) -> Option<(RunId, u8, u8, u32)> {
    let (id, rest) = key.get(1..)?.split_at_checked(16)?;
    let [part, generation, number @ ..] = rest else { return None };
    Some((RunId::from_bytes(id.try_into().ok()?), *part, *generation, u32::from_be_bytes(number.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_read_back_and_sort_as_what_they_name(a: [u8; 16], b: [u8; 16], n: u32, m: u32, p: u8, at: i64, bt: i64) {
            let (a, b) = (RunId::from_bytes(a), RunId::from_bytes(b));
            prop_assert_eq!(id_of(&live(a)), Some(a));
            prop_assert_eq!(live(a).cmp(&live(b)), a.cmp(&b));
            prop_assert_eq!(page_of(&page(u64::from(n))), Some(u64::from(n)));
            prop_assert_eq!(chunk_of(&chunk(a, p, 1, n)), Some((a, p, 1, n)));
            prop_assert_eq!(chunk(a, p, 0, n).cmp(&chunk(a, p, 0, m)), n.cmp(&m));
            prop_assert!(chunk(a, p, 0, n).starts_with(&chunks(a)));
            let (at, bt) = (Timestamp::from_micros(at), Timestamp::from_micros(bt));
            let mail = Kind::new("mail").unwrap();
            let list = |at| ended(StateKind::Failed, &mail, at, a);
            prop_assert_eq!(ended_of_key(&list(at)), Some((mail.clone(), at)));
            prop_assert_eq!(list(at).cmp(&list(bt)), at.cmp(&bt));
            prop_assert!(list(at).starts_with(&ended_of(StateKind::Failed, &mail)));
            let longer = ended(StateKind::Failed, &Kind::new("mailbox").unwrap(), at, a);
            prop_assert!(list(at) < ended_beyond(StateKind::Failed, &mail));
            prop_assert!(longer > ended_beyond(StateKind::Failed, &mail));
        }
    }

    #[test]
    fn the_bytes_of_a_key_are_frozen() {
        let id = RunId::from_bytes([0xAB; 16]);
        assert_eq!(page(258), b"p\0\0\0\0\0\0\x01\x02");
        assert_eq!(chunk(id, 2, 1, 3), [&b"x"[..], &[0xAB; 16], &[2, 1, 0, 0, 0, 3]].concat());
        assert_eq!(
            ended_with(
                &ended(StateKind::Completed, &Kind::new("mail").unwrap(), Timestamp::EPOCH, RunId::from_bytes([0; 16])),
                id
            ),
            [&b"ecmail\0\x80\0\0\0\0\0\0\0"[..], &[0xAB; 16]].concat()
        );
        assert_eq!(claim_pages(1), b"c\0\x01");
        assert_eq!(ends(258), b"n\0\0\0\0\0\0\x01\x02");
        assert_eq!(ends_of(&ends(258)), Some(258));
        assert_eq!(log(id, Epoch(6), 33), [&b"o"[..], &[0xAB; 16], &[2, 1]].concat());
        assert_eq!(log_of(&log(id, Epoch(6), 33)), Some(id));
    }

    #[test]
    fn keys_of_names_are_read_back() {
        let (kind, name) = (Kind::new("mail").unwrap(), Name::new("tenant: Ä/7").unwrap());
        assert_eq!(unique_of(&unique(&kind, &name)), Some((kind.clone(), name.clone())));
        assert_eq!((stopped(&name), stopped_of(&stopped(&name))), ("qtenant: Ä/7".into(), Some(name.clone())));
        let of_key = Scope::LimitKey(kind.clone(), name.clone());
        assert_eq!(control(&of_key), "gymail\0tenant: Ä/7".as_bytes());
        assert_eq!(control_of(&control(&of_key)), Some(of_key));
        for scope in [Scope::Kind(kind.clone()), Scope::Queue(Queue::default())] {
            assert_eq!(control_of(&control(&scope)), Some(scope.clone()));
            assert_eq!(bucket_of(&bucket(&Bucket::Scope(scope.clone()))), Some(Bucket::Scope(scope)));
        }
        let count = final_count(StateKind::Failed, &kind, &Queue::default());
        assert_eq!(count, b"kfmail\0default");
        assert_eq!(final_count_of(&count), Some((StateKind::Failed, kind.clone(), Queue::default())));
        assert_eq!(minute_of(&minute(258)), Some(258));
        assert_eq!(minute(258), b"t\0\0\0\0\0\0\x01\x02");
        let of_key = Bucket::Key(kind, name);
        assert_eq!(bucket_of(&bucket(&of_key)), Some(of_key));
        let nightly = ScheduleName::new("nightly").unwrap();
        assert_eq!(schedule_of(&schedule(&nightly, 258)), Some((nightly.clone(), 258)));
        assert_eq!(schedule(&nightly, 258), b"snightly\0\0\0\x01\x02");
        let mail = Kind::new("mail").unwrap();
        assert_eq!(described_of(&described(&mail, 258)), Some((mail.clone(), 258)));
        assert_eq!(described(&mail, 258), b"imail\0\0\0\x01\x02");
    }

    #[test]
    fn bytes_that_are_no_key_of_ours_are_told_apart() {
        assert_eq!(id_of(b"l123"), None);
        assert_eq!(page_of(b"p"), None);
        assert_eq!(chunk_of(b"x"), None);
        assert_eq!(ended_of_key(b"ecmail1"), None);
    }
}
