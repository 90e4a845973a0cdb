//! The limits of a queue or a kind.

use std::time::Duration;

use clap::Args;
use longhaul_inspect::{LimitRequest, RateRequest, words};
use serde_json::Value;

use crate::{
    error::{CliError, Exit},
    session::{Session, plain},
};

/// What queues and kinds have.
#[derive(Args, Clone, Debug)]
pub(super) struct Limits {
    /// How many may run at the same time.
    #[arg(long, value_name = "N")]
    pub(super) running: Option<u32>,
    /// How many may start in a period: `100/60s`, `10/1m`.
    #[arg(long, value_name = "N/PERIOD")]
    pub(super) rate: Option<RateRequest>,
}

/// How they are set.
#[derive(Args, Clone, Debug)]
pub(super) struct Setting {
    /// The limits that the code declares hold again.
    #[arg(long)]
    reset: bool,
    /// Also one that nothing has used yet.
    #[arg(long)]
    new: bool,
    /// Shows what would be set.
    #[arg(long)]
    dry_run: bool,
}

/// `name`: as people know it.
pub(super) async fn set(
    path: &str,
    name: &str,
    request: &LimitRequest,
    setting: &Setting,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    let is_empty = *request == LimitRequest::default();
    if setting.reset != is_empty {
        let why = if is_empty {
            "which limit? --help lists them; --reset for those of the code"
        } else {
            "either limits are set, or --reset has those of the code hold again"
        };
        return Err(CliError::Usage(why.into()));
    }
    let body = if setting.reset { Value::Null } else { serde_json::to_value(request).expect("limits are JSON") };
    if setting.dry_run {
        if !session.is_text() {
            return session.json(&body);
        }
        let would = if setting.reset { "those of the code".to_owned() } else { described(&body) };
        session.say(&format!("would set the limits of {name}: {would}"))?;
        return Ok(Exit::Done);
    }
    let control = session.post(path, if setting.new { "new=true" } else { "" }, &body).await;
    let control = control.map_err(CliError::or_new)?;
    if !session.is_text() {
        return session.json(&control);
    }
    let limits = described(&control["limits"]);
    let limits = if limits.is_empty() { "no limits".to_owned() } else { limits };
    session.say(&format!("{name}: {limits}"))?;
    Ok(Exit::Done)
}

/// `4 running, 100/60s, weight 2, one level per 10 min, fair by key`
pub(super) fn described(limits: &Value) -> String {
    let mut parts = Vec::new();
    let rate = |name: &str| -> Option<String> {
        let of = &limits[name];
        Some(format!("{}/{}s", of["max"].as_u64()?, plain(&of["per_seconds"]).trim_end_matches(".0")))
    };
    parts.extend(limits["running"].as_u64().map(|running| format!("{running} running")));
    parts.extend(limits["per_key"].as_u64().map(|running| format!("{running} per key")));
    parts.extend(rate("rate"));
    parts.extend(rate("rate_per_key").map(|rate| format!("{rate} per key")));
    parts.extend(limits["weight"].as_u64().map(|weight| format!("weight {weight}")));
    if let Some(step) = limits["ageing_seconds"].as_f64() {
        let step = Duration::try_from_secs_f64(step).map_or_else(|_| format!("{step} s"), words::duration);
        parts.push(format!("one level per {step}"));
    }
    if limits["fair_by_key"] == true {
        parts.push("fair by key".to_owned());
    }
    parts.join(", ")
}
