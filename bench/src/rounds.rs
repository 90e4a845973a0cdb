//! The rounds: who is measured when.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use bench_harness::{Card, Measured, Order, Scenario, machine};

use crate::{
    args::{Args, Size},
    child::{Program, Spinners, target_dir},
    contenders::{FLOOR, PEER},
    report::{Outcome, Report, Sample},
};

/// The contender of the program in `apalis/`.
const APALIS: &str = "apalis-sqlite";

/// How much longer than its limit a measurement may take, for what is not measured: filling, closing.
const PATIENCE: Duration = Duration::from_secs(120);

/// A million runs take a while to fill in.
const FILL_PATIENCE: Duration = Duration::from_secs(600);

/// Everything that is to be measured.
pub(crate) struct Bench {
    programs: Vec<Program>,
    /// Who, as a program and a card of it.
    entries: Vec<(usize, Card)>,
    scenarios: Vec<Scenario>,
    data: PathBuf,
}

impl Bench {
    /// Finds the contenders, builds what must be built, and looks at the disk.
    pub(crate) fn prepare(args: &Args) -> Result<Self> {
        let mut programs = vec![Program::at(std::env::current_exe()?)?];
        let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
        for name in &args.only {
            let known = name == APALIS || programs[0].cards.iter().any(|card| card.name == *name);
            ensure!(known, "no contender {name:?}; there are {APALIS}, {}", names(&programs[0].cards));
        }
        if wanted(APALIS) {
            programs.push(Program::build_apalis()?);
        }
        let entries = programs
            .iter()
            .enumerate()
            .flat_map(|(at, program)| program.cards.iter().map(move |card| (at, card.clone())))
            .filter(|(_, card)| wanted(&card.name) || card.name == FLOOR || card.name == PEER)
            .collect();
        let scenarios = if args.scenario.is_empty() { Scenario::ALL.into() } else { args.scenario.clone() };
        let data = match &args.data {
            Some(data) => data.clone(),
            None => target_dir()?.join("bench-data"),
        };
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        if args.data.is_none() && machine::file_system(&data).is_some_and(|kind| kind == "tmpfs") {
            bail!("{} is in memory, where every sync is free: name a folder on a disk with --data", data.display());
        }
        Ok(Self { programs, entries, scenarios, data })
    }

    /// Measures it all.
    pub(crate) fn run(&self, args: &Args) -> Result<Report> {
        let _awake = args.keep_awake.then(Spinners::start).transpose()?;
        let mut samples = Vec::new();
        for round in 0..args.rounds {
            for &scenario in self.scenarios.iter().filter(|scenario| round == 0 || !scenario.only_once()) {
                // Each goes first in turn: who comes after a heavy writer pays for its dirty pages.
                let first = round as usize % self.entries.len();
                for (at, card) in self.entries[first..].iter().chain(&self.entries[..first]) {
                    let outcome = if card.scenarios.contains(&scenario) {
                        self.measure(&self.programs[*at], card, scenario, &args.scale.size(scenario))
                    } else {
                        Outcome::NotSupported
                    };
                    eprintln!("round {} of {}: {scenario:13} {:18} {outcome}", round + 1, args.rounds, card.name);
                    samples.push(Sample { round, scenario, contender: card.name.clone(), outcome });
                }
            }
        }
        let cards = self.entries.iter().map(|(_, card)| card.clone()).collect();
        Ok(Report::new(args, &self.data, cards, &self.scenarios, samples))
    }

    fn measure(&self, program: &Program, card: &Card, scenario: Scenario, size: &Size) -> Outcome {
        let measure = || -> Result<Measured> {
            let dir = tempfile::Builder::new().prefix(&card.name).tempdir_in(&self.data)?;
            let answer = dir.path().join("answer.json");
            let store = dir.path().join("store");
            fs::create_dir(&store)?;
            let order = Order {
                contender: card.name.clone(),
                scenario,
                count: size.count,
                finals: size.finals,
                waiting: size.waiting,
                limit: size.limit,
                dir: store,
                answer: answer.clone(),
            };
            if scenario.needs_fill() {
                program.run("fill", &order, FILL_PATIENCE)?;
            }
            program.run("measure", &order, size.limit + PATIENCE)?;
            Ok(serde_json::from_slice(&fs::read(answer)?)?)
        };
        match measure() {
            Ok(measured) => Outcome::Measured(measured),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        }
    }
}

fn names(cards: &[Card]) -> String {
    cards.iter().map(|card| card.name.as_str()).collect::<Vec<_>>().join(", ")
}
