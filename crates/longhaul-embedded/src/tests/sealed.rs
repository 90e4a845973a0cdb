//! The seal of a store, wherever the process or the power ends.

use std::sync::Arc;

use longhaul_core::{Clock, Timestamp};
use longhaul_testkit::TestClock;
use proptest::prelude::*;

use crate::engine::{
    kv::{
        Kv, Writes,
        sim::{End, SimDisk},
    },
    seal::{self, Digests, Seal, Sealed},
    witness::Mark,
};

fn sealed(disk: &SimDisk) -> Sealed {
    let clock = Arc::new(TestClock::starting_at(Timestamp::EPOCH));
    let mark = Mark { number: 1, at: clock.now() };
    let digests = Digests::of_all(disk, &|| ()).expect("it is readable");
    let seal = Seal { store: [7; 16], mark, digests, live_before: None };
    Sealed::anew(Box::new(disk.clone()), seal, clock, None, None).expect("it is writable")
}

/// The seal of a disk, after it was compared with all that is there.
fn checked(disk: &SimDisk) -> Seal {
    let seal = seal::of(disk).expect("it is readable").expect("there is one");
    let there = Digests::of_all(disk, &|| ()).expect("it is readable");
    let seal = seal.holding(there.live).expect("what is live is what was sealed");
    assert_eq!(seal.digests, there, "what is there is not what was sealed");
    assert_eq!(Digests::live_of(disk, &|| ()).expect("it is readable"), there.live);
    seal
}

/// A key of any sort, and what becomes of it.
fn write() -> impl Strategy<Value = (Vec<u8>, Option<Vec<u8>>)> {
    let prefix = prop::sample::select(b"mpldxwocefugrsz".to_vec());
    (prefix, 0..6_u8, prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40)))
        .prop_map(|(prefix, rest, value)| (vec![prefix, rest], value))
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Flush,
    Sync,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(write(), 1..8).prop_map(Step::Apply),
        2 => Just(Step::Flush),
        1 => Just(Step::Sync),
    ]
}

proptest! {
    #[test]
    fn a_store_is_what_its_seal_says_wherever_it_ends(
        steps in prop::collection::vec(step(), 0..40),
        power in any::<bool>(),
        luck in 0.0..1.0,
    ) {
        let disk = SimDisk::default();
        let mut kv = sealed(&disk);
        let (mut applied, mut flushed, mut synced) = (1, 1, 1);
        for step in steps {
            match step {
                Step::Apply(entries) => {
                    let mut writes = Writes::default();
                    for (key, value) in entries {
                        match value {
                            Some(value) => writes.put(key, value),
                            None => writes.remove(key),
                        }
                    }
                    kv.flush().expect("it is writable");
                    flushed = applied;
                    kv.apply(writes).expect("it is writable");
                    applied += 1;
                }
                Step::Flush => {
                    kv.flush().expect("it is writable");
                    flushed = applied;
                }
                Step::Sync => {
                    kv.sync().expect("it is writable");
                    synced = flushed;
                }
            }
        }
        let left = disk.after(if power { End::PowerCut } else { End::Killed }, luck);
        let number = checked(&left).mark.number;
        let least = if power { synced } else { flushed };
        prop_assert!((least..=applied).contains(&number), "{number} of {least} to {applied}");
    }
}

#[test]
fn a_crash_between_a_seal_and_the_one_key_of_its_batch_leaves_the_store_of_the_batch_before() {
    for end in [End::Killed, End::PowerCut] {
        let disk = SimDisk::default();
        let mut kv = sealed(&disk);
        let before = checked(&disk);
        let mut writes = Writes::default();
        writes.put(b"l1".to_vec(), b"saved".to_vec());
        kv.apply(writes).expect("it is writable");
        let numbers = [0.0, 0.4, 0.9].map(|luck| {
            let left = disk.after(end, luck);
            let written = seal::of(&left).expect("it is readable").expect("there is one");
            (written.mark.number, checked(&left).mark.number)
        });
        let number = before.mark.number;
        assert_eq!(numbers, [(number, number), (number + 1, number), (number + 1, number + 1)], "{end:?}");

        // It goes on from there.
        let left = disk.after(end, 0.4);
        let clock = Arc::new(TestClock::starting_at(Timestamp::EPOCH));
        let mut kv = Sealed::new(Box::new(left.clone()), checked(&left), clock, None, None);
        let mut writes = Writes::default();
        writes.put(b"l2".to_vec(), b"saved".to_vec());
        writes.put(b"l3".to_vec(), b"saved".to_vec());
        kv.apply(writes).expect("it is writable");
        assert_eq!(checked(&left).mark.number, number + 1);
    }
}

#[test]
fn a_key_that_an_opening_does_not_read_is_written_together_with_its_seal() {
    for prefix in *b"mpldxwocenfugrsz" {
        let disk = SimDisk::default();
        let mut kv = sealed(&disk);
        let mut writes = Writes::default();
        writes.put(vec![prefix, 1], vec![prefix; 9]);
        kv.apply(writes).expect("it is writable");
        let seal = seal::of(&disk).expect("it is readable").expect("there is one");
        assert_eq!(seal.live_before.is_none(), b"defoxz".contains(&prefix), "{}", char::from(prefix));
        for luck in [0.0, 0.4, 0.9] {
            checked(&disk.after(End::PowerCut, luck));
        }
    }
}

/// A store with a key of each sort.
fn with_keys() -> SimDisk {
    let disk = SimDisk::default();
    let mut kv = sealed(&disk);
    let mut writes = Writes::default();
    for prefix in *b"mpldxwocefugrsz" {
        writes.put(vec![prefix, 1], vec![prefix; 9]);
    }
    kv.apply(writes).expect("it is writable");
    checked(&disk);
    disk
}

#[test]
fn a_key_that_is_missing_or_has_an_older_value_or_too_much_does_not_fit_to_the_seal() {
    let fits = |disk: &SimDisk| {
        let seal = seal::of(disk).expect("it is readable").expect("there is one");
        Digests::of_all(disk, &|| ()).expect("it is readable") == seal.digests
    };
    for prefix in *b"mpldxwocefugrsz" {
        let disk = with_keys();
        disk.tamper(&[prefix, 1], |value| value[3] ^= 1);
        assert!(!fits(&disk), "{prefix} changed");
        disk.tamper(&[prefix, 1], |value| value[3] ^= 1);
        assert!(fits(&disk));
        disk.forget(&[prefix, 1]);
        assert!(!fits(&disk), "{prefix} is missing");
        disk.insert(vec![prefix, 2], vec![prefix; 9]);
        assert!(!fits(&disk), "{prefix} has another name");
    }
}

#[test]
fn nobody_sees_the_seal_among_the_keys() {
    let disk = SimDisk::default();
    let kv = sealed(&disk);
    let mut seen = Vec::new();
    kv.scan(&[], &[], &mut |key, _| {
        seen.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    })
    .expect("it is readable");
    assert_eq!(seen, Vec::<Vec<u8>>::new());
    assert!(disk.keys().len() > 1, "it is there");
}
