//! A store goes out as text, and comes in again.

use longhaul_core::store::prelude::*;
use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Constraints, Control, ControlChange, Key, Kind, Label, Limits, NewRun, Paused, Queue, Rate, ScheduleName,
    Scope, StateKind, Unique, UniqueScope,
    store::{InsertError, ScheduleChange},
};
use longhaul_testkit::fixture;

use super::kit::{Kit, block_on, value};
use crate::{CopyError, EmbeddedStore, Imported};

async fn export(store: &EmbeddedStore) -> String {
    let mut out = Vec::new();
    let backup = store.export(&mut out).await.expect("it is written into memory");
    assert_eq!(backup.damaged, []);
    String::from_utf8(out).expect("an export is text")
}

async fn import(store: &EmbeddedStore, text: &str) -> Result<Imported, CopyError> {
    store.import(&mut text.as_bytes()).await
}

fn queue() -> Scope {
    Scope::Queue(Queue::new("imports").expect("a good name"))
}

fn kind() -> Scope {
    Scope::Kind(Kind::new("plain").expect("a good name"))
}

/// A store with something of all that there is.
async fn full() -> Kit {
    let mut kit = Kit::new();
    let now = longhaul_core::Clock::now(&kit.clock);
    let pause = Paused::new(now, "ann", Some("the disk is full"));
    kit.store.control(queue(), ControlChange::Pause(pause)).await.expect("the store works");
    let rate = Rate::new(100, Duration::from_secs(60)).expect("a good rate");
    let limits = Limits { running: Some(8), rate: Some(rate), ..Limits::NONE };
    kit.store.control(kind(), ControlChange::Declare(limits)).await.expect("the store works");
    let set = Limits { per_key: Some(1), weight: Some(3), ..Limits::NONE };
    kit.store.control(kind(), ControlChange::Set(Some(set))).await.expect("the store works");
    let name = ScheduleName::new("nightly").expect("a good name");
    let change = ScheduleChange { name, seen: None, value: Some(Arc::from(&b"at two"[..])), runs: Vec::new() };
    kit.store.schedule(change).await.expect("the store works");

    let unique = Unique {
        key: Key::new("order 7").expect("a good key"),
        scope: UniqueScope::For(Duration::from_secs(3600)),
        on_conflict: longhaul_core::OnConflict::Refuse,
    };
    let constraints = Constraints {
        limit_key: Some(Key::new("tenant 3").expect("a good key")),
        unique: Some(unique),
        requires: [Label::new("edit-server").expect("a good label")].into(),
        trace: Some("a trace".into()),
        ..Constraints::default()
    };
    let with_terms = NewRun { constraints: Some(Arc::new(constraints)), by: Actor::named("ann"), ..kit.new_run() };
    kit.store.insert(vec![with_terms]).await.expect("the store works")[0].clone().expect("it is new");
    let large = kit.insert(value(1, 30_000)).await;
    let claimed = kit.claim(1).await.remove(0);
    assert_eq!(claimed.run.id, large);
    kit.save(&claimed, 1, value(2, 5000)).await;
    kit.settle(&claimed, fixture::completed(1)).await;
    kit
}

#[test]
fn all_that_is_kept_goes_out_and_comes_back_equal() {
    block_on(async {
        let (from, to) = (full().await, Kit::new());
        let text = export(&from.store).await;
        let imported = import(&to.store, &text).await.expect("it was just written");
        assert_eq!(imported, Imported { added: 2, already: 0, controls: 2, schedules: 1 });
        to.assert_sound().await;
        assert_eq!(export(&to.store).await, text);

        let again = import(&to.store, &text).await.expect("it was just written");
        assert_eq!(again, Imported { added: 0, already: 5, controls: 0, schedules: 0 });
        assert_eq!(export(&to.store).await, text);
    });
}

