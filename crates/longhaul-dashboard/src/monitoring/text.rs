//! The text format of Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use longhaul::Timestamp;
use longhaul_inspect::{InspectError, Inspector};

/// A metric with its values.
struct Metric {
    name: &'static str,
    about: &'static str,
    values: Vec<(String, f64)>,
}

/// A value between quotes.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub(super) async fn metrics(inspector: &Inspector) -> Result<String, InspectError> {
    let (statistics, queues, servers) =
        (inspector.client().store().statistics().await?, inspector.queues().await?, inspector.servers().await?);
    let now = inspector.now();
    let runs = statistics.counts.rows().map(|row| {
        let (kind, queue, state) = (quoted(row.kind.as_str()), quoted(row.queue.as_str()), row.state);
        (format!("kind=\"{kind}\",queue=\"{queue}\",state=\"{state}\""), row.runs as f64)
    });
    let of_queue = |queue: &longhaul::Queue| format!("queue=\"{}\"", quoted(queue.as_str()));
    let age = |at: Option<Timestamp>| at.map_or(0.0, |at| now.since(at).as_secs_f64());
    let server = |of: &longhaul_inspect::ServerView, value: f64| {
        (format!("server=\"{}\",id=\"{}\"", quoted(&of.name), of.id), value)
    };
    let all = [
        Metric { name: "longhaul_store_runs", about: "Runs of the store by state.", values: runs.collect() },
        Metric {
            name: "longhaul_store_queue_due",
            about: "Runs that are due and wait.",
            values: queues.iter().map(|queue| (of_queue(&queue.queue), queue.due as f64)).collect(),
        },
        Metric {
            name: "longhaul_store_queue_oldest_seconds",
            about: "How long the one of them has been due that has waited longest.",
            values: queues.iter().map(|queue| (of_queue(&queue.queue), age(queue.oldest))).collect(),
        },
        Metric {
            name: "longhaul_store_server_heard_seconds",
            about: "How long ago a server was heard.",
            values: servers.iter().map(|of| server(of, now.since(of.last_beat).as_secs_f64())).collect(),
        },
        Metric {
            name: "longhaul_store_server_running",
            about: "Runs that a server executes.",
            values: servers.iter().map(|of| server(of, of.running.len() as f64)).collect(),
        },
    ];
    let mut text = String::new();
    for Metric { name, about, values } in all {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{{{labels}}} {value}");
        }
    }
    Ok(text)
}
