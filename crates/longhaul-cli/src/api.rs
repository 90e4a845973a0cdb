//! Where the JSON API is: in this process, behind a socket, or behind a URL.

pub(crate) mod http;

use longhaul::Timestamp;
use longhaul_inspect::{
    Inspector,
    api::{Operation, RouteError},
};
use serde_json::Value;

use crate::error::CliError;
use http::Http;

/// Where the JSON API is. Commands know nothing else, so each works everywhere.
pub(crate) enum Api {
    /// This process has the store.
    Here(Inspector),
    /// Somebody else has it.
    There(Http),
}

/// A call of the API.
pub(crate) struct Call<'a> {
    pub(crate) method: &'static str,
    /// After `/api/v1`, with its segments encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: Option<&'a Value>,
}

impl Api {
    pub(crate) async fn get(&self, path: &str, query: &str) -> Result<Value, CliError> {
        self.call("", Call { method: "GET", path, query, body: None }).await
    }

    pub(crate) async fn call(&self, actor: &str, call: Call<'_>) -> Result<Value, CliError> {
        let (status, value) = match self {
            Self::Here(inspector) => {
                let operation = Operation::parse(call.method, call.path).map_err(|error| match error {
                    RouteError::Name { field, why } => CliError::Usage(format!("{field}: {why}")),
                    error => CliError::NotFound(format!("{} {}: {error}", call.method, call.path)),
                })?;
                let body = call.body.map(ToString::to_string).unwrap_or_default();
                inspector.perform(&operation, call.query, body.as_bytes(), actor).await
            }
            Self::There(http) => http.call(actor, &call).await?,
        };
        if (200..300).contains(&status) { Ok(value) } else { Err(refusal(status, &value)) }
    }

    /// The time by which ages are shown.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Here(inspector) => inspector.now(),
            Self::There(_) => longhaul::Clock::now(&longhaul::SystemClock),
        }
    }
}

fn refusal(status: u16, value: &Value) -> CliError {
    let error = &value["error"];
    let unknown =
        || format!("the answer has the status {status}, and is none of longhaul: is a dashboard at this address?");
    let text = error["text"].as_str().map_or_else(unknown, str::to_owned);
    let text = match error["field"].as_str() {
        Some(field) if !text.contains(field) => format!("{field}: {text}"),
        _ => text,
    };
    match (status, error["code"].as_str()) {
        (_, Some("other_version")) | (502..=504, _) => CliError::Unreachable(text),
        (404, _) => CliError::NotFound(text),
        (409, _) => CliError::Refused(text),
        (400 | 413 | 422, _) => CliError::Usage(text),
        (401 | 403, _) => {
            let text = text.trim_end_matches('.');
            CliError::Failed(format!("{text}: hand in a token that may do this, by --token or LONGHAUL_TOKEN"))
        }
        _ => CliError::Failed(text),
    }
}
