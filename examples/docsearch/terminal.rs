//! What people see: lines that always come, and between them a bar, or a line every two seconds.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use longhaul_examples::docsearch::Progress;

use crate::meter::Meter;

/// How often the bar is drawn anew, and how often a plain line comes instead.
const REDRAW: Duration = Duration::from_millis(100);
const PLAIN: Duration = Duration::from_secs(2);

/// The terminal, or what is there instead of one. The lines that tell what happened go to stdout, all else to stderr.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
    meter: Arc<Mutex<Meter>>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(bar);
        Self { bar, meter: Arc::new(Mutex::new(Meter::new(now()))) }
    }

    /// A line that tells what happened: on its own, whole, and at once.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let write = || {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}")?;
            out.flush()
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// A word to whoever sits there.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// The run made a checkpoint with this progress.
    pub(crate) fn kept(&self, progress: &Progress) {
        self.meter().kept(progress, now());
    }

    /// Shows how far the run is, over and over.
    pub(crate) async fn show(&self) {
        let period = if self.bar.is_some() { REDRAW } else { PLAIN };
        let mut ticks = tokio::time::interval_at((now() + period).into(), period);
        loop {
            ticks.tick().await;
            self.draw();
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn draw(&self) {
        let reading = self.meter().read(now());
        let Some(bar) = &self.bar else {
            eprintln!("{} {}", reading.step, reading.figures);
            return;
        };
        // An unknown total is an empty bar, not a full one.
        bar.set_length(reading.total.max(1).into());
        bar.set_position(reading.done.into());
        bar.set_prefix(reading.step);
        bar.set_message(reading.figures);
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().expect("nothing panics while it is held")
    }
}

fn bar() -> ProgressBar {
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let template = if plain { "{prefix} {wide_bar} {msg}" } else { "{prefix} {wide_bar:.cyan/dim} {msg}" };
    let style = ProgressStyle::with_template(template).expect("the template is sound").progress_chars("█▉▊▋▌▍▎▏ ");
    ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr()).with_style(style)
}

#[expect(clippy::disallowed_methods, reason = "who looks at a bar lives in real time")]
fn now() -> Instant {
    Instant::now()
}
