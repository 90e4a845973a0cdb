//! What was measured, raw and summed up.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context as _, Result};
use bench_harness::{Card, Measured, Scenario, machine, stats};
use serde::Serialize;

use crate::{args::Args, field::Field, size::Scale};

/// The whole of it, as it is written to JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: String,
    ground: String,
    scale: Scale,
    rounds: u32,
    cpus_kept_awake: bool,
    pub(crate) contenders: Vec<Card>,
    pub(crate) summary: Vec<Row>,
    samples: Vec<Sample>,
}

/// One contender in one scenario, over all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) contender: String,
    /// None where it is not supported or failed in every round.
    pub(crate) figures: Option<Figures>,
    /// Why it failed, at the first time.
    pub(crate) failure: Option<String>,
}

/// Medians over the rounds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Cut off by the time limit in some round.
    pub(crate) cut: bool,
    /// The median of the ratios, each to the floor of the same round.
    pub(crate) to_floor: Option<f64>,
    /// The same to the best of the peers, itself left out.
    pub(crate) to_peer: Option<f64>,
    /// The same to the best of the peers and of those that do less; none where nobody does less.
    pub(crate) to_any: Option<f64>,
    pub(crate) also: BTreeMap<String, f64>,
}

/// One measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) scenario: Scenario,
    pub(crate) contender: String,
    pub(crate) outcome: Outcome,
}

/// How a measurement ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Measured(Measured),
    NotSupported,
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured(measured) if measured.cut => write!(f, "{:.1} (cut off)", measured.value),
            Self::Measured(measured) => write!(f, "{:.1}", measured.value),
            Self::NotSupported => f.write_str("not supported"),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
        }
    }
}

impl Report {
    pub(crate) fn new(
        field: &Field,
        args: &Args,
        data: &Path,
        contenders: Vec<Card>,
        scenarios: &[Scenario],
        samples: Vec<Sample>,
    ) -> Self {
        let summary = scenarios
            .iter()
            .flat_map(|&scenario| contenders.iter().map(move |card| (scenario, card)))
            .map(|(scenario, card)| Row::of(field, scenario, &card.name, &samples))
            .collect();
        Self {
            machine: machine::describe(),
            ground: field.ground.describe(data),
            scale: args.scale,
            rounds: args.rounds,
            cpus_kept_awake: args.keep_awake,
            contenders,
            summary,
            samples,
        }
    }

    /// Writes the JSON, with its folder.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?).with_context(|| format!("cannot write {}", path.display()))
    }

    /// One line on what stood under all of it.
    pub(crate) fn circumstances(&self) -> String {
        let awake = if self.cpus_kept_awake { "kept awake" } else { "free to sleep" };
        let rounds = if self.rounds == 1 { "1 round".into() } else { format!("{} rounds", self.rounds) };
        format!("{}, {}, CPUs {awake}; scale {:?}, {rounds}", self.machine, self.ground, self.scale)
    }
}

impl Row {
    fn of(field: &Field, scenario: Scenario, contender: &str, samples: &[Sample]) -> Self {
        let mine = |name: &str| -> BTreeMap<u32, &Measured> {
            let of_scenario = samples.iter().filter(|sample| sample.scenario == scenario && sample.contender == name);
            of_scenario
                .filter_map(|sample| match &sample.outcome {
                    Outcome::Measured(measured) => Some((sample.round, measured)),
                    _ => None,
                })
                .collect()
        };
        let failure = samples.iter().find_map(|sample| match &sample.outcome {
            Outcome::Failed(why) if sample.scenario == scenario && sample.contender == contender => Some(why.clone()),
            _ => None,
        });
        let measured = mine(contender);
        let values = |measured: BTreeMap<u32, &Measured>| -> BTreeMap<u32, f64> {
            measured.into_iter().map(|(round, measured)| (round, measured.value)).collect()
        };
        let best = |names: &[&str]| -> BTreeMap<u32, f64> {
            let others = names.iter().filter(|name| **name != contender);
            others.map(|name| values(mine(name))).fold(BTreeMap::new(), |mut best, of| {
                for (round, value) in of {
                    let best = best.entry(round).or_insert(value);
                    *best = if scenario.unit().is_better_when_more() { best.max(value) } else { best.min(value) };
                }
                best
            })
        };
        let (peers, others) = ((field.peers)(scenario), (field.others)(scenario));
        let references = References {
            floor: values(mine((field.floor)(scenario))),
            peer: best(peers),
            any: if others.is_empty() { BTreeMap::new() } else { best(&[peers, others].concat()) },
        };
        let figures = (!measured.is_empty()).then(|| Figures::of(&measured, &references));
        Self { scenario, contender: contender.into(), figures, failure }
    }
}

