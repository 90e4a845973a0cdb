//! A folder and an export that an earlier release wrote are read by this one.

use longhaul_core::store::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use longhaul_core::{
    Actor, Clock, Constraints, ControlChange, Ended, Ending, Envelope, Epoch, Key, Kind, Label, Limits, LogRequest,
    NewRun, OnConflict, Paused, Priority, Progress, Queue, Rate, RunId, ScheduleName, Scope, ServerId, Snapshot,
    StateKind, Tag, Timestamp, Unique, UniqueScope,
    log::{LogLevel, LogLine, LogPage},
    run::Due,
    store::{
        Checkpoint, ClaimRequest, Claimed, InsertError, LogPages, PageRequest, Proceed, RunUpdate, ScheduleChange,
        ServerBeat, Settlement,
    },
};
use longhaul_embedded::{EmbeddedStore, Options};
use longhaul_testkit::{
    TestClock,
    fixture::{self, MARK, RETRY_WAIT, large_value, support, value},
};

/// When the folder was written, by its clock.
const THEN: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How the kinds are called of which the folder has runs.
const KINDS: [&str; 4] = ["plain", "rated", "keyed", "parked"];

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

fn id(n: u64) -> RunId {
    fixture::run_id(THEN, n)
}

fn key(text: &str) -> Key {
    Key::new(text).expect("a good key")
}

fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a good name")
}

fn imports() -> Queue {
    Queue::new("imports").expect("a good name")
}

fn tag(name: &str, value: &str) -> Tag {
    Tag::new(name, value).expect("a good tag")
}

fn label() -> Label {
    Label::new("gpu").expect("a good label")
}

fn nightly() -> ScheduleName {
    ScheduleName::new("nightly").expect("a good name")
}

/// More than one piece of a schedule's row.
fn calendar() -> Arc<[u8]> {
    (0..6000_u32).map(|n| n as u8).collect()
}

fn progress() -> Progress {
    let (step, message) = ("exporting".into(), "halfway".into());
    Progress { step, done: 40, total: Some(100), unit: "files".into(), message, rate: Some(2.5) }
}

fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(test)
}

fn open(folder: &Path, clock: &TestClock) -> EmbeddedStore {
    EmbeddedStore::open(folder, Options::new(Arc::new(clock.clone()))).expect("the folder opens")
}

/// A store, a server that lives, and short words for what is done with them.
struct Scene {
    store: EmbeddedStore,
    clock: TestClock,
    server: ServerId,
}

impl Scene {
    async fn new(folder: &Path, server: u64, now: Timestamp) -> Self {
        let clock = TestClock::starting_at(now);
        let store = open(folder, &clock);
        let server = fixture::server_id(now, server);
        let beat = ServerBeat { labels: [label()].into(), ..ServerBeat::new(server, "golden", 1000 * DAY) };
        store.heartbeat(beat).await.expect("a new server may live");
        Self { store, clock, server }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn insert(&self, new: NewRun) -> RunId {
        let id = new.id;
        self.store.insert(vec![new]).await.expect("the store works").remove(0).expect("the run is new");
        id
    }

    async fn claim(&self, max: usize) -> Vec<Claimed> {
        let kinds: Vec<_> = KINDS.iter().map(|kind| support(kind, 1)).collect();
        let request = ClaimRequest { labels: [label()].into(), ..ClaimRequest::new(self.server, kinds.into(), max) };
        self.store.claim(request).await.expect("the store works")
    }

    async fn claim_one(&self, id: RunId) -> Claimed {
        let claimed = self.claim(1).await.pop().expect("a run is due");
        assert_eq!(claimed.run.id, id);
        claimed
    }

    async fn save(&self, claimed: &Claimed, value: Envelope, progress: Option<Progress>) {
        let (id, epoch) = (claimed.run.id, claimed.run.epoch);
        let checkpoint = Checkpoint { id, epoch, seq: 1, execution_metadata: Some(value), taken: Vec::new(), progress };
        self.store.checkpoint(vec![checkpoint]).await.expect("the store works").remove(0).expect("it holds its run");
    }

    async fn settle(&self, claimed: &Claimed, ending: Ending) {
        let (id, epoch) = (claimed.run.id, claimed.run.epoch);
        let settlement = Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None };
        self.store.settle(vec![settlement]).await.expect("the store works").remove(0).expect("it holds its run");
    }

