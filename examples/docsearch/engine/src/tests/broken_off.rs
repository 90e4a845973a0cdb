//! However the work is broken off, what comes out is the same.

use std::cell::Cell;

use super::*;
use crate::segment::SLICES;

#[test]
fn a_build_that_goes_on_in_a_new_process_after_every_unit_ends_the_same() {
    let bench = Bench::of_seven_pages();
    let uninterrupted = cursors(&bench.engine("a", 2));
    let mut progress = Progress::default();
    for expected in &uninterrupted[1..] {
        progress = step(&bench.engine("b", 2), &progress);
        assert_eq!(&progress, expected);
    }
    assert_eq!(bench.files_of("a"), bench.files_of("b"));
}

#[test]
fn a_unit_whose_checkpoint_was_lost_is_done_again_and_changes_nothing() {
    let bench = Bench::of_seven_pages();
    let uninterrupted = cursors(&bench.engine("a", 2));
    let mut progress = Progress::default();
    while !matches!(progress.step, Step::Done(_)) {
        let once = step(&bench.engine("b", 2), &progress);
        let before = bench.files_of("b");
        let again = step(&bench.engine("b", 2), &progress);
        assert_eq!(once, again);
        assert_eq!(bench.files_of("b"), before);
        progress = again;
    }
    assert_eq!(progress, *uninterrupted.last().unwrap());
    assert_eq!(step(&bench.engine("b", 2), &progress), progress, "what is done stays done");
}

#[test]
fn a_build_told_to_stop_at_any_look_has_changed_nothing_and_goes_on() {
    let bench = Bench::of_seven_pages();
    let expected = bench.build("a", 3);
    for look in 0.. {
        let (label, looks, stopped) = (format!("b{look}"), Cell::new(0), Cell::new(false));
        let stop = || {
            stopped.set(looks.replace(looks.get() + 1) == look);
            stopped.get()
        };
        let mut progress = Progress::default();
        while !matches!(progress.step, Step::Done(_)) {
            let engine = bench.engine(&label, 3);
            let next = engine.advance(&progress, &stop).unwrap();
            assert!(next.is_some() || stopped.get());
            progress = next.unwrap_or(progress);
        }
        assert_eq!(progress.step, Step::Done(expected.clone()), "stopped at look {look}");
        assert!(bench.files_of(&label).iter().all(|(name, _)| !name.contains("unfinished")));
        if looks.get() <= look {
            assert!(look > 10, "there must be looks within every step");
            return;
        }
    }
}

#[test]
fn a_segment_that_outlived_its_checkpoint_is_kept_at_another_pace() {
    let bench = Bench::of_seven_pages();
    let listed = step(&bench.engine("a", 2), &Progress::default());
    step(&bench.engine("a", 2), &listed);
    let after = step(&bench.engine("a", 5), &listed);
    assert_eq!(after.files_done, 2);
    assert_eq!(finish(&bench.engine("a", 5), after).unwrap(), bench.build("b", 7));
}

#[test]
fn the_index_does_not_depend_on_the_pace() {
    let bench = Bench::of_seven_pages();
    let expected = bench.build("7", 7);
    for batch in 1..7 {
        assert_eq!(bench.build(&batch.to_string(), batch), expected);
    }
}

#[test]
fn what_was_read_stays_as_it_was_read() {
    let bench = Bench::of_seven_pages();
    let uninterrupted = bench.build("a", 2);
    let listed = step(&bench.engine("b", 2), &Progress::default());
    let read = step(&bench.engine("b", 2), &listed);
    bench.put("a.md", "other words");
    bench.put("0.md", "a page that came later");
    assert_eq!(step(&bench.engine("b", 2), &Progress::default()), listed);
    assert_eq!(step(&bench.engine("b", 2), &listed), read);
    assert_eq!(finish(&bench.engine("b", 2), read).unwrap(), uninterrupted);
}

#[test]
fn a_damaged_segment_is_written_again_and_a_damaged_part_is_found_out() {
    let bench = Bench::of_seven_pages();
    let expected = bench.build("a", 2);
    let build = bench.index().join("build-b");
    let listed = step(&bench.engine("b", 2), &Progress::default());
    for damage in [|bytes: &mut Vec<u8>| bytes[20] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1)] {
        step(&bench.engine("b", 2), &listed);
        change(&build.join("seg-00000001"), damage);
    }
    let mut progress = listed;
    while !matches!(progress.step, Step::Verify(..)) {
        progress = step(&bench.engine("b", 2), &progress);
    }
    let sound = fs::read(build.join("part-20")).unwrap();
    for at in 0..sound.len() {
        change(&build.join("part-20"), |bytes| bytes[at] ^= 1);
        let error = finish(&bench.engine("b", 2), progress.clone()).unwrap_err();
        assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
        fs::write(build.join("part-20"), &sound).unwrap();
    }
    assert_eq!(finish(&bench.engine("b", 2), progress).unwrap(), expected);
}

#[test]
fn a_segment_that_is_damaged_behind_its_header_is_never_merged() {
    let bench = Bench::of_seven_pages();
    let mut progress = Progress::default();
    while !matches!(progress.step, Step::Merge(_)) {
        progress = step(&bench.engine("a", 7), &progress);
    }
    let path = bench.index().join("build-a/seg-00000001");
    let sound = fs::read(&path).unwrap();
    for at in 16..sound.len() {
        change(&path, |bytes| bytes[at] ^= 0x81);
        for slice in 0..SLICES {
            // What was merged before the damage was met is sound, and would not be merged again.
            let _ = fs::remove_file(bench.index().join(format!("build-a/part-{slice:02}")));
        }
        let error = finish(&bench.engine("a", 7), progress.clone()).unwrap_err();
        assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
        fs::write(&path, &sound).unwrap();
    }
}