/// What ratios refer to, by the round.
struct References {
    floor: BTreeMap<u32, f64>,
    peer: BTreeMap<u32, f64>,
    any: BTreeMap<u32, f64>,
}

impl Figures {
    fn of(measured: &BTreeMap<u32, &Measured>, references: &References) -> Self {
        let values: Vec<_> = measured.values().map(|measured| measured.value).collect();
        let names = measured.values().flat_map(|measured| measured.also.keys());
        let also = names
            .map(|name| {
                let values: Vec<_> =
                    measured.values().filter_map(|measured| measured.also.get(name)).copied().collect();
                (name.clone(), stats::median(&values))
            })
            .collect();
        Self {
            median: stats::median(&values),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            cut: measured.values().any(|measured| measured.cut),
            to_floor: ratio(measured, &references.floor),
            to_peer: ratio(measured, &references.peer),
            to_any: ratio(measured, &references.any),
            also,
        }
    }
}

/// The median of the ratios within a round: the machine's drift from round to round falls out.
fn ratio(of: &BTreeMap<u32, &Measured>, to: &BTreeMap<u32, f64>) -> Option<f64> {
    let ratios: Vec<_> = of
        .iter()
        .filter_map(|(round, measured)| Some(measured.value / to.get(round)?))
        .filter(|ratio| ratio.is_finite())
        .collect();
    (!ratios.is_empty()).then(|| stats::median(&ratios))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::NoGround;

    const FLOOR: &str = "floor";

    static FIELD: Field = Field {
        contenders: &[],
        elsewhere: &[],
        scenarios: &[Scenario::Enqueue1],
        size: |_, _| unreachable!("nothing is measured"),
        floor: |_| FLOOR,
        peers: |_| &["slow", "fast"],
        others: |_| &["careless"],
        ground: &NoGround,
        results: "",
    };

    fn sample(round: u32, contender: &str, outcome: Outcome) -> Sample {
        Sample { round, scenario: Scenario::Enqueue1, contender: contender.into(), outcome }
    }

    fn measured(value: f64) -> Outcome {
        Outcome::Measured(Measured::of(value))
    }

    #[test]
    fn ratios_compare_within_a_round_and_skip_rounds_without_a_floor() {
        let samples = [
            sample(0, FLOOR, measured(100.0)),
            sample(0, "mine", measured(50.0)),
            sample(1, FLOOR, measured(1_000.0)),
            sample(1, "mine", measured(900.0)),
            sample(2, FLOOR, Outcome::Failed("no disk".into())),
            sample(2, "mine", measured(7.0)),
        ];
        let figures = Row::of(&FIELD, Scenario::Enqueue1, "mine", &samples).figures.expect("measured");
        // 0.5 and 0.9, not 50 / 1000 and not 7 / anything.
        assert!((figures.to_floor.expect("two rounds") - 0.7).abs() < 1e-9);
        assert!((figures.median - 50.0).abs() < 1e-9);
        assert!((figures.min - 7.0).abs() < 1e-9);
        assert_eq!(figures.to_peer, None);
    }

    #[test]
    fn a_contender_that_always_fails_has_no_figures_but_a_reason() {
        let samples = [sample(0, "mine", Outcome::Failed("it hangs".into()))];
        let row = Row::of(&FIELD, Scenario::Enqueue1, "mine", &samples);
        assert!(row.figures.is_none());
        assert_eq!(row.failure.as_deref(), Some("it hangs"));
    }

    #[test]
    fn the_peer_is_the_best_of_the_round_and_never_oneself() {
        let samples = [
            sample(0, "slow", measured(10.0)),
            sample(0, "fast", measured(100.0)),
            sample(0, "mine", measured(200.0)),
            sample(1, "slow", measured(50.0)),
            sample(1, "mine", measured(200.0)),
        ];
        let to_peer = |name| Row::of(&FIELD, Scenario::Enqueue1, name, &samples).figures.expect("measured").to_peer;
        // 200 / 100 and 200 / 50.
        assert!((to_peer("mine").expect("two rounds") - 3.0).abs() < 1e-9);
        assert!((to_peer("fast").expect("one round") - 10.0).abs() < 1e-9);
    }
    #[test]
    fn whoever_does_less_counts_for_the_column_any_and_for_no_other() {
        let samples = [
            sample(0, "slow", measured(10.0)),
            sample(0, "careless", measured(400.0)),
            sample(0, "mine", measured(200.0)),
        ];
        let figures = |name| Row::of(&FIELD, Scenario::Enqueue1, name, &samples).figures.expect("measured");
        let mine = figures("mine");
        assert!((mine.to_peer.expect("slow") - 20.0).abs() < 1e-9);
        assert!((mine.to_any.expect("careless") - 0.5).abs() < 1e-9);
        assert!((figures("careless").to_any.expect("slow") - 40.0).abs() < 1e-9);
    }
}