    async fn all(&self) -> BTreeMap<RunId, Snapshot> {
        let page = self.store.list(PageRequest { limit: 1000, ..PageRequest::default() }).await;
        let page = page.expect("the store works");
        assert!(page.damaged.is_empty() && page.next.is_none(), "{page:?}");
        page.runs.into_iter().map(|run| (run.run.id, run)).collect()
    }
}

/// Writes the folder and the export anew, with the code at hand. What is in `tests/golden` is never written again: that
/// an earlier release wrote it is its worth.
///
/// `LONGHAUL_GOLDEN_TO=/somewhere cargo test -p longhaul-embedded --test golden -- --ignored`
#[test]
#[ignore = "writes the files that the other tests read"]
fn write_a_folder_and_an_export() {
    let to = PathBuf::from(std::env::var("LONGHAUL_GOLDEN_TO").expect("where to write it"));
    fs::create_dir(&to).expect("a new folder");
    block_on(write(&to));
}

#[expect(clippy::too_many_lines, reason = "one scene, in the order in which it happens")]
async fn write(to: &Path) {
    let scene = Scene::new(&to.join("store"), 1, THEN).await;
    let new = |n| fixture::new_run(THEN, "plain", n);

    // What holds runs back.
    let pause = Paused::new(THEN, "ann", Some("the disk is full"));
    scene.store.control(Scope::Queue(imports()), ControlChange::Pause(pause)).await.expect("the store works");
    let rate = Limits { rate: Some(Rate::new(1, HOUR).expect("a good rate")), ..Limits::NONE };
    scene.store.control(Scope::Kind(kind("rated")), ControlChange::Declare(rate)).await.expect("the store works");
    let limits = Limits { per_key: Some(1), running: Some(8), weight: Some(3), ..Limits::NONE };
    scene.store.control(Scope::Kind(kind("keyed")), ControlChange::Set(Some(limits))).await.expect("the store works");
    for (name, value) in [("nightly", calendar()), ("hourly", Arc::from(&b"at nine past"[..]))] {
        let name = ScheduleName::new(name).expect("a good name");
        let change = ScheduleChange { name, seen: None, value: Some(value), runs: Vec::new() };
        scene.store.schedule(change).await.expect("the name is free");
    }

    // Final runs. The unique key of the first outlives it.
    let unique = Unique { key: key("order 7"), scope: UniqueScope::For(30 * DAY), on_conflict: OnConflict::Refuse };
    let constraints = Constraints { unique: Some(unique), ..Constraints::none().clone() };
    scene.insert(NewRun { constraints: Some(Arc::new(constraints)), ..new(1) }).await;
    let claimed = scene.claim_one(id(1)).await;
    let line = |text| LogLine::new(THEN, LogLevel::Info, "golden", text);
    let pages = vec![LogPage { number: 0, first: 0, lines: vec![line("it begins"), line("it ends")] }];
    let pages = LogPages { id: id(1), epoch: claimed.run.epoch, pages };
    scene.store.log(vec![pages]).await.expect("the store works").remove(0).expect("it holds its run");
    scene.settle(&claimed, Ending::Completed { result: large_value(100_000) }).await;

    scene.insert(NewRun { by: Actor::named("ann"), execution_metadata: Some(value(20)), ..new(2) }).await;
    let claimed = scene.claim_one(id(2)).await;
    scene.save(&claimed, value(21), Some(progress())).await;
    let failure =
        longhaul_core::FailedAttempt::new(longhaul_core::Cause::Error, "no route", claimed.run.attempts, scene.now());
    scene.settle(&claimed, Ending::Failed { failure, retry_after: None, permanent: true }).await;

    scene.insert(new(3)).await;
    scene.store.cancel(id(3), Some("not needed".into()), Actor::named("bob")).await.expect("it is there");

    // Suspended, with a time and without.
    scene.insert(NewRun { tags: [tag("tenant", "7"), tag("file", "a.csv")].into(), ..new(4) }).await;
    let claimed = scene.claim_one(id(4)).await;
    scene.save(&claimed, large_value(5_000), Some(progress())).await;
    scene.settle(&claimed, fixture::suspended()).await;
    scene.insert(new(5)).await;
    let claimed = scene.claim_one(id(5)).await;
    scene.settle(&claimed, Ending::Suspended { until: Some(Due::At(THEN.after(2 * HOUR))), deadline: None }).await;

    // Retrying, and parked.
    scene.insert(new(6)).await;
    let claimed = scene.claim_one(id(6)).await;
    scene.settle(&claimed, fixture::failed("a timeout", claimed.run.attempts, scene.now())).await;
    scene.insert(fixture::new_run(THEN, "parked", 7)).await;
    let claimed = scene.claim_one(id(7)).await;
    scene.settle(&claimed, fixture::incompatible(MARK)).await;

    // A rate that is used up, and who waits for it.
    scene.insert(fixture::new_run(THEN, "rated", 8)).await;
    let claimed = scene.claim_one(id(8)).await;
    scene.settle(&claimed, fixture::completed(80)).await;
    scene.insert(fixture::new_run(THEN, "rated", 9)).await;

    // Running: with a proceed that is kept, asked to stop, with a value of its own, and as its claim left it.
    scene.insert(new(10)).await;
    let claimed = scene.claim_one(id(10)).await;
    scene.save(&claimed, large_value(5_000), Some(progress())).await;
    let proceed = Proceed {
        id: id(10),
        at: None,
        replacement: None,
        signal: None,
        value: None,
        key: None,
        by: Actor::named("a webhook"),
    };
    scene.store.proceed(proceed).await.expect("it is there");
    scene.insert(new(11)).await;
    let claimed = scene.claim_one(id(11)).await;
    scene.save(&claimed, value(110), None).await;
    let update = RunUpdate::Suspend { reason: Some("an operator asks".into()) };
    scene.store.update(id(11), update, Actor::named("ann")).await.expect("it is there");
    let constraints = Constraints { limit_key: Some(key("tenant 3")), ..Constraints::none().clone() };
    let keyed = |n| NewRun { constraints: Some(Arc::new(constraints.clone())), ..fixture::new_run(THEN, "keyed", n) };
    scene.insert(keyed(12)).await;
    let claimed = scene.claim_one(id(12)).await;
    scene.save(&claimed, value(120), None).await;
    scene.insert(new(13)).await;
    scene.claim_one(id(13)).await;

    // Waiting: for the key's slot, for later, for an operator, for a label, and for nothing.
    scene.insert(keyed(14)).await;
    scene.insert(NewRun { due: Some(Due::At(THEN.after(DAY))), ..new(15) }).await;
    scene.insert(NewRun { queue: imports(), priority: Priority(-5), ..new(16) }).await;
    let unique = Unique { key: key("order 8"), scope: UniqueScope::NotFinal, on_conflict: OnConflict::Refuse };
    let constraints = Constraints {
        unique: Some(unique),
        requires: [label()].into(),
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        ..Constraints::none().clone()
    };
    scene
        .insert(NewRun {
            constraints: Some(Arc::new(constraints)),
            timeout: Some(HOUR),
            priority: Priority(5),
            ..new(17)
        })
        .await;
    scene
        .insert(NewRun { metadata: large_value(30_000), execution_metadata: Some(large_value(2_000)), ..new(18) })
        .await;
    // Small ones, on one page.
    let small: Vec<_> = (20..40).map(new).collect();
    for inserted in scene.store.insert(small).await.expect("the store works") {
        inserted.expect("the run is new");
    }

    let mut export = Vec::new();
    let backup = scene.store.export(&mut export).await.expect("it is written into memory");
    assert_eq!((backup.runs, backup.damaged.len()), (38, 0));
    fs::write(to.join("export.jsonl"), export).expect("it is writable");
    // Claims are not given back: for the folder, this end is a kill.
    scene.store.close().await;
    fs::remove_file(to.join("store/LOCK")).expect("it is there");
}

