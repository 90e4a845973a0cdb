//! Which runs.

use clap::Args;
use form_urlencoded::Serializer;
use longhaul_inspect::RunQuery;

use crate::error::CliError;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Filter {
    /// Only these kinds.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only these states: pending, running, suspended, retrying, completed, failed, cancelled, incompatible.
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    /// Only these queues.
    #[arg(long, value_name = "QUEUE")]
    queue: Vec<String>,
    /// Only runs with all of these tags.
    #[arg(long, value_name = "KEY:VALUE")]
    tag: Vec<String>,
    /// Only runs that were enqueued since: `2026-11-20T21:00`, or `2h` for two hours ago.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only runs that were enqueued before this time.
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        let Self { kind, state, queue, tag, from, before } = self;
        [kind, state, queue, tag].iter().all(|values| values.is_empty()) && from.is_none() && before.is_none()
    }

    /// As the query of a URL, checked here: a slip is said before anybody is asked.
    pub(super) fn query(&self, more: &[(&str, String)]) -> Result<RunQuery, CliError> {
        let mut query = Serializer::new(String::new());
        let lists = [&self.kind, &self.state, &self.queue, &self.tag].into_iter().flatten();
        // A variable of a script that is not set would mean all runs.
        if lists.chain(&self.from).chain(&self.before).any(|value| value.trim().is_empty()) {
            return Err(CliError::Usage("a filter is empty: leave it out, or say what is meant".into()));
        }
        for (key, values) in [("kind", &self.kind), ("state", &self.state), ("queue", &self.queue), ("tag", &self.tag)]
        {
            for value in values {
                query.append_pair(key, value);
            }
        }
        for (key, value) in [("from", &self.from), ("before", &self.before)] {
            if let Some(value) = value {
                query.append_pair(key, value);
            }
        }
        for (key, value) in more {
            query.append_pair(key, value);
        }
        RunQuery::parse(&query.finish()).map_err(|error| CliError::Usage(error.to_string()))
    }
}
