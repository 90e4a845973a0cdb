//! Input of people who slip, and text of people who mean harm.

use longhaul::StateKind;
use longhaul_cli::Exit;

use crate::kit::{Fail, Shop, longhaul};

/// Clears the screen, sets a title, turns the text around, and rings.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}exe.fdp\r\u{8}x";

#[tokio::test]
async fn control_characters_of_others_never_reach_the_terminal() {
    let shop = Shop::open().await;
    let run = shop.client().enqueue::<Fail>(EVIL.into()).tag("name", EVIL).acting_as(EVIL).await.unwrap().id();
    shop.reaches(run, StateKind::Failed).await;
    let id = run.to_string();
    for line in [
        "runs ls".to_owned(),
        "runs ls -l".into(),
        "runs ls -o json".into(),
        format!("runs show {id}"),
        format!("runs show {id} -o json"),
        format!("runs show {id} -o jsonl"),
        format!("runs explain {id}"),
        format!("runs wait {id}"),
        format!("runs follow {id}"),
        format!("runs logs {id}"),
        format!("runs retry {EVIL}"),
        format!("runs start {EVIL}"),
        format!("queues pause {EVIL}"),
        format!("schedules show {EVIL}"),
        format!("kinds schema {EVIL}"),
        "doctor".into(),
    ] {
        let ended = shop.on_terminal(&line).await;
        for text in [ended.out, ended.err] {
            let harmful =
                text.chars().find(|c| *c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(c)));
            assert_eq!(harmful, None, "{line:?}: {text:?}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_has_its_exit_code_and_says_what_to_do() {
    let shop = Shop::open().await;
    let run = shop.client().enqueue::<Fail>("no".into()).await.unwrap().id();
    shop.reaches(run, StateKind::Failed).await;
    let huge = "z".repeat(100_000);
    for (line, exit, says) in [
        ("runs show 00000000".to_owned(), Exit::NotFound, "no run has an id"),
        (format!("runs show {huge}"), Exit::NotFound, "no run has an id"),
        ("runs show a".into(), Exit::Usage, "at least 4 characters"),
        ("runs show ../../etc/passwd".into(), Exit::NotFound, "no run has an id"),
        ("runs ls --state broken".into(), Exit::Usage, "state"),
        ("runs ls --from yesterday".into(), Exit::Usage, "2h"),
        ("runs ls --tag x".into(), Exit::Usage, "key:value"),
        (format!("runs suspend {run}"), Exit::Refused, "failed"),
        (format!("runs cancel {run} --state failed --yes"), Exit::Usage, "either runs are named"),
        ("runs cancel --yes".into(), Exit::Usage, "or say --all"),
        ("runs cancel --kind fail --state broken --yes".into(), Exit::Usage, "state"),
        ("schedules set christmas".into(), Exit::Usage, "what is to be changed"),
        ("runs start pack --lines.1.article lamp".into(), Exit::Usage, "there is no item 0 before it"),
        ("runs start pack --lines.0.article lamp --lines.0.pieces none".into(), Exit::Usage, "metadata.lines.0.pieces"),
        (
            "runs start pack --lines.0.article lamp --lines.1.article bulb".into(),
            Exit::Usage,
            "metadata.lines.0.pieces",
        ),
        (format!("runs proceed {run} --at soon"), Exit::Usage, "at"),
        ("runs start nothing".into(), Exit::NotFound, "nothing"),
        ("runs start count --up-to -1".into(), Exit::Usage, "metadata.up_to: at least 0"),
        ("runs start count --colour red".into(), Exit::Usage, "it has: up_to, customer, password"),
        ("runs start --metadata {{ count".into(), Exit::Usage, "no JSON"),
        ("runs start --metadata @/nowhere count".into(), Exit::Usage, "/nowhere"),
        ("runs start --at soon count --up-to 3".into(), Exit::Usage, "soon"),
        ("queues set default --rate fast".into(), Exit::Usage, "100/60s"),
        ("queues set default".into(), Exit::Usage, "--reset"),
        ("queues set default --running 1 --reset".into(), Exit::Usage, "either limits are set"),
        ("queues set mial --running 1".into(), Exit::NotFound, "there are: default"),
        ("queues set default --running 0".into(), Exit::Usage, "pause it instead"),
        ("queues pause a,b".into(), Exit::Usage, "use letters"),
        ("runs cancel --kind ".into(), Exit::Usage, "a filter is empty"),
        ("runs rm --state  --yes".into(), Exit::Usage, "a filter is empty"),
        ("schedules show ".into(), Exit::Usage, "is empty"),
        ("schedules pause ".into(), Exit::Usage, "is empty"),
        ("runs start --dry-run count --up-to -1".into(), Exit::Usage, "metadata.up_to: at least 0"),
        ("runs start --dry-run --queue a,b count --up-to 1".into(), Exit::Usage, "use letters"),
        ("runs start pack --.x y".into(), Exit::Usage, "without a name"),
        ("schedules add x --every 1h --zone UTC count --up-to 7".into(), Exit::Usage, "only a cron pattern"),
        (
            "schedules add x --every 1h --ending 2020-12-31T00:00:00Z count --up-to 7 --password x".into(),
            Exit::Usage,
            "ending: this time has passed",
        ),
        (format!("runs logs {run} --attempt 99"), Exit::NotFound, "attempt 99"),
        ("queues set default --ageing soon".into(), Exit::Usage, "90s, 10m"),
        ("queues set default --ageing 9999d".into(), Exit::Usage, "from 1 ms to 366 days"),
        ("queues set default --rate 1/0s".into(), Exit::Usage, "rate"),
        ("schedules show none".into(), Exit::NotFound, "none"),
        ("schedules next christmas -n 100000".into(), Exit::Usage, "1000"),
        ("kinds schema fail".into(), Exit::NotFound, "schema"),
        ("store check".into(), Exit::Usage, "folder"),
    ] {
        let ended = shop.in_script(&line).await;
        let line: String = line.chars().take(60).collect();
        assert_eq!(ended.exit, exit, "{line}: {}", ended.err);
        assert!(ended.err.contains(says), "{line}: {}", ended.err);
    }
}

#[tokio::test]
async fn nothing_is_destroyed_without_a_yes() {
    let shop = Shop::open().await;
    let run = shop.client().enqueue::<Fail>("no".into()).await.unwrap().id();
    shop.reaches(run, StateKind::Failed).await;
    for line in [format!("runs rm {run}"), "runs rm --all".into(), "runs retry --state failed".into()] {
        let nobody = shop.in_script(&line).await;
        assert_eq!(nobody.exit, Exit::Usage, "{line}");
        assert!(nobody.err.contains("--yes"), "{line}: {}", nobody.err);
        for answer in ["n\n", "\n", "", "nonsense\n"] {
            let ended = longhaul(&line, Some(answer), Some(&shop.inspector)).await;
            assert_eq!(ended.exit, Exit::Failed, "{line}: {answer:?}");
            assert!(ended.err.contains("Nothing was done"), "{}", ended.err);
        }
        let dry = shop.in_script(&format!("{line} --dry-run")).await;
        assert_eq!(dry.exit, Exit::Done, "{}", dry.err);
    }
    let list = shop.in_script("runs ls -o json").await.json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["successor"]), (1, &serde_json::Value::Null));
    assert_eq!(shop.in_script(&format!("runs rm {run} --yes")).await.exit, Exit::Done);
    assert_eq!(shop.in_script("runs ls -o json").await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn items_of_a_list_are_flags_or_json() {
    let shop = Shop::open().await;
    let metadata = async |flags: &str| {
        let started = shop.in_script(&format!("runs start pack {flags}")).await;
        assert_eq!(started.exit, Exit::Done, "{}", started.err);
        let shown = shop.in_script(&format!("runs show {} -o json", started.out.trim())).await.json();
        shown["values"]["metadata"]["value"].clone()
    };
    let expected = serde_json::json!({ "lines": [
        { "article": "lamp", "pieces": 2, "codes": [7, 8] }, { "article": "007", "pieces": 1, "codes": [] }
    ] });
    let by_flags = "--lines.0.article lamp --lines.0.pieces 2 --lines.0.codes 7 --lines.0.codes 8 \
        --lines.1.article=007 lines.1.pieces=1 --lines.1.codes []";
    assert_eq!(metadata(by_flags).await, expected);
    let first = r#"{"article":"lamp","pieces":2,"codes":[7,8]}"#;
    let second = r#"{"article":"007","pieces":1,"codes":[]}"#;
    assert_eq!(metadata(&format!("--lines [{first},{second}]")).await, expected);
    assert_eq!(metadata(&format!("--lines {first} --lines {second}")).await, expected);
}

#[tokio::test]
async fn fields_of_a_kind_are_flags_and_redacted_ones_are_not_shown() {
    let shop = Shop::open().await;
    let started = shop.in_script("runs start --tag order:7 count --up-to 3 --customer 007 --password=secret").await;
    assert_eq!(started.exit, Exit::Done, "{}", started.err);
    let id = started.out.trim();
    let waited = shop.in_script(&format!("runs wait {id}")).await;
    assert_eq!((waited.exit, waited.out.as_str()), (Exit::Done, "3\n"));
    let shown = shop.in_script(&format!("runs show {id} -o json")).await.json();
    let metadata = &shown["values"]["metadata"]["value"];
    assert_eq!((&metadata["up_to"], &metadata["customer"]), (&3.into(), &"007".into()));
    assert!(!shown.to_string().contains("secret"), "{shown}");
}
