//! The forms that make and change schedules.

use axum::response::Response;
use longhaul::{ScheduleName, store_api::schedule::Timing};
use longhaul_inspect::{
    InspectError, InstantAction, InstantRequest, MissedRequest, OverlapRequest, ScheduleRequest, ScheduleView,
    TimeBound, words,
};

use super::{
    Asked, items,
    read::{metadata, metadata_differs, priority, refused, several, time, wrong},
};
use crate::{
    form::Form,
    mount::segment,
    page::{
        fields::{self, Wrong},
        schedule,
        start::Known,
    },
    reply,
};

pub(super) async fn create(asked: &Asked<'_>, form: &Form) -> Result<Response, InspectError> {
    let known = asked.known().await?;
    if let Some(edited) = items::edited(form, &known.kinds) {
        return Ok(reply::html(200, schedule::create(&asked.view(None), &known, &edited, &Vec::new())));
    }
    let (status, wrong) = match new(form, &known) {
        Err(wrong) => (422, wrong),
        Ok(request) => match asked.inspector().create_schedule(&request, &asked.by(form)).await {
            Ok(made) => {
                let name = segment(made.info.name().as_str());
                return Ok(reply::see(&asked.mount.to(format_args!("/schedules/{name}?done=create"))));
            }
            Err(error) => of_form(refused(error, &known.kinds, form)?),
        },
    };
    Ok(reply::html(status, schedule::create(&asked.view(None), &known, form, &wrong)))
}

pub(super) async fn change(asked: &Asked<'_>, name: &ScheduleName, form: &Form) -> Result<Response, InspectError> {
    let (known, before) = (asked.known().await?, asked.inspector().schedule(name).await?);
    if let Some(edited) = items::edited(form, &known.kinds) {
        return Ok(reply::html(200, schedule::schedule(&asked.view(None), &before, &known, &edited, &Vec::new())));
    }
    let (status, wrong) = match changed(form, &before, &known) {
        Err(wrong) => (422, wrong),
        Ok(request) => match asked.inspector().change_schedule(name, &request, &asked.by(form)).await {
            Ok(_) => return Ok(reply::see(&asked.mount.to(format_args!("{}?done=change", asked.path)))),
            Err(error) => of_form(refused(error, &known.kinds, form)?),
        },
    };
    Ok(reply::html(status, schedule::schedule(&asked.view(None), &before, &known, form, &wrong)))
}

fn new(form: &Form, known: &Known) -> Result<ScheduleRequest, Wrong> {
    let mut request = when(form)?;
    request.name = form.get("name").map(str::to_owned);
    request.kind = form.get("kind").map(str::to_owned);
    request.metadata = Some(metadata(&known.kinds, form)?);
    let requires: Vec<String> = several(form, "requires").map(str::to_owned).collect();
    request.requires = (!requires.is_empty()).then_some(requires);
    Ok(request)
}

fn changed(form: &Form, before: &ScheduleView, known: &Known) -> Result<ScheduleRequest, Wrong> {
    let mut request = when(form)?;
    let has_metadata = form.names().any(|name| name.starts_with(fields::PREFIX) || name == "metadata");
    // What the page showed, read as the form is: what people must not see is missing in both.
    let mut shown = prefilled(Form::default(), before, known);
    shown.set("as", form.get("as").unwrap_or_default());
    if has_metadata && metadata_differs(&known.kinds, &shown, form) {
        request.metadata = Some(metadata(&known.kinds, form)?);
    }
    request.requires = Some(several(form, "requires").map(str::to_owned).collect());
    Ok(request)
}

/// Leaves an instant out, moves it, or puts it back.
pub(super) async fn instant(
    asked: &Asked<'_>,
    name: &ScheduleName,
    action: InstantAction,
    form: &Form,
) -> Result<Response, InspectError> {
    let read = |field: &str| {
        time(form, field).map_err(|wrong| {
            let why = wrong.into_iter().map(|(_, why)| why).collect();
            InspectError::Invalid { field: Some(field.to_owned()), why }
        })
    };
    let instant = read("instant")?;
    let missing = || InspectError::Invalid { field: Some("instant".into()), why: "It is needed.".into() };
    let mut request = InstantRequest::new(instant.ok_or_else(missing)?);
    request.to = read("to")?;
    asked.inspector().act_on_instant(name, action, &request, &asked.by(form)).await?;
    let name = segment(name.as_str());
    Ok(reply::see(&asked.mount.to(format_args!("/schedules/{name}?done={}", action.as_str()))))
}

