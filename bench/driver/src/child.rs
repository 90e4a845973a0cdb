//! Processes that this one starts, and always ends.

use std::{
    env,
    io::Read as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bench_harness::{Card, Order, child::CHILD};

use crate::field::Elsewhere;

/// A program that measures contenders when asked.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) cards: Vec<Card>,
}

impl Program {
    /// Asks the program at `path` whom it can measure.
    pub(crate) fn at(path: PathBuf) -> Result<Self> {
        let asked = Command::new(&path).args([CHILD, "cards"]).stderr(Stdio::inherit()).output()?;
        ensure!(asked.status.success(), "{} does not say whom it can measure", path.display());
        Ok(Self { cards: serde_json::from_slice(&asked.stdout)?, path })
    }

    /// Builds a workspace of its own, and asks it.
    pub(crate) fn build(elsewhere: &Elsewhere) -> Result<Self> {
        let Elsewhere { folder, program, .. } = elsewhere;
        // Dependencies that they have in common are built once.
        let target = target_dir()?.join("elsewhere");
        eprintln!("building {folder}");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
            .arg(format!("{folder}/Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            // Of the measurement. The macros of some drivers would check their queries there, where no table is.
            .env_remove("DATABASE_URL")
            .status()?;
        ensure!(status.success(), "{folder} does not build");
        Self::at(target.join("release").join(format!("{program}{}", env::consts::EXE_SUFFIX)))
    }

    /// Has `order` filled or measured by a process of its own, which gets `limit` for it.
    pub(crate) fn run(
        &self,
        what: &str,
        order: &Order,
        environment: &[(String, String)],
        limit: Duration,
    ) -> Result<()> {
        let json = serde_json::to_string(order)?;
        let mut command = Command::new(&self.path);
        command.args([CHILD, what, &json]).envs(environment.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = Ended(command.spawn()?);
        let started = Instant::now();
        loop {
            if let Some(status) = child.0.try_wait()? {
                ensure!(status.success(), "{what} {} of {} failed: {status}", order.scenario, order.contender);
                return Ok(());
            }
            if started.elapsed() > limit {
                bail!("{what} {} of {} did not end in {limit:?}", order.scenario, order.contender);
            }
            // Long enough not to disturb what is measured.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The `target` folder which this program was built into: the same disk, and nobody keeps it.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let exe = env::current_exe()?;
    let target = exe.parent().and_then(|profile| profile.parent());
    Ok(target.context("this program lies in no folder")?.to_owned())
}

/// A child that does not outlive us, not even after an error.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SPIN: &str = "--spin";

/// Processes of idle priority that keep the CPUs awake until this is dropped.
///
/// On some virtual machines a sync takes 4 ms instead of 0.1 ms while the CPUs sleep: awake, the disk is measured and
/// not the hypervisor.
pub(crate) struct Spinners {
    _children: Vec<Ended>,
}

impl Spinners {
    /// One for each CPU.
    pub(crate) fn start() -> Result<Self> {
        let exe = env::current_exe()?;
        let cpus = thread::available_parallelism()?.get();
        let spin = || {
            Command::new("chrt")
                .args(["--idle", "0"])
                .arg(&exe)
                .arg(SPIN)
                .stdin(Stdio::piped())
                .spawn()
                .map(Ended)
                .context("cannot start `chrt` (util-linux), which --keep-awake needs")
        };
        Ok(Self { _children: (0..cpus).map(|_| spin()).collect::<Result<_>>()? })
    }
}

/// Spins until standard input closes, which it does however the parent ends; false if that was not asked for.
pub(crate) fn spin_if_asked(args: &[String]) -> bool {
    if args.first().is_none_or(|first| first != SPIN) {
        return false;
    }
    let parent = thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    while !parent.is_finished() {
        for _ in 0..1_000 {
            std::hint::spin_loop();
        }
    }
    true
}
