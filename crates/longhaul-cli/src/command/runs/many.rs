//! What is done to all runs that match: by a run of the program, or a page at a time from here.

use longhaul_inspect::{RunAction, RunQuery, words::short};
use serde_json::{Value, json};

use super::{
    filter::Filter,
    follow::{end, next_change},
    matching::Matching,
};
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Care, Session, capital, items, plain},
};

/// The kind of the runs that do it.
const KIND: &str = "longhaul.bulk-action";
/// Runs of one call: the largest page that the API gives.
const PAGE: usize = 200;
/// So many refusals are printed; the rest is counted.
const TOLD_MAX: usize = 10;
/// How far it is, is said each time that so many more were acted on, where nobody knows how many there are.
const TOLD_EVERY: u64 = 1000;

pub(super) struct Many {
    pub(super) filter: Filter,
    pub(super) care: Care,
    pub(super) no_wait: bool,
}

pub(super) async fn run(action: &str, body: &Value, many: &Many, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut query = many.filter.query(&[])?;
    if let Some(action) = RunAction::parse(action) {
        query = action.chosen_by(&query);
    }
    let all = if query.is_filtered() { "" } else { " There is no filter: these are all runs." };
    let matching = Matching::count(query, session).await?;
    let (count, is_all, runs) = (matching.total(), matching.is_complete, matching.text());
    if many.care.dry_run {
        if session.is_text() {
            session.say(&format!("would {action} {runs}, as far as their states allow it"))?;
        } else {
            session.json(
                &json!({ "action": action, "matched": count, "states": matching.states, "is_complete": is_all }),
            )?;
        }
        return Ok(Exit::Done);
    }
    if count == 0 && is_all {
        session.terminal.remark("No run matches.")?;
        if !session.is_text() {
            session.json(&Outcome::default().json())?;
        }
        return Ok(Exit::Done);
    }
    if !session.is_confirmed(&many.care, &format!("{} {runs}?{all}", capital(action)))? {
        return Ok(Exit::Failed);
    }
    match start(action, body, &many.filter, session).await? {
        Some(id) if many.no_wait => started(&id, session),
        Some(id) => wait(action, &id, session).await,
        None => {
            let outcome = by_pages(action, body, many, is_all.then_some(count), session).await?;
            outcome.tell(action, session)
        }
    }
}

