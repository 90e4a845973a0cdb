//! The stored form, and what follows from a row, without a store.

use std::time::Duration;

use longhaul_core::{
    Backoff, Codec, Envelope, Key, Kind, Label, Overlap, Paused, Priority, Queue, RetryPolicy, Schedule, ScheduleName,
    Tag, Timestamp,
    schedule::{Exception, Exceptions, WAITING_MAX},
    shape::fingerprint_of,
};

use super::{Changed, Origin, Row, ScheduleCounts, row::Instance, runs::Runs};

const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn name() -> ScheduleName {
    ScheduleName::new("nightly").unwrap()
}

fn instance(hour: u32) -> Instance {
    Instance { at: NOW.after(hour * HOUR), by_hand: false }
}

fn row(schedule: Schedule) -> Row {
    let metadata = Envelope::encode(&7_u64, Codec::Json, 1, fingerprint_of::<u64>()).unwrap();
    Row {
        mark: schedule.timetable().unwrap().begin(NOW),
        schedule,
        runs: Runs {
            kind: Kind::new("export").unwrap(),
            version: 1,
            metadata,
            queue: Queue::default(),
            priority: Priority(0),
            tags: Vec::new(),
            requires: Vec::new(),
            limit_key: None,
            retry: RetryPolicy::default(),
            timeout: None,
        },
        origin: Origin::Client,
        changed: None,
        paused: None,
        unfinished: Vec::new(),
        waiting: Vec::new(),
        last: Vec::new(),
        counts: ScheduleCounts::default(),
        exceptions: Exceptions::default(),
    }
}

/// With something in every field.
fn full() -> Row {
    let mut row = row(Schedule::every(HOUR).overlap(Overlap::Queue));
    row.runs.priority = Priority(-5);
    row.runs.tags = vec![Tag::new("why", "audit").unwrap()];
    row.runs.requires = vec![Label::new("gpu").unwrap()];
    row.runs.limit_key = Some(Key::new("tenant 7").unwrap());
    row.runs.retry = RetryPolicy::default().attempts(3).backoff(Backoff::Fixed(HOUR)).from_the_start();
    row.runs.timeout = Some(HOUR);
    row.origin = Origin::Code { server: "billing".into(), digest: 42 };
    row.changed = Some(Changed { at: NOW, by: "ann".into() });
    row.paused = Some(Paused::new(NOW, "bob", Some("the disk is full")));
    row.unfinished = vec![instance(1)];
    row.waiting = vec![instance(2), Instance { by_hand: true, ..instance(3) }];
    row.last = vec![instance(1)];
    row.counts = ScheduleCounts { enqueued: 4, missed: 5, overlapped: 6 };
    row
}

#[test]
fn the_stored_form_is_frozen() {
    let written = String::from_utf8(full().encode().to_vec()).unwrap();
    assert_eq!(written, include_str!("golden.json").trim_end());
    assert_eq!(Row::decode(written.as_bytes()), Ok(full()));
}

#[test]
fn the_form_of_release_0_1_is_read() {
    let mut read = Row::decode(include_bytes!("golden-0.1.json")).expect("it was written once");
    // It knew nothing of instants that are still open.
    let open = std::mem::replace(&mut read.mark.open, full().mark.open);
    assert_ne!(open, full().mark.open);
    assert_eq!(read, full());
}

/// With an instant that is left out, and one that is moved.
fn excepted() -> Row {
    let mut row = full();
    let timetable = row.schedule.timetable().unwrap();
    let (left_out, moved) = (NOW.after(5 * HOUR), NOW.after(6 * HOUR));
    row.except(&timetable, NOW, Exception::new(left_out, None, "ann", Some("the audit"))).unwrap();
    row.except(&timetable, NOW, Exception::new(moved, Some(moved.after(HOUR / 2)), "bob", None)).unwrap();
    row
}

