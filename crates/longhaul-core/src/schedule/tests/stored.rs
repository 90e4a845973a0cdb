use super::*;

fn cron_schedule() -> Schedule {
    Schedule {
        timing: Timing::Cron { pattern: "0 2 * * *".into(), zone: "Europe/Berlin".into() },
        starting: Some(at("2026-11-20T21:00:00Z")),
        jitter: MINUTE,
        missed: Missed::All(3),
        overlap: Overlap::CancelRunning,
        ending: None,
        except: Vec::new(),
    }
}

/// What is stored, by version 1, in JSON and in bincode. Never change these: what is stored out there stays as it is.
fn golden() -> [(Schedule, &'static str, &'static str); 3] {
    [
        (
            Schedule::every(MINUTE * 15),
            r#"{"v1":{"timing":{"every":{"micros":900000000}},"starting_micros":null,"jitter_micros":0,"missed":"once","overlap":"skip"}}"#,
            "0000fc00e9a43500000100",
        ),
        (
            Schedule::once(at("2026-12-24T18:00:00Z")).missed(Missed::Skip).overlap(Overlap::Queue),
            r#"{"v1":{"timing":{"once":{"at_micros":1798135200000000}},"starting_micros":null,"jitter_micros":0,"missed":"skip","overlap":"queue"}}"#,
            "0001fd0050b5f3c9c60c0000000001",
        ),
        (
            cron_schedule(),
            r#"{"v1":{"timing":{"cron":{"pattern":"0 2 * * *","zone":"Europe/Berlin"}},"starting_micros":1795208400000000,"jitter_micros":60000000,"missed":{"all":{"max":3}},"overlap":"cancel_running"}}"#,
            "000209302032202a202a202a0d4575726f70652f4265726c696e01fd00a8f50d77c10c00fc00879303020303",
        ),
    ]
}

#[test]
fn schedules_of_format_1_are_read_and_written_byte_by_byte() {
    for (schedule, json, bytes) in golden() {
        assert_eq!(serde_json::to_string(&schedule).expect("a plain value"), json);
        assert_eq!(serde_json::from_str::<Schedule>(json).expect("a golden text"), schedule);

        let written = bincode::serde::encode_to_vec(&schedule, bincode::config::standard()).expect("a plain value");
        let hex = written.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(hex, bytes);
        let (read, _) = bincode::serde::decode_from_slice::<Schedule, _>(&written, bincode::config::standard())
            .expect("golden bytes");
        assert_eq!(read, schedule);
    }
}

#[test]
fn a_mark_of_format_1_is_read_and_written() {
    let begun = timetable(&Schedule::every(HOUR)).begin(at("2026-11-20T21:05:00Z"));
    let mark = Mark { open: Open::default(), ..begun };
    let json = r#"{"until":1795208699999999,"timing":1860274315}"#;
    assert_eq!(serde_json::to_string(&mark).expect("a plain value"), json);
    assert_eq!(serde_json::from_str::<Mark>(json).expect("a golden text"), mark);

    let mark = Mark { behind: Some(at("2026-11-20T20:00:00Z")), ..begun };
    let json = r#"{"until":1795208699999999,"timing":1860274315,"open":[{"after":1795197899999999,"until":1795208699999999}],"behind":1795204800000000}"#;
    assert_eq!(serde_json::to_string(&mark).expect("a plain value"), json);
    assert_eq!(serde_json::from_str::<Mark>(json).expect("a golden text"), mark);
}

#[test]
fn the_digest_of_a_timing_is_frozen() {
    let digest = |schedule: &Schedule| timetable(schedule).begin(Timestamp::EPOCH).timing;
    assert_eq!(digest(&Schedule::every(HOUR)), 1_860_274_315);
    assert_eq!(digest(&Schedule::every(HOUR).starting(Timestamp::EPOCH)), 1_193_947_999);
    assert_eq!(digest(&Schedule::once(Timestamp::EPOCH)), 261_485_488);
    #[cfg(feature = "cron")]
    assert_eq!(digest(&Schedule::cron("0 2 * * *", "Europe/Berlin")), 492_321_366);
    let date: Date = "1970-01-02".parse().expect("a date");
    assert_eq!(digest(&Schedule::every(HOUR).ending(Timestamp::EPOCH).except([date])), 441_355_998);
}

#[test]
fn an_end_and_dates_are_version_2_which_is_frozen_and_older_code_refuses() {
    let schedule = Schedule { ending: Some(at("2027-11-20T21:00:00Z")), ..cron_schedule() };
    let schedule =
        schedule.except(["2026-12-25", "2026-12-24", "2026-12-25"].map(|date| date.parse().expect("a date")));
    let json = r#"{"v2":{"schedule":{"timing":{"cron":{"pattern":"0 2 * * *","zone":"Europe/Berlin"}},"starting_micros":1795208400000000,"jitter_micros":60000000,"missed":{"all":{"max":3}},"overlap":"cancel_running"},"ending_micros":1826744400000000,"except":["2026-12-24","2026-12-25"]}}"#;
    assert_eq!(serde_json::to_string(&schedule).expect("a plain value"), json);
    assert_eq!(serde_json::from_str::<Schedule>(json).expect("a golden text"), schedule);
    let wrong = json.replace("2026-12-24", "2026-12-32");
    let error = serde_json::from_str::<Schedule>(&wrong).unwrap_err().to_string();
    assert!(error.contains("`2026-12-32` is no date"), "{error}");

    let written = bincode::serde::encode_to_vec(&schedule, bincode::config::standard()).expect("a plain value");
    assert_eq!(written[0], 1, "version 1 is 0");
    let (read, _) =
        bincode::serde::decode_from_slice::<Schedule, _>(&written, bincode::config::standard()).expect("our own bytes");
    assert_eq!(read, schedule);
}

#[test]
fn a_form_of_a_later_version_is_refused_by_its_name() {
    let error = serde_json::from_str::<Schedule>(r#"{"v3":{}}"#).unwrap_err().to_string();
    assert!(error.contains("`v3`") && error.contains("`v1`"), "{error}");
}

#[test]
fn what_is_finer_than_a_microsecond_is_cut_before_it_is_stored() {
    let fine = Duration::new(1, 1_999);
    let schedule = Schedule::every(fine).jitter(fine);
    let json = serde_json::to_string(&schedule).expect("a plain value");
    assert_eq!(serde_json::from_str::<Schedule>(&json).expect("our own text"), schedule);
    assert_eq!(schedule.timing, Timing::Every(Duration::from_micros(1_000_001)));
}
