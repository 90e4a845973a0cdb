//! What requests say, in their bodies and their queries.

use longhaul::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{By, InspectError, RunAction, RunQuery, ScopeAction, act};

/// What the body of an action says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionBody {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    from: Option<act::From>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    pub(super) as_run: bool,
    #[serde(default)]
    pub(super) page: bool,
}

impl ActionBody {
    pub(super) fn parse(body: &[u8]) -> Result<Self, InspectError> {
        if body.iter().all(u8::is_ascii_whitespace) { Ok(Self::default()) } else { read(body) }
    }

    pub(super) fn by(&self, actor: &str) -> By {
        By::new(actor).because(self.reason.clone().unwrap_or_default())
    }

    /// What says nothing for this action is refused: somebody means something by it.
    fn without(self, fields: &[(&str, bool)]) -> Result<Self, InspectError> {
        match fields.iter().find(|(_, is_there)| *is_there) {
            Some((field, _)) => Err(InspectError::invalid(field, "it means nothing for this action")),
            None => Ok(self),
        }
    }

    pub(super) fn of_one(self) -> Result<Self, InspectError> {
        let fields = [("until", self.until.is_some()), ("as_run", self.as_run), ("page", self.page)];
        self.without(&fields)
    }

    pub(super) fn of_scope(self) -> Result<Self, InspectError> {
        let fields =
            [("at", self.at.is_some()), ("from", self.from.is_some()), ("as_run", self.as_run), ("page", self.page)];
        self.without(&fields)
    }

    pub(super) fn with_reason_alone(self) -> Result<Self, InspectError> {
        let until = [("until", self.until.is_some())];
        self.of_scope()?.without(&until)
    }

    pub(super) fn action(&self, action: RunAction) -> Result<RunAction, InspectError> {
        if self.at.is_some() && !matches!(action, RunAction::Proceed { .. }) {
            return Err(InspectError::invalid("at", "only a proceed has a time"));
        }
        if self.from.is_some() && !matches!(action, RunAction::Retry { .. }) {
            return Err(InspectError::invalid("from", "only a retry begins somewhere"));
        }
        Ok(match action {
            RunAction::Proceed { .. } => {
                let at = self.at.as_deref().map(str::parse::<Timestamp>).transpose();
                RunAction::Proceed { at: at.map_err(|error| InspectError::invalid("at", error))? }
            }
            RunAction::Retry { .. } => RunAction::Retry { from: self.from.unwrap_or_default().retry() },
            other => other,
        })
    }

    pub(super) fn scope_action(&self, action: ScopeAction) -> Result<ScopeAction, InspectError> {
        let until = self.until.as_deref().map(str::parse::<Timestamp>).transpose();
        match (action, until.map_err(|error| InspectError::invalid("until", error))?) {
            (ScopeAction::Pause { .. }, until) => Ok(ScopeAction::Pause { until }),
            (other, None) => Ok(other),
            (_, Some(_)) => Err(InspectError::invalid("until", "only a pause has an end")),
        }
    }
}

pub(super) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, InspectError> {
    let wrong = |field, why: &str| InspectError::Invalid { field, why: why.to_owned() };
    let body: Value =
        serde_json::from_slice(body).map_err(|error| wrong(None, &format!("the body is no JSON: {error}")))?;
    // A list would be taken for the fields in their order, and an empty one for an object without any.
    if !body.is_object() {
        return Err(wrong(None, "the body has to be a JSON object"));
    }
    serde_path_to_error::deserialize(body).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner().to_string());
        // A field that is not there, or should not be, has no value that would have a path.
        let named =
            ["missing field `", "unknown field `"].iter().find_map(|begin| why.strip_prefix(begin)?.split('`').next());
        let around = path.trim_end_matches('?').trim_end_matches('.');
        let field = match (around, named) {
            ("", named) => named.map(str::to_owned),
            (around, Some(named)) if around.rsplit('.').next() != Some(named) => Some(format!("{around}.{named}")),
            (around, _) => Some(around.to_owned()),
        };
        wrong(field, &why)
    })
}

/// Whether a query says that names are new.
pub(super) fn are_names_new(query: &str) -> Result<bool, InspectError> {
    is_said(query, "new")
}

/// Whether it is only to be checked.
pub(super) fn is_dry_run(query: &str) -> Result<bool, InspectError> {
    is_said(query, "dry_run")
}

/// Whether a query has the one parameter that it may have.
fn is_said(query: &str, name: &str) -> Result<bool, InspectError> {
    let mut is_said = false;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*value {
            _ if *key != *name => return Err(InspectError::invalid(&key, "there is no such parameter")),
            "true" => is_said = true,
            _ => return Err(InspectError::invalid(name, "only `true` is possible")),
        }
    }
    Ok(is_said)
}

/// Which runs are meant, where something is done to all that match: a slip must not mean all runs.
pub(super) fn matching(query: &str, is_page: bool) -> Result<RunQuery, InspectError> {
    let (mut filters, mut all) = (form_urlencoded::Serializer::new(String::new()), false);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*key, value.trim()) {
            ("all", "true") => all = true,
            ("all", _) => return Err(InspectError::invalid("all", "only `true` is possible")),
            ("limit" | "after", _) if !is_page => {
                return Err(InspectError::invalid(&key, "it is of one page: say `\"page\": true` in the body"));
            }
            (_, "") => return Err(InspectError::invalid(&key, "it is empty: leave it out, or say what is meant")),
            _ => drop(filters.append_pair(&key, &value)),
        }
    }
    let query = RunQuery::parse(&filters.finish())?;
    if !query.is_filtered() && !all {
        return Err(InspectError::invalid("all", "there is no filter: say `all=true` if all runs are meant"));
    }
    Ok(query)
}

/// The numbers that a query has under these names, of which it may leave out any.
pub(super) fn numbers<const N: usize>(query: &str, names: [&str; N]) -> Result<[Option<u64>; N], InspectError> {
    let mut numbers = [None; N];
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some(at) = names.iter().position(|name| *name == key) else {
            return Err(InspectError::invalid(&key, "there is no such parameter"));
        };
        numbers[at] = Some(value.parse().map_err(|error| InspectError::invalid(&key, error))?);
    }
    Ok(numbers)
}
