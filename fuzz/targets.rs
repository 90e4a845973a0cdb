//! Every decoder of bytes or text that this program did not write a moment ago, one function each.
//!
//! A function takes any bytes. It panics if the decoder breaks a promise; that the decoder itself never panics is the
//! first promise of each. They are used twice: by `fuzz/fuzz_targets/`, with bytes that a fuzzer makes up, and by the
//! workspace's tests (`tests/it/decoders.rs`), with the corpus in `fuzz/corpus/`.

use std::collections::BTreeMap;

use longhaul_core::{
    Envelope, Key, Kind, Label, Queue, RunId, Schedule, ScheduleName, ServerId, Tag, Timestamp,
    record::{self, Apart, Damage, Line, Part, Values},
    store::EndedCursor,
};

/// A decoder under test.
pub type Target = fn(&[u8]);

/// The name of each target is the name of its folder in `fuzz/corpus/`.
pub const ALL: [(&str, Target); 9] = [
    ("bucket", bucket),
    ("control", control),
    ("cron", cron),
    ("envelope", envelope),
    ("id", id),
    ("line", line),
    ("log", log),
    ("name", name),
    ("record", record),
];

/// The length of the header of an envelope, whose last four bytes are its checksum.
const HEADER: usize = 14;
const ID: [u8; 16] = [7; 16];
const KEY: &[u8] = b"key";
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// The record of a run: what is read can be written, and reads back as the same.
///
/// The checksum at the end would turn away almost all bytes, so they get the right one.
pub fn record(bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        record::read(RunId::from_bytes(ID), bytes)?.stored(&mut |part: Part, apart: Apart| {
            Err::<Vec<u8>, _>(Damage::of_run(RunId::from_bytes(ID), format!("{part:?} {apart:?}")))
        })
    };
    let _ = read(bytes);
    let Ok(stored) = read(&sealed(bytes, &ID)) else { return };
    let written = record::write(&stored, &Values::of(&stored), &[None; Part::COUNT]);
    assert_eq!(read(&written).expect("what was written is read"), stored);
}

/// Pauses and limits: what is read can be written, and reads back as the same.
pub fn control(bytes: &[u8]) {
    let _ = record::read_control(KEY, bytes);
    let Ok(control) = record::read_control(KEY, &sealed(bytes, KEY)) else { return };
    assert_eq!(record::read_control(KEY, &record::write_control(KEY, &control)), Ok(control));
}

/// A page of a log: what is read can be written, and reads back as the same.
pub fn log(bytes: &[u8]) {
    let _ = record::read_log(KEY, bytes);
    let Ok((epoch, page)) = record::read_log(KEY, &sealed(bytes, KEY)) else { return };
    assert_eq!(record::read_log(KEY, &record::write_log(KEY, epoch, page.clone())), Ok((epoch, page)));
}

/// The starts of a rate limit: what is read can be written, and reads back as the same.
pub fn bucket(bytes: &[u8]) {
    let Some(starts) = record::read_bucket(bytes, NOW) else { return };
    assert_eq!(record::read_bucket(&record::write_bucket(&starts), NOW), Some(starts));
}

/// A line of an export. A schedule that it holds is read as well.
pub fn line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = record::read_header(text);
    let Ok(line) = record::read_line(text) else { return };
    let again = match &line {
        Line::Run(stored) => record::run_line(stored),
        Line::Control(scope, control) => record::control_line(scope, control),
        Line::Schedule(name, value) => {
            let _ = serde_json::from_slice::<Schedule>(value).map(|schedule| schedule.timetable());
            record::schedule_line(name, value)
        }
    };
    assert_eq!(record::read_line(&again), Ok(line));
}

/// A value of the user, read as several types, by both codecs.
pub fn envelope(bytes: &[u8]) {
    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "read, and never looked at")]
    enum Several {
        Numbers(Vec<u64>, Option<i8>),
        Texts { map: BTreeMap<String, Vec<String>>, bytes: Box<[u8]> },
        Nested(Box<Several>),
    }
    let _ = Envelope::from_bytes(bytes);
    let Some(header) = bytes.get(..HEADER) else { return };
    let mut sealed = bytes.to_vec();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..HEADER - 4]);
    hasher.update(&bytes[HEADER..]);
    sealed[HEADER - 4..HEADER].copy_from_slice(&hasher.finalize().to_le_bytes());
    let Ok(envelope) = Envelope::from_bytes(sealed.clone()) else { return };
    assert_eq!(envelope.as_bytes(), sealed);
    let _ = envelope.decode::<u64>();
    let _ = envelope.decode::<String>();
    let _ = envelope.decode::<Several>();
    let _ = envelope.decode::<serde_json::Value>();
    let attached = envelope.with_attachment(b"attached");
    assert_eq!(attached.attachment(), Some(&b"attached"[..]));
    assert_eq!(attached.body(), envelope.body());
}

/// A cron pattern, with its zone on a second line: one that is accepted fires, in order, and can be described.
pub fn cron(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (pattern, zone) = text.split_once('\n').unwrap_or((text, "Europe/Berlin"));
    match Schedule::cron(pattern, zone).timetable() {
        Ok(timetable) => {
            assert!(!timetable.describe().is_empty());
            let instants = timetable.preview(NOW, 5);
            assert!(!instants.is_empty(), "it was accepted, and never fires");
            let mut last = NOW;
            for local in &instants {
                assert!(local.at > last, "{instants:?}");
                last = local.at;
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Names: one that is accepted is shown as it was given.
pub fn name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for shown in [
        Kind::new(text).map(|name| name.to_string()),
        Queue::new(text).map(|name| name.to_string()),
        ScheduleName::new(text).map(|name| name.to_string()),
        Label::new(text).map(|name| name.to_string()),
        Key::new(text).map(|key| key.to_string()),
    ] {
        match shown {
            Ok(shown) => assert_eq!(shown, text),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if let Ok(tag) = Tag::new(key, value) {
        assert_eq!((&*tag.key, &*tag.value), (key, value));
    }
}

/// Ids and cursors: one that is accepted is shown as it was given, so no two texts mean the same run.
pub fn id(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for shown in [
        text.parse::<RunId>().ok().map(|id| id.to_string()),
        text.parse::<ServerId>().ok().map(|id| id.to_string()),
        text.parse::<EndedCursor>().ok().map(|cursor| cursor.to_string()),
    ]
    .into_iter()
    .flatten()
    {
        // Digits are read in either case, as ids are read aloud and typed.
        assert!(shown.eq_ignore_ascii_case(text), "`{text}` was read as `{shown}`");
    }
}

/// Bytes with the checksum that `record` and `control` ask for: over what it belongs to, then over the bytes.
fn sealed(bytes: &[u8], owner: &[u8]) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(owner);
    hasher.update(bytes);
    [bytes, &hasher.finalize().to_le_bytes()].concat()
}