/// A request has the interval under another name than the form.
fn of_form((status, mut wrong): (u16, Wrong)) -> (u16, Wrong) {
    for (field, _) in wrong.iter_mut().filter(|(field, _)| field == "every_seconds") {
        "every".clone_into(field);
    }
    (status, wrong)
}

/// What both forms have.
fn when(form: &Form) -> Result<ScheduleRequest, Wrong> {
    let mut request = ScheduleRequest::default();
    let text = |name: &str| form.get(name).map(str::to_owned);
    let needed = |name: &str| text(name).ok_or_else(|| wrong(name, "It is needed."));
    match form.get("how") {
        Some("every") => {
            let every = words::read_duration(&needed("every")?);
            let every = every.ok_or_else(|| wrong("every", "A duration, such as 15m, 1h30m or 1d."))?;
            request.every_seconds = Some(every.as_secs_f64());
        }
        Some("cron") => (request.cron, request.zone) = (Some(needed("cron")?), text("zone")),
        Some("once") => {
            request.once = Some(time(form, "once")?.ok_or_else(|| wrong("once", "It is needed."))?);
        }
        _ => return Err(wrong("", "When is it due?")),
    }
    // An empty field says that there is none.
    request.starting = time(form, "starting")?.filter(|_| request.once.is_none()).into();
    request.ending = time(form, "ending")?.filter(|_| request.once.is_none()).into();
    if request.once.is_none() {
        let dates = several(form, "except").map(str::parse).collect::<Result<_, longhaul::DateError>>();
        request.except = Some(dates.map_err(|error| wrong("except", error.to_string()))?);
    }
    request.overlap = match form.get("overlap") {
        None => None,
        Some("skip") => Some(OverlapRequest::Skip),
        Some("queue") => Some(OverlapRequest::Queue),
        Some("allow") => Some(OverlapRequest::Allow),
        Some("cancel_running") => Some(OverlapRequest::CancelRunning),
        Some(_) => return Err(wrong("", "What happens if the run before is not finished?")),
    };
    request.missed = match form.get("missed") {
        None => None,
        Some("skip") => Some(MissedRequest::Skip),
        Some("once") => Some(MissedRequest::Once),
        Some(max) => {
            let max = max.parse().map_err(|_| wrong("", "What happens to instants at which no server lived?"))?;
            Some(MissedRequest::All(max))
        }
    };
    request.queue = text("queue");
    request.priority = priority(form)?;
    Ok(request)
}

/// What the fields of a schedule hold at first, below what the address says.
pub(super) fn prefilled(mut values: Form, of: &ScheduleView, known: &Known) -> Form {
    let (info, schedule) = (&of.info, of.schedule());
    values.put_if_missing("kind", info.kind().as_str());
    let local = |at: longhaul::Timestamp| at.to_string().get(..19).unwrap_or_default().to_owned();
    match &schedule.timing {
        Timing::Every(interval) => {
            values.put_if_missing("how", "every");
            values.put_if_missing("every", &TimeBound::Ago(*interval).to_string());
        }
        Timing::Cron { pattern, zone } => {
            values.put_if_missing("how", "cron");
            values.put_if_missing("cron", pattern);
            values.put_if_missing("zone", zone);
        }
        Timing::Once(at) => {
            values.put_if_missing("how", "once");
            values.put_if_missing("once", &local(*at));
        }
    }
    if let Some(starting) = schedule.starting {
        values.put_if_missing("starting", &local(starting));
    }
    if let Some(ending) = schedule.ending {
        values.put_if_missing("ending", &local(ending));
    }
    let dates: Vec<String> = schedule.except.iter().map(ToString::to_string).collect();
    values.put_if_missing("except", &dates.join(", "));
    values.put_if_missing(
        "overlap",
        match schedule.overlap {
            longhaul::Overlap::Skip => "skip",
            longhaul::Overlap::Queue => "queue",
            longhaul::Overlap::Allow => "allow",
            longhaul::Overlap::CancelRunning => "cancel_running",
        },
    );
    values.put_if_missing(
        "missed",
        &match schedule.missed {
            longhaul::Missed::Skip => "skip".to_owned(),
            longhaul::Missed::Once => "once".to_owned(),
            longhaul::Missed::All(max) => max.to_string(),
        },
    );
    values.put_if_missing("queue", info.queue().as_str());
    values.put_if_missing("priority", &info.priority().0.to_string());
    let labels: Vec<&str> = info.requires().iter().map(longhaul::Label::as_str).collect();
    values.put_if_missing("requires", &labels.join(", "));
    if let Some(value) = of.metadata.content.value() {
        items::put_value(&mut values, &known.kinds, value);
    }
    values
}