/// What a run is after the opening: its state, its latest attempt, how many entries its history has at least.
const EXPECTED: [(u64, StateKind, u32, usize); 18] = [
    (1, StateKind::Completed, 1, 3),
    (2, StateKind::Failed, 1, 3),
    (3, StateKind::Cancelled, 0, 2),
    (4, StateKind::Suspended, 1, 3),
    (5, StateKind::Suspended, 1, 3),
    (6, StateKind::Retrying, 1, 3),
    (7, StateKind::Incompatible, 1, 3),
    (8, StateKind::Completed, 1, 3),
    (9, StateKind::Pending, 0, 1),
    (10, StateKind::Pending, 1, 3),
    // It was asked to suspend, and needs no attempt for it when its process is gone.
    (11, StateKind::Suspended, 1, 4),
    (12, StateKind::Pending, 1, 3),
    (13, StateKind::Pending, 1, 3),
    (14, StateKind::Pending, 0, 1),
    (15, StateKind::Pending, 0, 1),
    (16, StateKind::Pending, 0, 1),
    (17, StateKind::Pending, 0, 1),
    (18, StateKind::Pending, 0, 1),
];
/// Those that were executing when the folder was left.
const RAN: std::ops::RangeInclusive<u64> = 10..=13;

/// A copy of the folder, since opening writes to it.
fn copy_of(version: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(golden(version).join("store")).expect("the folder is there") {
        let entry = entry.expect("it is readable");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("there is room");
    }
    copy
}