#[test]
fn exceptions_are_version_2_which_is_frozen_and_older_code_refuses() {
    let written = String::from_utf8(excepted().encode().to_vec()).unwrap();
    assert_eq!(written, include_str!("golden-2.json").trim_end());
    assert_eq!(Row::decode(written.as_bytes()), Ok(excepted()));
    assert!(written.starts_with(r#"{"v2":"#), "version 1 does not know that an instant may be left out");
    // Without them it is version 1 again.
    let mut row = excepted();
    let timetable = row.schedule.timetable().unwrap();
    row.restore(&timetable, NOW.after(5 * HOUR)).unwrap();
    row.restore(&timetable, NOW.after(6 * HOUR)).unwrap();
    assert_eq!(row.encode(), full().encode());
}

#[test]
fn another_timing_keeps_the_exceptions_of_the_instants_that_it_has() {
    let mut row = excepted();
    row.schedule = Schedule::every(3 * HOUR);
    row.retime(&row.schedule.timetable().unwrap(), NOW);
    let kept: Vec<_> = row.exceptions.iter().map(|exception| exception.instant).collect();
    assert_eq!(kept, [NOW.after(6 * HOUR)]);
    // Another policy is no other timing.
    row.schedule = row.schedule.overlap(Overlap::Allow);
    row.retime(&row.schedule.timetable().unwrap(), NOW);
    assert_eq!(row.exceptions.iter().len(), 1);
}

#[test]
fn a_step_drops_exceptions_that_are_past() {
    let mut row = excepted();
    row.paused = None;
    row.unfinished.clear();
    row.waiting.clear();
    for hour in 0..20 {
        let timetable = row.timetable().unwrap();
        let step = row.step(&name(), &timetable, NOW.after(hour * HOUR));
        assert!(step.runs.iter().all(|run| run.id != instance(5).run(&name())), "it was left out");
        row = step.row;
        row.unfinished.clear();
    }
    assert!(row.exceptions.is_empty());
}

#[test]
fn every_backoff_is_read_back() {
    let delays = Backoff::Delays([1, 60].map(Duration::from_secs).into());
    let growing = Backoff::Exponential { base: HOUR, factor: 1.1, max: 9 * HOUR, jitter: 0.3 };
    for backoff in [delays, growing, Backoff::Fixed(Duration::ZERO)] {
        let mut row = full();
        row.runs.retry.backoff = backoff;
        assert_eq!(Row::decode(&row.encode()), Ok(row));
    }
}

#[test]
fn what_is_damaged_or_of_another_version_is_refused_with_what_is_wrong() {
    let written = String::from_utf8(full().encode().to_vec()).unwrap();
    for (good, bad, expected) in [
        ("{\"v1\"", "{\"v3\"", "unknown variant `v3`"),
        ("\"kind\":\"export\"", "\"kind\":\"two words\"", "contains ' '"),
        ("\"attempts_max\":3", "\"attempts_max\":0", "attempts"),
        ("\"counts\"", "\"news\":1,\"counts\"", "unknown field `news`"),
        ("\"metadata\":\"", "\"metadata\":\"0", "cut off"),
        ("\"metadata\":\"", "\"metadata\":\"xy", "not hexadecimal"),
        ("\"metadata\":\"", "\"metadata\":\"00", ""),
    ] {
        assert!(written.contains(good), "{good}");
        let reason = Row::decode(written.replacen(good, bad, 1).as_bytes()).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_thousand_runs_that_wait_fit_beside_the_largest_schedule() {
    let mut row = full();
    let far = Timestamp::from_micros(Timestamp::MAX.as_micros() - 1);
    row.waiting = vec![Instance { at: far, by_hand: false }; WAITING_MAX as usize];
    let lists = row.encode().len() - full().encode().len();
    assert!(super::new::WRITTEN_MAX + lists <= longhaul_core::limits::SCHEDULE_MAX, "{lists}");
}

#[test]
fn instants_beyond_a_thousand_unfinished_runs_are_left_out() {
    let schedule = Schedule::every(HOUR).overlap(Overlap::Allow);
    let mut row = row(schedule);
    let timetable = row.schedule.timetable().unwrap();
    row.unfinished = vec![instance(0); WAITING_MAX as usize];
    let step = row.step(&name(), &timetable, NOW);
    assert_eq!((step.runs.len(), step.row.counts.overlapped), (0, 1));
    let refused = row.trigger(&name(), &timetable, NOW).unwrap_err().to_string();
    assert!(refused.contains("1000 runs of the schedule `nightly` are waiting"), "{refused}");
    row.unfinished.pop();
    assert_eq!(row.step(&name(), &timetable, NOW).runs.len(), 1);
}

#[test]
fn two_that_are_triggered_in_one_moment_are_two_runs() {
    let first = row(Schedule::every(HOUR).overlap(Overlap::Allow));
    let timetable = first.schedule.timetable().unwrap();
    let (run, step) = first.trigger(&name(), &timetable, NOW).unwrap();
    let (other, _) = step.row.trigger(&name(), &timetable, NOW).unwrap();
    assert_ne!(run, other);
    // Nor is either the run of the instant.
    assert!(![run, other].contains(&instance(0).run(&name())));
}

#[test]
fn the_latest_ten_runs_are_named() {
    let mut row = row(Schedule::every(HOUR).overlap(Overlap::Allow));
    let timetable = row.schedule.timetable().unwrap();
    for hour in 0..20 {
        row = row.step(&name(), &timetable, NOW.after(hour * HOUR)).row;
    }
    assert_eq!(row.last, (10..20).map(instance).collect::<Vec<_>>());
}
