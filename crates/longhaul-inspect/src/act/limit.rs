//! Limits that an operator sets.

use std::time::Duration;

use longhaul::{Ageing, Control, Limits, Rate, Scope};
use serde::{Deserialize, Serialize};

use super::{By, report};
use crate::{InspectError, Inspector};

/// Limits of a queue or a kind, in the form that a [`Limits`] has as JSON. They replace what was set before; what is left
/// out is not limited.
///
/// ```
/// use longhaul_inspect::LimitRequest;
///
/// let request: LimitRequest = serde_json::from_str(r#"{"running": 4, "rate": {"max": 10, "per_seconds": 60}}"#)?;
/// assert_eq!((request.running, request.rate.unwrap().max), (Some(4), 10));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LimitRequest {
    /// How many may run at the same time.
    pub running: Option<u32>,
    /// How many with the same limit key may run at the same time. For a kind only.
    pub per_key: Option<u32>,
    /// How many may start in a period.
    pub rate: Option<RateRequest>,
    /// How many with the same limit key may start in a period. For a kind only.
    pub rate_per_key: Option<RateRequest>,
    /// The share of a queue beside others. For a queue only.
    pub weight: Option<u16>,
    /// After how many seconds of waiting the priority of a run has grown by one level. For a queue only.
    pub ageing_seconds: Option<f64>,
    /// Limit keys take turns. For a queue only.
    pub fair_by_key: bool,
}

/// So many in a period.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "a rate is these two numbers")]
pub struct RateRequest {
    /// How many.
    pub max: u32,
    /// The period in seconds.
    pub per_seconds: f64,
}

impl RateRequest {
    fn rate(self, field: &str) -> Result<Rate, InspectError> {
        let per = Duration::try_from_secs_f64(self.per_seconds);
        let per = per.map_err(|error| InspectError::invalid(field, error))?;
        Rate::new(self.max, per).map_err(|error| InspectError::invalid(field, error))
    }
}

fn ageing(seconds: f64) -> Result<Ageing, InspectError> {
    let invalid = |error: &dyn std::fmt::Display| InspectError::invalid("ageing_seconds", error);
    let step = Duration::try_from_secs_f64(seconds).map_err(|error| invalid(&error))?;
    Ageing::new(step).map_err(|error| invalid(&error))
}

impl LimitRequest {
    fn limits(&self, scope: &Scope) -> Result<Limits, InspectError> {
        let Self { running, per_key, rate, rate_per_key, weight, ageing_seconds, fair_by_key } = *self;
        let only = |field, is_there: bool, what| {
            if is_there { Err(InspectError::invalid(field, format!("only a {what} has this limit"))) } else { Ok(()) }
        };
        match scope {
            Scope::Queue(_) => {
                only("per_key", per_key.is_some(), "kind")?;
                only("rate_per_key", rate_per_key.is_some(), "kind")?;
            }
            Scope::Kind(_) => {
                only("weight", weight.is_some(), "queue")?;
                only("ageing_seconds", ageing_seconds.is_some(), "queue")?;
                only("fair_by_key", fair_by_key, "queue")?;
            }
            Scope::Server(_) => {
                return Err(InspectError::refused("a server has no limits: its code says what it takes"));
            }
            Scope::LimitKey(..) => {
                return Err(InspectError::refused(
                    "a limit key has no limits of its own: those of its kind hold per key",
                ));
            }
        }
        Ok(Limits {
            running,
            per_key,
            rate: rate.map(|rate| rate.rate("rate")).transpose()?,
            rate_per_key: rate_per_key.map(|rate| rate.rate("rate_per_key")).transpose()?,
            weight,
            ageing: ageing_seconds.map(ageing).transpose()?,
            fair_by_key,
        })
    }
}

impl Inspector {
    /// Sets the limits of a queue or a kind; `None`: those that code declares hold again.
    ///
    /// # Errors
    /// [`InspectError::Invalid`] for a limit that the scope does not have, or a rate that is none.
    pub async fn limit(&self, scope: &Scope, limits: Option<LimitRequest>, by: &By) -> Result<Control, InspectError> {
        let limits = limits.map(|limits| limits.limits(scope)).transpose()?;
        let client = self.client().acting_as(&by.actor);
        let control = match scope {
            Scope::Queue(queue) => client.queue(queue.as_str())?,
            Scope::Kind(kind) => client.kind_named(kind.as_str())?,
            Scope::Server(server) => client.server(*server),
            Scope::LimitKey(kind, key) => client.limit_key(kind.as_str(), key.as_str())?,
        };
        let now = match limits {
            Some(limits) => control.limit(limits).await?,
            None => control.reset_limits().await?,
        };
        report(scope, "limit", by);
        Ok(now)
    }
}
