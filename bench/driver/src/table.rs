//! The table that a person reads.

use std::fmt::Write as _;

use bench_harness::{Scenario, Unit};

use crate::{
    field::Field,
    report::{Figures, Report, Row},
};

/// All scenarios, one block each, and the promises of the contenders.
pub(crate) fn render(field: &Field, report: &Report) -> String {
    let mut out = format!("{}\n", report.circumstances());
    for rows in report.summary.chunk_by(|a, b| a.scenario == b.scenario) {
        block(&mut out, field, rows[0].scenario, rows);
    }
    out.push_str("\nwhat is safe when a call returns\n");
    for card in &report.contenders {
        let _ = writeln!(out, "  {:18} {}", card.name, card.durability);
    }
    out.push_str("\n!: cut off by the time limit.\n");
    out
}

fn block(out: &mut String, field: &Field, scenario: Scenario, rows: &[Row]) {
    let _ = writeln!(out, "\n{scenario} · {} · {}", scenario.title(), scenario.unit().name());
    let (peers, others) = ((field.peers)(scenario), (field.others)(scenario));
    let any = if others.is_empty() { String::new() } else { format!(" {:>8}", "/any") };
    let _ = writeln!(
        out,
        "  {:18} {:>11}  {:>23} {:>8} {:>8}{any}   also",
        "contender", "median", "min..max", "/floor", "/peer"
    );
    let mut missing = Vec::new();
    for row in rows {
        let unit = scenario.unit();
        match (&row.figures, &row.failure) {
            (Some(figures), failure) => {
                line(out, &row.contender, figures, unit, !others.is_empty());
                if let Some(why) = failure {
                    let _ = writeln!(out, "  {:18} failed in some round: {why}", "");
                }
            }
            (None, Some(why)) => {
                let _ = writeln!(out, "  {:18} failed: {why}", row.contender);
            }
            (None, None) => missing.push(row.contender.as_str()),
        }
    }
    let _ = write!(out, "  ratios within a round: /floor to {}", (field.floor)(scenario));
    let _ = match peers {
        [] => Ok(()),
        [peer] => write!(out, ", /peer to {peer}"),
        peers => write!(out, ", /peer to the best of {}", peers.join(", ")),
    };
    if !others.is_empty() {
        let _ = write!(out, ", /any to the best of these and of {}", others.join(", "));
    }
    out.push('\n');
    if !missing.is_empty() {
        let _ = writeln!(out, "  not supported: {}", missing.join(", "));
    }
}

fn line(out: &mut String, contender: &str, figures: &Figures, unit: Unit, with_any: bool) {
    let span = format!("{}..{}", number(figures.min, unit), number(figures.max, unit));
    let median = format!("{}{}", number(figures.median, unit), if figures.cut { "!" } else { "" });
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}"));
    let any = if with_any { format!(" {:>8}", ratio(figures.to_any)) } else { String::new() };
    let also: Vec<_> = figures
        .also
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "done" | "samples"))
        .map(|(name, value)| format!("{name} {value:.*}", if *value < 1.0 { 3 } else { 1 }))
        .collect();
    let _ = writeln!(
        out,
        "  {contender:18} {median:>11}  {span:>23} {:>8} {:>8}{any}   {}",
        ratio(figures.to_floor),
        ratio(figures.to_peer),
        also.join(", ")
    );
}

fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond | Unit::Micros => thousands(value),
        Unit::Seconds => format!("{value:.3}"),
        Unit::CpuMillisPerSecond => format!("{value:.1}"),
    }
}

/// 61260.4 as 61,260.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::NoGround;

    fn block_of(others: fn(Scenario) -> &'static [&'static str]) -> String {
        let field = Field {
            contenders: &[],
            elsewhere: &[],
            scenarios: &[],
            size: |_, _| unreachable!("nothing is measured"),
            floor: |_| "floor",
            peers: |_| &["keeps"],
            others,
            ground: &NoGround,
            results: "",
        };
        let figures = Figures { median: 8.0, to_peer: Some(2.0), to_any: Some(0.5), ..Figures::default() };
        let row = Row { scenario: Scenario::Drain16, contender: "mine".into(), figures: Some(figures), failure: None };
        let mut out = String::new();
        block(&mut out, &field, Scenario::Drain16, &[row]);
        out
    }

    #[test]
    fn the_column_any_is_there_where_somebody_does_less() {
        let with = block_of(|_| &["deletes"]);
        assert!(with.contains("/peer     /any   also"), "{with}");
        assert!(with.contains("2.00     0.50"), "{with}");
        assert!(with.contains("/peer to keeps, /any to the best of these and of deletes\n"), "{with}");
        let without = block_of(|_| &[]);
        assert!(!without.contains("any") && !without.contains("0.50"), "{without}");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(7.4), "7");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(thousands(1_000.0), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }
}