fn check_values(runs: &BTreeMap<RunId, Snapshot>) {
    let of = |n| &runs[&id(n)];
    for n in (1..=17).chain(20..40) {
        assert_eq!(of(n).metadata, value(n), "the metadata of {n}");
    }
    assert_eq!(of(18).metadata, large_value(30_000));
    assert_eq!(of(18).initial, Some(large_value(2_000)));
    assert_eq!(of(1).ended, Some(Ended::Completed(large_value(100_000))));
    assert_eq!(of(8).ended, Some(Ended::Completed(value(80))));
    assert_eq!((&of(2).initial, &of(2).execution_metadata), (&Some(value(20)), &Some(value(21))));
    let Some(Ended::Failed(failure)) = &of(2).ended else { panic!("{:?}", of(2).ended) };
    assert_eq!((&*failure.message, failure.attempt), ("no route", 1));
    assert_eq!(of(2).history.entries[0].by, Actor::named("ann"));
    assert!(matches!(&of(3).ended, Some(Ended::Cancelled { reason: Some(why), .. }) if &**why == "not needed"));
    assert_eq!(of(4).execution_metadata, Some(large_value(5_000)));
    assert_eq!(of(4).run.progress, Some(progress()));
    assert_eq!(*of(4).run.tags, [tag("tenant", "7"), tag("file", "a.csv")]);
    assert_eq!(of(5).run.state.due(), Some(THEN.after(2 * HOUR)));
    assert_eq!(of(6).run.state.due(), Some(THEN.after(RETRY_WAIT)));
    assert_eq!(of(6).run.counts.failures, 1);
    assert!(of(10).run.pending_proceed.is_some());
    assert_eq!(of(10).execution_metadata, Some(large_value(5_000)));
    assert_eq!(of(11).execution_metadata, Some(value(110)));
    assert_eq!(of(12).execution_metadata, Some(value(120)));
    assert_eq!(of(12).run.constraints().limit_key, Some(key("tenant 3")));
    assert_eq!(of(15).run.state.due(), Some(THEN.after(DAY)));
    assert_eq!((&of(16).run.queue, of(16).run.priority), (&imports(), Priority(-5)));
    assert_eq!((of(17).run.timeout, of(17).run.priority), (Some(HOUR), Priority(5)));
    assert_eq!(of(17).run.constraints().requires, [label()]);
    assert!(of(17).run.constraints().trace.is_some() && of(17).run.constraints().unique.is_some());
}

/// The folder opens, and holds what was put into it, in whatever format that is written now.
#[test]
fn a_folder_of_release_0_1_holds_what_was_put_into_it() {
    block_on(async {
        let folder = copy_of("0.1");
        let scene = Scene::new(folder.path(), 2, THEN).await;
        assert_eq!(scene.store.verify().await.expect("the store works").problems, [""; 0]);
        let runs = scene.all().await;
        assert_eq!(runs.len(), 38);
        for (n, state, epoch, history) in EXPECTED {
            let found = &runs[&id(n)];
            let is = (found.run.state.kind(), found.run.epoch, found.history.entries.len() >= history);
            assert_eq!(is, (state, Epoch(epoch), true), "{n}: {found:?}");
        }
        check_values(&runs);
        for n in 20..40 {
            assert_eq!(runs[&id(n)].run.state.kind(), StateKind::Pending);
        }

        let log = scene.store.read_log(LogRequest { id: id(1), attempt: None, from: 0 }).await.expect("it is there");
        assert_eq!(log.lines.iter().map(|line| &*line.text).collect::<Vec<_>>(), ["it begins", "it ends"]);
        let controls = scene.store.controls().await.expect("the store works");
        let paused = controls.get(&Scope::Queue(imports())).and_then(|control| control.paused.clone());
        assert_eq!(paused, Some(Paused::new(THEN, "ann", Some("the disk is full"))));
        let keyed = controls.get(&Scope::Kind(kind("keyed"))).map(longhaul_core::Control::limits);
        assert_eq!(keyed.and_then(|limits| limits.per_key), Some(1));
        let schedules = scene.store.schedules(0).await.expect("the store works").changed;
        assert_eq!(schedules.len(), 2);
        assert!(schedules.iter().any(|row| row.name == nightly() && row.value == calendar()));
        // Keys are still taken: by one that is final, and by one that waits.
        for (n, owner, taken) in [(50, 1, "order 7"), (51, 17, "order 8")] {
            let unique = Unique { key: key(taken), scope: UniqueScope::NotFinal, on_conflict: OnConflict::Refuse };
            let constraints = Constraints { unique: Some(unique), ..Constraints::none().clone() };
            let second = NewRun { constraints: Some(Arc::new(constraints)), ..fixture::new_run(THEN, "plain", n) };
            let refused = scene.store.insert(vec![second]).await.expect("the store works").remove(0);
            assert!(matches!(refused, Err(InsertError::Taken { id: of, .. }) if of == id(owner)), "{refused:?}");
        }
    });
}