#[test]
fn what_came_in_holds_as_it_did() {
    block_on(async {
        let (from, mut to) = (full().await, Kit::new());
        import(&to.store, &export(&from.store).await).await.expect("it was just written");
        let paused = to.store.controls().await.expect("the store works").get(&queue()).cloned().unwrap_or_default();
        assert_eq!(paused.paused.map(|paused| paused.by), Some("ann".into()));
        let request = longhaul_core::store::PageRequest { limit: 10, ..Default::default() };
        let runs = to.store.list(request).await.expect("the store works").runs;
        let waiting = runs.iter().find(|found| found.run.state.kind() == StateKind::Pending).expect("one waits");
        let id = fixture::run_id(longhaul_core::Clock::now(&to.clock), 99);
        let second = NewRun { id, constraints: waiting.run.constraints.clone(), ..to.new_run() };
        let refused = to.store.insert(vec![second]).await.expect("the store works").remove(0);
        assert!(matches!(refused, Err(InsertError::Taken { id, .. }) if id == waiting.run.id), "{refused:?}");
        assert_eq!(to.claim(1).await, [], "it requires a label");
    });
}

#[test]
fn what_was_set_here_stays_above_what_comes_in() {
    block_on(async {
        let (from, to) = (full().await, Kit::new());
        let limits = Limits { running: Some(1), ..Limits::NONE };
        to.store.control(kind(), ControlChange::Set(Some(limits))).await.expect("the store works");
        let imported = import(&to.store, &export(&from.store).await).await.expect("it was just written");
        assert_eq!((imported.controls, imported.already), (1, 1));
        let here = Control { set: Some(limits), ..Control::default() };
        assert_eq!(to.store.controls().await.expect("the store works").get(&kind()), Some(&here));
    });
}

#[test]
fn an_export_of_version_1_is_read() {
    block_on(async {
        let to = Kit::new();
        let text = include_str!("export-1.jsonl");
        let imported = import(&to.store, text).await.expect("an export of this format");
        assert_eq!(imported, Imported { added: 2, already: 0, controls: 0, schedules: 0 });
        to.assert_sound().await;
        // The header is another one now; the runs are written as they were.
        let (_, runs) = text.split_once('\n').expect("a header");
        assert_eq!(export(&to.store).await.split_once('\n').expect("a header").1, runs);
    });
}

#[test]
fn an_export_of_version_2_is_read_and_its_lines_are_written_as_they_were() {
    block_on(async {
        let to = Kit::new();
        let text = include_str!("export-2.jsonl");
        import(&to.store, text).await.expect("an export of this format");
        let expected = text.replacen("\"version\":2", "\"version\":3", 1);
        assert!(export(&to.store).await == expected, "it is written otherwise");
        assert!(export(&full().await.store).await == expected, "the same runs are written otherwise");
    });
}

#[test]
fn what_is_no_export_is_refused_with_the_line_and_what_was_read_before_is_kept() {
    block_on(async {
        let to = Kit::new();
        for (text, told) in [
            ("", "this is no export of format longhaul-export 1 to 3"),
            ("{\"format\":\"longhaul-export\",\"version\":4}\n", "this is no export of format longhaul-export 1 to 3"),
            (
                "{\"format\":\"longhaul-export\",\"version\":2}\n{\"schedule\":\"a b\",\"value\":\"00\"}\n",
                "line 2 cannot be read",
            ),
            (
                "{\"format\":\"longhaul-export\",\"version\":2}\n{\"scope\":{\"queue\":\"\"},\"control\":{}}\n",
                "line 2 cannot be read",
            ),
            ("{\"format\":\"longhaul-export\",\"version\":2}\n\nx", "line 2 cannot be read"),
        ] {
            let refused = import(&to.store, text).await.expect_err("it is no export");
            assert!(refused.to_string().starts_with(told), "{refused}");
        }
        let text = export(&full().await.store).await;
        let broken =
            text.replace("\"kind\":\"plain\",\"version\":1,\"queue\"", "\"kind\":\"\",\"version\":1,\"queue\"");
        assert_ne!(broken, text);
        import(&to.store, &broken).await.expect_err("a kind has a name");
        assert_eq!(to.store.controls().await.expect("the store works").iter().count(), 2);
    });
}
