use proptest::prelude::*;

use super::{super::timetable::just_before, *};

const PATTERNS: [&str; 9] = [
    "0 2 * * *",
    "*/15 * * * *",
    "30 1,2 * * *",
    "0 * * * *",
    "*/20 1-3 * * 0",
    "0 0 L * *",
    "15 10 * * MON#1",
    "*/30 * 2 * * *",
    "7 * 29 2 *",
];
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];

/// 2010 to 2030.
fn any_time() -> impl Strategy<Value = Timestamp> {
    (1_262_304_000_000_000..1_893_456_000_000_000_i64).prop_map(Timestamp::from_micros)
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let every = (1_000_000..100_000_000_000_u64, proptest::option::of(any_time()))
        .prop_map(|(micros, starting)| Schedule { starting, ..Schedule::every(Duration::from_micros(micros)) });
    let by_pattern =
        (0..PATTERNS.len(), 0..ZONES.len(), proptest::option::of(any_time())).prop_map(|(pattern, zone, starting)| {
            let timing = Timing::Cron { pattern: PATTERNS[pattern].into(), zone: ZONES[zone].into() };
            Schedule { timing, starting, ..Schedule::every(HOUR) }
        });
    if cfg!(feature = "cron") { prop_oneof![every, by_pattern].boxed() } else { every.boxed() }
}

fn any_missed() -> impl Strategy<Value = Missed> {
    prop_oneof![Just(Missed::Skip), Just(Missed::Once), (1..20_u32).prop_map(Missed::All)]
}

fn any_overlap() -> impl Strategy<Value = Overlap> {
    prop_oneof![Just(Overlap::Skip), Just(Overlap::Queue), Just(Overlap::Allow), Just(Overlap::CancelRunning)]
}

proptest! {
    #[test]
    fn instants_increase_and_nothing_lies_between_two(schedule in any_schedule(), after in any_time(), part in 0.0..1.0_f64) {
        let table = timetable(&schedule);
        let mut before = after;
        for _ in 0..20 {
            let Some(next) = table.next(before) else { break };
            prop_assert!(next > before);
            let between = before.after(next.since(before).mul_f64(part)).min(just_before(next));
            prop_assert_eq!(table.next(between), Some(next), "asked at {}", between);
            before = next;
        }
    }

    #[test]
    fn the_latest_instant_is_the_one_that_is_followed_by_none(schedule in any_schedule(), after in any_time(), days in 0..400_u32) {
        let table = timetable(&schedule);
        let until = after.after(DAY * days);
        match table.latest(after, until) {
            Some(latest) => {
                prop_assert!(after < latest && latest <= until);
                prop_assert_eq!(table.next(just_before(latest)), Some(latest));
                prop_assert!(table.next(latest).is_none_or(|next| next > until));
            }
            None => prop_assert!(table.next(after).is_none_or(|next| next > until)),
        }
    }

    #[test]
    fn small_steps_and_large_ones_fire_the_same(
        schedule in any_schedule(),
        begin in any_time(),
        steps in proptest::collection::vec(0..200_000_000_000_u64, 1..12),
    ) {
        let table = timetable(&schedule.missed(Missed::All(WAITING_MAX)).overlap(Overlap::Allow));
        let mut mark = table.begin(begin);
        let begun = mark;
        let mut now = begin;
        let mut in_steps = Vec::new();
        for step in steps {
            now = now.after(Duration::from_micros(step));
            let plan = plan_at(&table, mark, now);
            prop_assert!(plan.next.is_none_or(|next| next > now));
            in_steps.extend(plan.fire);
            mark = plan.mark;
        }
        let at_once = plan_at(&table, begun, now).fire;
        // One plan is bounded; what it holds is the end of what the steps gave.
        prop_assert!(in_steps.len() <= WAITING_MAX as usize || at_once.len() == WAITING_MAX as usize);
        prop_assert_eq!(&in_steps[in_steps.len().saturating_sub(WAITING_MAX as usize)..], &at_once[..]);
        prop_assert!(in_steps.windows(2).all(|pair| pair[0].instant < pair[1].instant && pair[0].due < pair[1].due));
    }

    #[test]
    fn a_plan_is_bounded_and_accounts_for_every_instant(
        schedule in any_schedule(),
        missed in any_missed(),
        overlap in any_overlap(),
        begin in any_time(),
        days in 0..10_u32,
        unfinished in 0..3_u32,
    ) {
        let table = timetable(&schedule.missed(missed).overlap(overlap));
        let mark = table.begin(begin);
        let now = begin.after(DAY * days);
        let plan = plan(&Situation { name: "test", timetable: &table, mark: Some(mark), now, unfinished });
        let max = match missed { Missed::All(max) => max as usize, _ => 1 };
        prop_assert!(plan.fire.len() <= max);
        prop_assert!(plan.mark.until <= now && plan.mark.until >= mark.until);
        prop_assert!(plan.fire.iter().all(|firing| mark.until < firing.instant && firing.instant <= firing.due));

        let all = std::iter::successors(table.next(mark.until), |&at| table.next(at)).take_while(|&at| at <= now);
        let handled = plan.fire.len() as u64 + u64::from(plan.left_out.overlapped);
        match plan.left_out.missed {
            InstantCount::Exactly(missed) if missed <= COUNT_MAX => prop_assert_eq!(all.count() as u64, handled + missed),
            InstantCount::Exactly(_) => {}
            InstantCount::MoreThan(missed) => prop_assert!(all.take(2000).count() as u64 > handled + missed),
        }
        let again = plan_at(&table, plan.mark, now);
        prop_assert_eq!((again.fire.len(), again.left_out.missed, again.next), (0, InstantCount::Exactly(0), plan.next));
    }
}

proptest! {
    /// A clock that goes forward and back, by less than makes a schedule begin anew.
    #[test]
    fn no_clock_makes_an_instant_fire_twice(
        every in 1..400_u64,
        missed in any_missed(),
        begin in any_time(),
        moves in proptest::collection::vec(-3000..4000_i64, 1..60),
    ) {
        let table = timetable(&Schedule::every(Duration::from_secs(every)).missed(missed));
        let (mut now, mut latest) = (begin, begin);
        let mut mark = table.begin(begin);
        let mut fired_before = std::collections::BTreeSet::new();
        for by in moves {
            let to = Timestamp::from_micros(now.as_micros() + by * 1_000_000);
            now = to.max(Timestamp::from_micros(latest.as_micros() - 10_000_000_000));
            latest = latest.max(now);
            let plan = plan_at(&table, mark, now);
            for instant in fired(&plan) {
                prop_assert!(instant <= now);
                prop_assert!(fired_before.insert(instant), "{} twice", instant);
            }
            prop_assert!(plan.next.is_some_and(|next| next > now));
            let json = serde_json::to_string(&plan.mark).expect("it can be written");
            prop_assert_eq!(serde_json::from_str::<Mark>(&json).expect("it was just written"), plan.mark);
            mark = plan.mark;
        }
    }
}