/// Nothing of it is stuck: each run that is not final comes to its end.
#[test]
fn every_run_in_a_folder_of_release_0_1_goes_on() {
    block_on(async {
        let folder = copy_of("0.1");
        let scene = Scene::new(folder.path(), 2, THEN).await;
        let rated = |claimed: &[Claimed]| claimed.iter().any(|one| one.run.kind == kind("rated"));
        let mut ended = 0;
        let mut rounds = 0;
        let mut go_on = async |rated_may: bool| {
            loop {
                let claimed = scene.claim(64).await;
                assert!(rated_may || !rated(&claimed), "the rate is used up until an hour has passed");
                if claimed.is_empty() {
                    break;
                }
                for one in &claimed {
                    scene.settle(one, fixture::completed(1)).await;
                    ended += 1;
                }
                rounds += 1;
                assert!(rounds < 200, "it comes to no end");
            }
        };
        go_on(false).await;
        let control = scene.store.control(Scope::Queue(imports()), ControlChange::Resume).await;
        control.expect("the store works");
        for n in [4, 11] {
            let proceed = Proceed {
                id: id(n),
                at: None,
                replacement: None,
                signal: None,
                value: None,
                key: None,
                by: Actor::UNKNOWN,
            };
            scene.store.proceed(proceed).await.expect("it is there");
        }
        assert_eq!(scene.store.release_incompatible(vec![id(7)]).await, Ok(1));
        for _ in 0..3 {
            scene.clock.advance(DAY);
            go_on(true).await;
        }
        let runs = scene.all().await;
        for (id, snapshot) in &runs {
            assert!(snapshot.run.state.is_final(), "{id}: {:?}", snapshot.run);
        }
        assert_eq!(ended, 34, "all but the four that were final");
        assert_eq!(scene.store.verify().await.expect("the store works").problems, [""; 0]);
    });
}

/// The export, imported, is the folder.
#[test]
fn an_export_of_release_0_1_holds_what_its_folder_holds() {
    block_on(async {
        let (folder, other) = (copy_of("0.1"), tempfile::tempdir().expect("a folder"));
        let from = Scene::new(folder.path(), 2, THEN).await;
        let to = Scene::new(other.path(), 2, THEN).await;
        let export = fs::read(golden("0.1").join("export.jsonl")).expect("it is there");
        let imported = to.store.import(&mut export.as_slice()).await.expect("it is an export");
        assert_eq!((imported.added, imported.already, imported.schedules), (38, 0, 2));
        let (mut there, mut here) = (from.all().await, to.all().await);
        check_values(&there);
        for n in RAN {
            // One was taken back as from a crash, the other as from a shutdown; their values are the same.
            let (there, here) = (there.remove(&id(n)).expect("it is there"), here.remove(&id(n)).expect("it came"));
            assert_eq!(there.execution_metadata, here.execution_metadata);
            assert_eq!(
                (there.metadata, there.run.epoch, there.run.constraints),
                (here.metadata, here.run.epoch, here.run.constraints)
            );
        }
        assert_eq!(there, here);
        let controls = (from.store.controls().await, to.store.controls().await);
        assert_eq!(controls.0, controls.1);
        let values = async |scene: &Scene| {
            let rows = scene.store.schedules(0).await.expect("the store works").changed;
            rows.into_iter().map(|row| (row.name, row.value)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(values(&from).await, values(&to).await);
    });
}
