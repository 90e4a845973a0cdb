//! The rounds: who is measured when.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use bench_harness::{Card, Measured, Order, Scenario, machine};

use crate::{
    args::Args,
    child::{Program, Spinners, target_dir},
    field::Field,
    report::{Outcome, Report, Sample},
    size::Size,
};

/// How much longer than its limit a measurement may take, for what is not measured: filling, closing.
const PATIENCE: Duration = Duration::from_secs(120);

/// A million runs take a while to fill in.
const FILL_PATIENCE: Duration = Duration::from_secs(1_800);

/// Everything that is to be measured.
pub(crate) struct Bench<'a> {
    field: &'a Field,
    programs: Vec<Program>,
    /// Who, as a program and a card of it.
    entries: Vec<(usize, Card)>,
    scenarios: Vec<Scenario>,
    data: PathBuf,
}

impl<'a> Bench<'a> {
    /// Finds the contenders, builds what must be built, and looks at the disk.
    pub(crate) fn prepare(field: &'a Field, args: &Args) -> Result<Self> {
        let mut programs = vec![Program::at(std::env::current_exe()?)?];
        let scenarios: Vec<_> = if args.scenario.is_empty() { field.scenarios.into() } else { args.scenario.clone() };
        let elsewhere = || field.elsewhere.iter().flat_map(|program| program.contenders.iter().copied());
        let here = || programs[0].cards.iter().map(|card| card.name.as_str());
        for name in &args.only {
            let known = here().chain(elsewhere()).any(|known| known == name);
            let all: Vec<_> = here().chain(elsewhere()).collect();
            ensure!(known, "no contender {name:?}; there are {}", all.join(", "));
        }
        let is_floor = |name: &str| scenarios.iter().any(|&scenario| (field.floor)(scenario) == name);
        let is_only_peer = |name: &str| scenarios.iter().any(|&scenario| (field.peers)(scenario) == [name]);
        let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
        for program in field.elsewhere {
            if program.contenders.iter().any(|name| wanted(name)) {
                programs.push(Program::build(program)?);
            }
        }
        let entries: Vec<_> = programs
            .iter()
            .enumerate()
            .flat_map(|(at, program)| program.cards.iter().map(move |card| (at, card.clone())))
            .filter(|(_, card)| wanted(&card.name) || is_floor(&card.name) || is_only_peer(&card.name))
            .collect();
        let data = match &args.data {
            Some(data) => data.clone(),
            None => target_dir()?.join("bench-data"),
        };
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        if args.data.is_none()
            && field.ground.is_a_folder()
            && machine::file_system(&data).is_some_and(|kind| kind == "tmpfs")
        {
            bail!("{} is in memory, where every sync is free: name a folder on a disk with --data", data.display());
        }
        Ok(Self { field, programs, entries, scenarios, data })
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
                        self.measure(&self.programs[*at], card, scenario, &(self.field.size)(args.scale, scenario))
                    } else {
                        Outcome::NotSupported
                    };
                    eprintln!("round {} of {}: {scenario:13} {:18} {outcome}", round + 1, args.rounds, card.name);
                    samples.push(Sample { round, scenario, contender: card.name.clone(), outcome });
                }
            }
        }
        let cards = self.entries.iter().map(|(_, card)| card.clone()).collect();
        Ok(Report::new(self.field, args, &self.data, cards, &self.scenarios, samples))
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
            let fresh = self.field.ground.fresh(&card.name)?;
            if scenario.needs_fill() {
                program.run("fill", &order, &fresh.environment, FILL_PATIENCE)?;
                self.field.ground.filled(&fresh)?;
            }
            program.run("measure", &order, &fresh.environment, size.limit + PATIENCE)?;
            drop(fresh);
            Ok(serde_json::from_slice(&fs::read(answer)?)?)
        };
        match measure() {
            Ok(measured) => Outcome::Measured(measured),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        }
    }
}
