//! What every command has: the API, the terminal, and how answers are written.

use clap::{Args, ValueEnum};
use form_urlencoded::byte_serialize;
use longhaul::Timestamp;
use longhaul_inspect::{TimeBound, words};
use serde_json::Value;

use crate::{
    api::{Api, Call},
    error::{CliError, Exit},
    escape,
    terminal::Terminal,
};

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences, for people.
    Text,
    /// One JSON value.
    Json,
    /// One JSON value a line: a list has a line for each of its items.
    Jsonl,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Output {
    /// How the answer is written: `text` for people, `json` and `jsonl` for programs.
    #[arg(long, short = 'o', global = true, help_heading = crate::STORE_AND_ANSWER, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output: Format,
    /// In whose name you act, as the history of runs will say [default: your user name].
    #[arg(long, global = true, help_heading = crate::STORE_AND_ANSWER, env = "LONGHAUL_ACTOR", value_name = "NAME")]
    actor: Option<String>,
}

/// What changes something.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Care {
    /// Says what would be done, and does nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Does it without a question.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

impl Output {
    pub(crate) const fn format(&self) -> Format {
        self.output
    }
}

pub(crate) struct Session<'a> {
    pub(crate) api: &'a Api,
    pub(crate) terminal: &'a mut Terminal,
    pub(crate) format: Format,
    /// How this command line is called: `longhaul`, or `myapp tasks`.
    pub(crate) program: &'a str,
    /// This process has opened the folder itself: no program can execute anything meanwhile.
    pub(crate) has_folder: bool,
    actor: String,
}

impl<'a> Session<'a> {
    pub(crate) fn new(api: &'a Api, terminal: &'a mut Terminal, output: &Output, program: &'a str) -> Self {
        let name = || std::env::var("USER").or_else(|_| std::env::var("USERNAME")).ok();
        let actor = output.actor.clone().or_else(name).unwrap_or_else(|| "command line".into());
        Self { api, terminal, format: output.output, program, has_folder: false, actor }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.api.get(path, "").await
    }

    pub(crate) async fn post(&self, path: &str, query: &str, body: &Value) -> Result<Value, CliError> {
        self.api.call(&self.actor, Call { method: "POST", path, query, body: Some(body) }).await
    }

    /// Refuses to wait for what cannot come.
    pub(crate) fn can_wait(&self) -> Result<(), CliError> {
        if self.has_folder {
            return Err(CliError::Refused(
                "no program has this folder open, so nothing executes the run: start the program, and wait then".into(),
            ));
        }
        Ok(())
    }

    pub(crate) const fn is_text(&self) -> bool {
        matches!(self.format, Format::Text)
    }

    /// The answer for programs.
    pub(crate) fn json(&mut self, value: &Value) -> Result<Exit, CliError> {
        let lines = match (self.format, value) {
            (Format::Jsonl, Value::Array(items)) => items.iter().map(ToString::to_string).collect(),
            (Format::Jsonl, value) => vec![value.to_string()],
            (_, value) => vec![serde_json::to_string_pretty(value).expect("a value is JSON")],
        };
        for line in lines {
            self.terminal.say(&escape::json(&line))?;
        }
        Ok(Exit::Done)
    }

    pub(crate) fn say(&mut self, line: &str) -> Result<(), CliError> {
        Ok(self.terminal.say(&escape::lines(line))?)
    }

    /// A command, as it is typed here.
    pub(crate) fn typed(&self, command: &str) -> String {
        format!("{} {}", self.program, escape::line(command))
    }

    pub(crate) fn hint(&mut self, command: &str) -> Result<(), CliError> {
        if self.is_text() {
            self.terminal.hint(&self.typed(command))?;
        }
        Ok(())
    }

    /// Whether to go on with what cannot be taken back.
    pub(crate) fn is_confirmed(&mut self, care: &Care, question: &str) -> Result<bool, CliError> {
        if care.yes {
            return Ok(true);
        }
        match self.terminal.ask(&escape::line(question))? {
            Some(true) => Ok(true),
            Some(false) => {
                self.terminal.remark("Nothing was done.")?;
                Ok(false)
            }
            None => Err(CliError::Usage(format!(
                "{question} Nobody can be asked here: add --yes, or look first with --dry-run"
            ))),
        }
    }

    /// The whole id of a run of which somebody typed the beginning or the end.
    pub(crate) async fn run_id(&self, part: &str) -> Result<String, CliError> {
        let found = self.get(&format!("/ids/{}", segment(part))).await?;
        let ids: Vec<&str> = found["ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let part = escape::line(part);
        match ids[..] {
            [id] => Ok(id.to_owned()),
            [] => {
                let searched = match found["is_complete"].as_bool() {
                    Some(false) => format!(" among the newest {} runs: name its whole id", found["searched"]),
                    _ => String::new(),
                };
                Err(CliError::NotFound(format!("no run has an id that begins or ends with `{part}`{searched}")))
            }
            _ => {
                let ids = ids.join("\n  ");
                Err(CliError::Usage(format!("`{part}` fits to more than one run; type more of it:\n  {ids}")))
            }
        }
    }

    /// How long ago, or in how long.
    pub(crate) fn relative(&self, at: &Value) -> String {
        time(at).map_or_else(|| "-".into(), |at| words::relative(self.api.now(), at))
    }
}

/// A time as it stands in JSON.
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A time as people type it, as requests have it: `2026-11-20T21:00` is in UTC.
pub(crate) fn instant(text: &str) -> Result<String, String> {
    // As lists print it, too: `2026-12-03 02:00:00 +01:00`.
    let without_spaces = text.trim().replacen(' ', "T", 1).replace(' ', "");
    match without_spaces.parse() {
        Ok(TimeBound::At(at)) => Ok(at.to_string()),
        _ => Err(format!("`{text}` is no time: write 2026-11-20T21:00, which is in UTC, or 2026-11-20T21:00:00+01:00")),
    }
}

/// A string or a number as it stands; nothing for `null`.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A part of a path.
pub(crate) fn segment(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The items of a list.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `Cancel`, from `cancel`.
pub(crate) fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
