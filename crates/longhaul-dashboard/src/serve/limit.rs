//! The form of limits.

use longhaul_inspect::{InspectError, LimitRequest, words};

use crate::form::Form;

/// What the form asks for; `None`: the limits of the code.
pub(super) fn request(form: &Form) -> Result<Option<LimitRequest>, InspectError> {
    if form.get("reset").is_some() {
        return Ok(None);
    }
    let mut request = LimitRequest::default();
    request.running = number(form, "running")?;
    request.per_key = number(form, "per_key")?;
    request.weight = number(form, "weight")?;
    request.rate = form.get("rate").map(str::parse).transpose().map_err(|why| wrong("rate", why))?;
    request.rate_per_key =
        form.get("rate_per_key").map(str::parse).transpose().map_err(|why| wrong("rate_per_key", why))?;
    let ageing = form.get("ageing").map(|text| {
        let step = words::read_duration(text).map(|step| step.as_secs_f64());
        step.ok_or_else(|| wrong("ageing", format!("`{text}` is no duration: write 90s, 10m or 1h30m")))
    });
    request.ageing_seconds = ageing.transpose()?;
    request.fair_by_key = form.get("fair_by_key").is_some();
    Ok(Some(request))
}

fn number<N: std::str::FromStr>(form: &Form, name: &str) -> Result<Option<N>, InspectError> {
    let number = form.get(name).map(|text| text.trim().parse().map_err(|_| text));
    number.transpose().map_err(|text| wrong(name, format!("`{text}` is no number that is possible here")))
}

fn wrong(field: &str, why: String) -> InspectError {
    InspectError::Invalid { field: Some(field.to_owned()), why }
}
