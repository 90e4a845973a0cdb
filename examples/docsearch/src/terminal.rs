//! What people see: lines that always come, and between them a bar, or a line every two seconds.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use docsearch_engine::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::{margin::Margin, meter::Meter};

/// How often the bar is drawn anew, and how often a plain line comes instead.
const REDRAW: Duration = Duration::from_millis(100);
const PLAIN: Duration = Duration::from_secs(2);

/// The terminal, or what is there instead of one. The lines that tell what happened go to stdout, all else to stderr.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
    /// What stands beside the bar.
    captions: Arc<Mutex<Captions>>,
    meter: Arc<Mutex<Meter>>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let captions = Arc::default();
        let bar = io::stderr().is_terminal().then(|| bar(&captions));
        Self { bar, captions, meter: Arc::new(Mutex::new(Meter::new(now()))) }
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
            eprintln!("{} {}", reading.step, reading.figures(usize::MAX));
            return;
        };
        let figures = reading.figures(Margin::of_stderr().columns().into());
        *self.captions.lock().expect(HELD) = Captions { step: reading.step, figures };
        // All at once: each setter of the bar would draw it by itself, half of it new.
        bar.update(|state| {
            // An unknown total is an empty bar, not a full one.
            state.set_len(reading.total.max(1).into());
            state.set_pos(reading.done.into());
        });
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().expect(HELD)
    }
}

#[derive(Debug, Default)]
struct Captions {
    step: String,
    figures: String,
}

const HELD: &str = "nothing panics while it is held";

/// The bar fills its line, so the figures have the next one: a terminal of 80 columns has no room for both.
fn bar(captions: &Arc<Mutex<Captions>>) -> ProgressBar {
    // Stdout may go elsewhere. Either way, `NO_COLOR` is asked.
    console::set_colors_enabled(console::colors_enabled_stderr());
    let caption = |choose: fn(&Captions) -> &str| {
        let captions = captions.clone();
        move |_: &ProgressState, text: &mut dyn fmt::Write| {
            // To write into a text cannot fail.
            let _ = text.write_str(choose(&captions.lock().expect(HELD)));
        }
    };
    let style = ProgressStyle::with_template("{step} {wide_bar:.cyan/dim}\n{figures}")
        .expect("the template is sound")
        .with_key("step", caption(|captions| &captions.step))
        .with_key("figures", caption(|captions| &captions.figures))
        .progress_chars("█▉▊▋▌▍▎▏ ");
    let target = ProgressDrawTarget::term_like(Box::new(Margin::of_stderr()));
    ProgressBar::with_draw_target(Some(1), target).with_style(style)
}

#[expect(clippy::disallowed_methods, reason = "who looks at a bar lives in real time")]
fn now() -> Instant {
    Instant::now()
}
