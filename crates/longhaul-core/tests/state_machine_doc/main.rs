//! Renders `docs/state-machine.md` from `decide`, and fails if the committed page says otherwise.
//!
//! `LONGHAUL_BLESS=1 cargo test -p longhaul-core --test state_machine_doc` writes the page anew.

mod situation;

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use longhaul_core::{Counts, Decision, Event, IllegalEvent, Run, StateKind, decide};
use situation::{NOW, at_the_end_of_its_chances, events, situations};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/state-machine.md");

#[test]
fn the_page_says_what_decide_says() {
    let page = render();
    if std::env::var_os("LONGHAUL_BLESS").is_some() {
        std::fs::write(PAGE, &page).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(Path::new(PAGE)).expect("docs/state-machine.md is there");
    assert!(
        committed == page,
        "docs/state-machine.md is not what `decide` says. If the rules were meant to change, write it anew:\n    \
         LONGHAUL_BLESS=1 cargo test -p longhaul-core --test state_machine_doc"
    );
}

fn render() -> String {
    format!(
        "# The life of a run\n\n\
         This page is written by a test (`crates/longhaul-core/tests/state_machine_doc`) from the function `decide`, \
         the one place that says what happens to a run. Do not edit it: change `decide`, and run the test with \
         `LONGHAUL_BLESS=1`.\n\n\
         ## The arrows\n\n{}\n\
         ## Every state, every event\n\n\
         A cell names the state that follows. `(n)` explains below; an empty cell: the event is refused, and nothing \
         changes.\n\n{}\n\
         ## What is counted\n\n\
         From *Running*, without a checkpoint in this attempt. Only `failures` and `crashes` ever end a run: the \
         last column says what follows when this one was the last that the policy allows.\n\n{}",
        diagram(),
        table(),
        counted()
    )
}

/// Each arrow once, with all that leads along it.
fn diagram() -> String {
    let mut arrows: BTreeMap<(StateKind, StateKind), Vec<&str>> = BTreeMap::new();
    for (_, run) in situations() {
        for (_, word, event) in events().into_iter().filter(|(_, word, _)| !word.is_empty()) {
            for run in [run.clone(), at_the_end_of_its_chances(&run)] {
                let Ok(Decision { next, effects }) = decide(NOW, &run, &event) else { continue };
                let words = arrows.entry((run.state.kind(), next.state.kind())).or_default();
                let word = match next.state.kind() {
                    StateKind::Cancelled if run.request.is_some() => "any end but completed, once asked to stop",
                    StateKind::Pending if awaited(&run) && word == "suspended" => "suspended after a proceed",
                    _ => word,
                };
                if !effects.remove && !words.contains(&word) {
                    words.push(word);
                }
            }
        }
    }
    let mut text = String::from("```mermaid\nstateDiagram-v2\n    [*] --> Pending: enqueue\n");
    for ((from, to), words) in arrows.iter().filter(|(_, words)| !words.is_empty()) {
        writeln!(text, "    {from:?} --> {to:?}: {}", words.join(", ")).expect("a string takes all");
    }
    for last in StateKind::ALL.into_iter().filter(|state| state.is_final()) {
        writeln!(text, "    {last:?} --> [*]: delete, retention").expect("a string takes all");
    }
    text + "```\n"
}

/// A proceed came, or a value, that the run has not gone on with.
fn awaited(run: &Run) -> bool {
    let inbox = run.inbox();
    run.pending_proceed.is_some() || (run.state.kind() == StateKind::Running && inbox.last > inbox.offered)
}

fn table() -> String {
    let situations = situations();
    let mut notes = Vec::new();
    let mut rows = vec![row("", situations.iter().map(|(name, _)| format!("**{name}**")))];
    rows.push(row("---", situations.iter().map(|_| "---".into())));
    for (name, _, event) in events() {
        rows.push(row(name, situations.iter().map(|(_, run)| cell(run, &event, &mut notes))));
    }
    let notes: Vec<_> = notes.iter().enumerate().map(|(n, note)| format!("{}. {note}\n", n + 1)).collect();
    rows.concat() + "\n" + &notes.concat()
}

fn row(head: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {head} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// What follows, with a note for what the state alone does not tell.
fn cell(run: &Run, event: &Event, notes: &mut Vec<&'static str>) -> String {
    let (text, note) = match decide(NOW, run, event) {
        Err(IllegalEvent::EpochLost { .. }) => (String::new(), Some("refused: the attempt has lost its claim")),
        Err(IllegalEvent::NotDue { .. }) => (String::new(), Some("refused: its time has not come")),
        Err(IllegalEvent::BeingCancelled) => (String::new(), Some("refused: it is being cancelled")),
        Err(IllegalEvent::Repeated) => (String::new(), Some("recognised: nothing is changed")),
        Err(
            IllegalEvent::State { .. }
            | IllegalEvent::Superseded { .. }
            | IllegalEvent::Retried { .. }
            | IllegalEvent::InboxFull { .. },
        ) => (String::new(), None),
        Ok(decision) if decision.effects.remove => ("gone".into(), None),
        Ok(Decision { next, effects }) => {
            let note = if next.lineage.successor.is_some() {
                Some("nothing but the link to the new run changes, and only once")
            } else if next.state == run.state && next.turn != run.turn {
                Some("nothing but its turn changes")
            } else if effects.order {
                Some("its server is told to stop it")
            } else if next.inbox().last > run.inbox().last && next.state == run.state {
                Some("the value is kept, and handed over when the run goes on")
            } else if next.pending_proceed.is_some() && run.pending_proceed.is_none() {
                Some("the proceed is kept until the run suspends")
            } else if awaited(run) && next.counts.suspensions > run.counts.suspensions && next.state.due() == Some(NOW)
            {
                Some("it goes on at once: a proceed had come before")
            } else if next.state.due().is_some_and(|due| due > NOW) {
                Some("due later")
            } else {
                None
            };
            (format!("{:?}", next.state.kind()), note)
        }
    };
    let Some(note) = note else { return text };
    let number = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    format!("{text} ({})", number + 1).trim_start().into()
}

fn counted() -> String {
    let (_, running) = situations().into_iter().find(|(name, _)| *name == "Running").expect("it is a situation");
    let mut rows = String::from("| | counted as | suspect | history says | the last time |\n|---|---|---|---|---|\n");
    for (name, _, event) in events() {
        let Ok(Decision { next, effects }) = decide(NOW, &running, &event) else { continue };
        let Some(entry) = effects.history else { continue };
        let last = decide(NOW, &at_the_end_of_its_chances(&running), &event).expect("as legal as before").next;
        let last =
            if last.state.kind() == next.state.kind() { String::new() } else { format!("{:?}", last.state.kind()) };
        let suspect = if next.suspicion > 0 { "yes" } else { "" };
        let counts = difference(next.counts);
        writeln!(rows, "| {name} | {counts} | {suspect} | {} | {last} |", entry.what).expect("a string takes all");
    }
    rows
}

/// Which counters a run that began with none has now.
fn difference(counts: Counts) -> String {
    let Counts { failures, crashes, interruptions, suspensions, restarts_without_progress } = counts;
    let named = [
        ("failures", failures),
        ("crashes", crashes),
        ("interruptions", interruptions),
        ("suspensions", suspensions),
        ("restarts without progress", restarts_without_progress),
    ];
    named.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}
