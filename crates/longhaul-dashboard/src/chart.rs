//! Charts, drawn as SVG on the server: no script, and no style in an attribute.

use longhaul_inspect::{MinuteView, words};
use maud::{Markup, html};

const HEIGHT: u64 = 96;
const BAR: u64 = 8;
const GAP: u64 = 2;

/// What ended in each minute: completed, retried and failed on top of each other.
pub(crate) fn throughput(minutes: &[MinuteView]) -> Markup {
    let parts = |minute: &MinuteView| {
        [
            ("completed", minute.completed),
            ("cancelled", minute.cancelled),
            ("retrying", minute.retried),
            ("failed", minute.failed),
        ]
    };
    let total = |minute: &MinuteView| parts(minute).iter().map(|(_, runs)| runs).sum::<u64>();
    let top = minutes.iter().map(total).max().unwrap_or(0).max(1);
    let width = minutes.len() as u64 * (BAR + GAP);
    let ended: u64 = minutes.iter().map(total).sum();
    html! {
        figure .chart {
            svg role="img" viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none"
                aria-label=(format!("{ended} attempts ended in the last hour, at most {top} in a minute")) {
                @for line in 1..4u64 {
                    line .grid x1="0" x2=(width) y1=(HEIGHT * line / 4) y2=(HEIGHT * line / 4) {}
                }
                @for (at, minute) in minutes.iter().enumerate() {
                    g { title { (time(minute)) " UTC: " (minute.completed) " completed, " (minute.retried)
                        " failed and tried again, " (minute.failed) " failed, " (minute.cancelled) " cancelled" }
                        (bar(at as u64 * (BAR + GAP), &parts(minute), top)) }
                }
            }
            figcaption {
                span { "an hour ago" }
                span { "at most " (words::count(top)) " a minute" }
                span { "now" }
            }
        }
    }
}

fn bar(x: u64, parts: &[(&'static str, u64)], top: u64) -> Markup {
    let mut rest = HEIGHT;
    html! {
        // The whole column can be pointed at, also where nothing happened.
        rect .hover x=(x) y="0" width=(BAR + GAP) height=(HEIGHT) {}
        @for (state, runs) in parts.iter().filter(|(_, runs)| *runs > 0) {
            // What happened at all is seen: a pixel at least.
            @let height = (runs * HEIGHT / top).max(1).min(rest);
            @let y = { rest -= height; rest };
            rect class=(format!("bar-{state}")) x=(x) y=(y) width=(BAR) height=(height) {}
        }
    }
}

fn time(minute: &MinuteView) -> String {
    minute.starts.to_string().get(11..16).unwrap_or_default().to_owned()
}
