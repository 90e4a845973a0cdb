//! Why something is paused, and how long.

use clap::Args;
use longhaul::Timestamp;
use longhaul_inspect::words;
use serde_json::{Value, json};

use crate::{error::CliError, session::instant};

#[derive(Args, Clone, Debug)]
pub(super) struct Pausing {
    /// Why, for those who look.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// It ends by itself at this time: `2026-11-20T21:00:00Z`.
    #[arg(long, value_name = "TIME", conflicts_with = "lasts", value_parser = instant)]
    until: Option<String>,
    /// It ends by itself after so long: `90s`, `1h30m`.
    #[arg(long = "for", value_name = "DURATION")]
    lasts: Option<String>,
    /// Also what nothing has used yet.
    #[arg(long)]
    new: bool,
}

impl Pausing {
    pub(super) const fn query(&self) -> &'static str {
        if self.new { "new=true" } else { "" }
    }

    pub(super) fn body(&self, now: Timestamp) -> Result<Value, CliError> {
        let until = match &self.lasts {
            None => self.until.clone(),
            Some(text) => {
                let wrong = || CliError::Usage(format!("`{text}` is no duration: write 90s, 15m or 1h30m"));
                let end = words::read_duration(text).map(|long| now.after(long)).ok_or_else(wrong)?;
                Some(end.to_string())
            }
        };
        Ok(json!({ "reason": self.reason, "until": until }))
    }
}