/// The run that does it, if a server executes such runs. What deletes and what has a time is done by none.
async fn start(action: &str, body: &Value, filter: &Filter, session: &Session<'_>) -> Result<Option<String>, CliError> {
    if action == "delete" || !body["at"].is_null() {
        return Ok(None);
    }
    match session.get(&format!("/kinds/{KIND}")).await {
        Ok(kind) if kind["servers"].as_u64().unwrap_or(0) > 0 => {}
        Ok(_) | Err(CliError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = body.clone();
    body["as_run"] = true.into();
    match session.post(&format!("/runs/all/{action}"), &meant(&filter.query(&[])?), &body).await {
        Ok(answer) => Ok(Some(plain(&answer["run"]))),
        // The server is gone since.
        Err(CliError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The filters, or that there are none: whoever is here has named some, or said `--all`.
fn meant(query: &RunQuery) -> String {
    let all = if query.is_filtered() { "" } else { "&all=true" };
    format!("{query}{all}").trim_start_matches('&').to_owned()
}

fn started(id: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    if !session.is_text() {
        return session.json(&json!({ "run": id }));
    }
    session.say(id)?;
    session.hint(&format!("runs follow {}", short(id)))?;
    Ok(Exit::Done)
}

async fn wait(action: &str, id: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    if session.is_text() {
        session.terminal.remark(&format!("{id} does it, and goes on without this command."))?;
    }
    let mut detail = session.get(&format!("/runs/{id}")).await?;
    let (mut told, mut is_told) = (Told::default(), false);
    while !matches!(detail["run"]["state"].as_str(), Some("completed" | "failed" | "cancelled")) {
        let progress = &detail["run"]["progress"];
        told.tell(action, progress["done"].as_u64().unwrap_or(0), progress["total"].as_u64(), session)?;
        if session.is_text() && !is_told && detail["run"]["state"] == "suspended" {
            let proceed = session.typed(&format!("runs proceed {}", short(id)));
            session.terminal.remark(&format!("It is suspended, and waits for: {proceed}"))?;
            is_told = true;
        }
        detail = next_change(id, &detail, session).await?;
    }
    if detail["run"]["state"] == "completed" {
        return Outcome::of_run(id, &detail["values"]["result"]["value"]).tell(action, session);
    }
    if session.is_text() {
        end(&detail, session)?;
    } else {
        session.json(&detail)?;
    }
    Ok(Exit::Failed)
}

async fn by_pages(
    action: &str,
    body: &Value,
    many: &Many,
    total: Option<u64>,
    session: &mut Session<'_>,
) -> Result<Outcome, CliError> {
    let mut body = body.clone();
    body["page"] = true.into();
    let mut query = meant(&many.filter.query(&[("limit", PAGE.to_string())])?);
    let (mut outcome, mut told) = (Outcome::default(), Told::default());
    loop {
        let page = session.post(&format!("/runs/all/{action}"), &query, &body).await?;
        outcome.add(&page);
        let Some(next) = page["next"].as_str() else { return Ok(outcome) };
        told.tell(action, outcome.matched, total, session)?;
        next.clone_into(&mut query);
    }
}

/// How far it is, as far as that was said.
#[derive(Default)]
struct Told {
    /// Percent, or thousands.
    last: u64,
}

impl Told {
    fn tell(&mut self, action: &str, done: u64, total: Option<u64>, session: &mut Session<'_>) -> Result<(), CliError> {
        let total = total.filter(|total| *total > 0);
        let now = total.map_or(done / TOLD_EVERY, |total| 100 * done / total);
        if session.is_text() && now > self.last {
            self.last = now;
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            session.terminal.remark(&format!("{action}: {done}{of}"))?;
        }
        Ok(())
    }
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    /// The run that did it.
    run: Option<String>,
    matched: u64,
    done: u64,
    /// The first that refused it: their ids, and why.
    refused: Vec<(String, String)>,
}

impl Outcome {
    fn add(&mut self, page: &Value) {
        self.matched += page["matched"].as_u64().unwrap_or(0);
        self.done += page["done"].as_u64().unwrap_or(0);
        let refused = items(&page["refused"]).iter();
        self.refused.extend(refused.map(|refused| (plain(&refused["id"]), plain(&refused["text"]))));
        self.refused.truncate(PAGE);
    }

    /// Of the result of a run.
    fn of_run(id: &str, result: &Value) -> Self {
        let refused = items(&result["refused"]).iter();
        Self {
            run: Some(id.to_owned()),
            matched: result["matched"].as_u64().unwrap_or(0),
            done: result["done"].as_u64().unwrap_or(0),
            refused: refused.map(|refused| (plain(&refused[0]), plain(&refused[1]))).collect(),
        }
    }

    fn json(&self) -> Value {
        let refused = |(id, text): &(String, String)| json!({ "id": id, "text": text });
        json!({
            "run": self.run, "matched": self.matched, "done": self.done,
            "refused": self.refused.iter().map(refused).collect::<Vec<_>>(),
        })
    }

    fn tell(&self, action: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
        // That some states do not allow it is as it should be; that none does is a slip.
        let exit = if self.done == 0 && self.matched > 0 { Exit::Refused } else { Exit::Done };
        if !session.is_text() {
            session.json(&self.json())?;
            return Ok(exit);
        }
        session.say(&format!("{action}: {} of {}", self.done, self.matched))?;
        for (_, text) in self.refused.iter().take(TOLD_MAX) {
            session.say(&format!("  {}", escape::line(text)))?;
        }
        let more = (self.matched - self.done).saturating_sub(self.refused.len().min(TOLD_MAX) as u64);
        if more > 0 {
            session.say(&format!("  … and {more} more"))?;
        }
        if let Some(id) = &self.run {
            session.hint(&format!("runs show {}", short(id)))?;
        }
        Ok(exit)
    }
}
