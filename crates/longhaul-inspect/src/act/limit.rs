//! Limits that an operator sets.

use std::{fmt, str::FromStr, time::Duration};

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

/// `100/60s`, `10/1m`, `5/h`: how many, and in which period.
///
/// ```
/// use longhaul_inspect::RateRequest;
///
/// let rate: RateRequest = "10/1m".parse()?;
/// assert_eq!((rate.max, rate.per_seconds, rate.to_string()), (10, 60.0, "10/60s".into()));
/// # Ok::<(), String>(())
/// ```
impl FromStr for RateRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (max, period) = text.split_once('/')?;
            let period = period.trim();
            let (number, unit) = period.split_at(period.find(|c: char| !c.is_ascii_digit() && c != '.')?);
            let number: f64 = if number.is_empty() { 1.0 } else { number.parse().ok()? };
            let unit = match unit.trim() {
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
            Some(Self { max: max.trim().parse().ok()?, per_seconds: number * unit })
        };
        read().ok_or_else(|| format!("`{text}` is no rate: write 100/60s, 10/1m or 5/h"))
    }
}

impl fmt::Display for RateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.max, self.per_seconds)
    }
}

impl From<Rate> for RateRequest {
    fn from(rate: Rate) -> Self {
        Self { max: rate.max(), per_seconds: rate.per().as_secs_f64() }
    }
}

impl RateRequest {
    fn rate(self, field: &str) -> Result<Rate, InspectError> {
        let per = Duration::try_from_secs_f64(self.per_seconds);
        let per = per.map_err(|error| InspectError::invalid(field, error))?;
        Rate::new(self.max, per).map_err(|error| InspectError::invalid(field, error))
    }
}

fn ageing(seconds: f64) -> Result<Ageing, InspectError> {
    let invalid = |error: &dyn fmt::Display| InspectError::invalid("ageing_seconds", error);
    let step = Duration::try_from_secs_f64(seconds).map_err(|error| invalid(&error))?;
    Ageing::new(step).map_err(|error| invalid(&error))
}

impl LimitRequest {
    fn limits(&self, scope: &Scope) -> Result<Limits, InspectError> {
        let Self { running, per_key, rate, rate_per_key, weight, ageing_seconds, fair_by_key } = *self;
        let only = |field, is_there: bool, what| {
            if is_there { Err(InspectError::invalid(field, format!("only a {what} has this limit"))) } else { Ok(()) }
        };
        for (field, is_zero) in
            [("running", running == Some(0)), ("per_key", per_key == Some(0)), ("weight", weight == Some(0))]
        {
            if is_zero {
                return Err(InspectError::invalid(field, "0 lets nothing start: pause it instead"));
            }
        }
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
    /// [`InspectError::Invalid`] for a limit that the scope does not have, or a rate that is none, and
    /// [`InspectError::NotFound`] for a queue or a kind that nobody knows.
    pub async fn limit(&self, scope: &Scope, limits: Option<LimitRequest>, by: &By) -> Result<Control, InspectError> {
        let limits = limits.map(|limits| limits.limits(scope)).transpose()?;
        let control = self.control_of(scope, by).await?;
        let now = match limits {
            Some(limits) => control.limit(limits).await?,
            None => control.reset_limits().await?,
        };
        report(scope, "limit", by);
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_number_and_a_period() {
        assert_eq!("100/60s".parse(), Ok(RateRequest { max: 100, per_seconds: 60.0 }));
        let half = RateRequest { max: 3, per_seconds: 0.5 };
        assert_eq!((half.to_string().parse(), half.to_string().as_str()), (Ok(half), "3/0.5s"));
        assert_eq!("5/h".parse(), Ok(RateRequest { max: 5, per_seconds: 3600.0 }));
        for wrong in ["", "5", "5/", "/s", "5/6", "x/1s", "-1/s", "5/1d", "5/.s", "5/1.2.3s"] {
            assert!(wrong.parse::<RateRequest>().is_err(), "{wrong}");
        }
    }
}
