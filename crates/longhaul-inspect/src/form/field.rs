//! One field of a form.

mod items;
mod variants;

use serde_json::{Value, json};

pub(super) use items::ITEMS_MAX;
pub use items::Items;
pub use variants::Variant;
use variants::variants;

use crate::words;

/// Groups in groups in groups are JSON: nobody fills in more on a page.
const DEPTH_MAX: usize = 3;
/// Up to here every whole number is one that a float can be.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// What a duration looks like.
const DURATION: &str = "A duration, such as 90s, 15m or 1h30m.";
/// A schema that refers to itself is given up.
const REFERENCES_MAX: usize = 16;

/// A field of a form.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FormField {
    /// The way to its value, with dots: `address.city`. Empty for a value that is no object.
    pub name: String,
    /// What stands before it.
    pub label: String,
    /// What its type's documentation says.
    pub help: Option<String>,
    /// What is filled in.
    pub input: Input,
    /// Whether a value is needed.
    pub is_required: bool,
    /// What holds when it is left empty, where the schema says it.
    pub default: Option<Value>,
}

/// What is filled into a field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// Text.
    Text {
        /// In characters.
        max_length: Option<u64>,
    },
    /// Text that is never shown again.
    Secret,
    /// A number.
    Number {
        /// Whether it has no fraction.
        whole: bool,
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// Yes or no.
    Flag,
    /// One of several.
    Choice(Vec<Choice>),
    /// One of several, of which some have fields: what is filled in is the name of a variant.
    Variants(Vec<Variant>),
    /// Any of several, one a line.
    Several(Vec<Choice>),
    /// A list of texts or numbers, one a line.
    List(Box<FormField>),
    /// A list of what has fields of its own.
    Items(Items),
    /// A date with a time, without a zone.
    DateTime,
    /// A date with a time, in UTC.
    Instant,
    /// A date.
    Date,
    /// A time of the day.
    Time,
    /// How long: `90s`, `1h30m`, `PT5M`.
    Duration {
        /// Whether its JSON is that of [`std::time::Duration`], and not a text.
        in_parts: bool,
    },
    /// Fields that belong together.
    Group(Vec<FormField>),
    /// Anything, as JSON.
    Json,
}

/// One of several.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// What becomes of it in the JSON.
    pub value: Value,
    /// What it means.
    pub help: Option<String>,
}

impl Choice {
    /// What a form sends for it.
    pub fn text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }
}

impl FormField {
    /// The name of its value in the object that it is in.
    pub fn key(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    pub(super) fn of(name: &str, label: &str, schema: &Value, root: &Value, is_required: bool, depth: usize) -> Self {
        let resolved = resolve(schema, root);
        let text =
            |key: &str| [schema, resolved].iter().find_map(|schema| schema.get(key)?.as_str().map(str::to_owned));
        let is_secret = [schema, resolved].iter().any(|schema| schema.get("writeOnly") == Some(&Value::Bool(true)));
        Self {
            name: name.to_owned(),
            label: text("title").filter(|_| !name.is_empty()).unwrap_or_else(|| readable(label)),
            help: text("description"),
            input: if is_secret { Input::Secret } else { input(name, resolved, root, depth) },
            is_required,
            default: schema.get("default").filter(|default| !default.is_null()).cloned(),
        }
    }

    /// The value of what was filled in; `Ok(None)`: it is left out.
    pub(super) fn read(&self, text: Option<&str>) -> Result<Option<Value>, String> {
        let Some(text) = text else {
            return match &self.input {
                Input::Flag => Ok(Some(Value::Bool(false))),
                _ if self.is_required => Err("It is needed.".into()),
                _ => Ok(None),
            };
        };
        match &self.input {
            Input::Flag => match text {
                "true" | "on" => Ok(Some(Value::Bool(true))),
                "false" | "off" => Ok(Some(Value::Bool(false))),
                _ => Err("It is true or false.".into()),
            },
            Input::Number { whole, .. } => number(text, *whole).map(Some),
            Input::Choice(choices) => match choices.iter().find(|choice| choice.text() == text) {
                Some(choice) => Ok(Some(choice.value.clone())),
                None => Err("It is none of the choices.".into()),
            },
            Input::Json => serde_json::from_str(text).map(Some).map_err(|error| format!("This is no JSON: {error}.")),
            Input::Several(_) | Input::List(_) => self.read_lines(text).map(Some),
            // What a browser's field for a time sends has no zone.
            Input::Instant
                if text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|rest| rest.contains(['+', '-'])) =>
            {
                Ok(Some(text.into()))
            }
            Input::Instant => Ok(Some(format!("{text}Z").into())),
            Input::Duration { in_parts: true } => match words::read_duration(text) {
                Some(long) => Ok(Some(json!({ "secs": long.as_secs(), "nanos": long.subsec_nanos() }))),
                None => Err(DURATION.into()),
            },
            Input::Duration { in_parts: false } => {
                let is_iso = text.trim_start_matches(['-', '+']).starts_with(['P', 'p']);
                if is_iso || words::read_duration(text).is_some() {
                    Ok(Some(text.into()))
                } else {
                    Err(DURATION.into())
                }
            }
            Input::Text { .. }
            | Input::Secret
            | Input::DateTime
            | Input::Date
            | Input::Time
            | Input::Group(_)
            | Input::Variants(_)
            | Input::Items(_) => Ok(Some(text.into())),
        }
    }
}

impl FormField {
    /// One item a line; empty lines are none.
    fn read_lines(&self, text: &str) -> Result<Value, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let items = lines.enumerate().map(|(at, line)| match &self.input {
            Input::List(item) => {
                let read = item.read(Some(line)).map_err(|why| format!("Item {}: {why}", at + 1))?;
                Ok(read.unwrap_or(Value::Null))
            }
            Input::Several(choices) => match choices.iter().find(|choice| choice.text() == line) {
                Some(choice) => Ok(choice.value.clone()),
                None => Err(format!("{line} is none of the choices.")),
            },
            _ => unreachable!("only lists have lines"),
        });
        items.collect()
    }

    /// The text that shows a value in this field; `None`: there is none.
    pub(super) fn text_of(&self, value: &Value) -> Option<String> {
        Some(match (&self.input, value) {
            (Input::Secret | Input::Group(_) | Input::Variants(_) | Input::Items(_), _) | (_, Value::Null) => {
                return None;
            }
            (Input::Flag, value) => return (*value == Value::Bool(true)).then(|| "true".into()),
            (Input::Json, value) => format!("{value:#}"),
            (Input::List(_) | Input::Several(_), Value::Array(items)) => {
                let line = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                items.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            (Input::Instant, Value::String(text)) => text.trim_end_matches(['Z', 'z']).to_owned(),
            (Input::Duration { in_parts: true }, value) => format!("{}s", value.get("secs")?),
            (_, Value::String(text)) => text.clone(),
            (_, value) => value.to_string(),
        })
    }
}

/// `encryption_key` as people write it: `Encryption key`.
fn readable(key: &str) -> String {
    let mut letters = key.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn number(text: &str, whole: bool) -> Result<Value, String> {
    let text = text.trim();
    match (text.parse::<i64>(), text.parse::<u64>(), text.parse::<f64>()) {
        (Ok(number), ..) => Ok(number.into()),
        (_, Ok(number), _) => Ok(number.into()),
        (.., Ok(number)) if number.is_finite() && !whole => Ok(number.into()),
        // `1e3` and `1.0` are whole, too.
        (.., Ok(number)) if number.fract() == 0.0 && number.abs() <= EXACT => Ok((number as i64).into()),
        (.., Ok(number)) if number.fract() == 0.0 => Err("The number is too large.".into()),
        (.., Ok(number)) if number.is_finite() => Err("A whole number is needed.".into()),
        _ if whole => Err("A whole number is needed.".into()),
        _ => Err("A number is needed.".into()),
    }
}

/// Follows references, and takes the one alternative that is not `null`.
fn resolve<'a>(mut schema: &'a Value, root: &'a Value) -> &'a Value {
    for _ in 0..REFERENCES_MAX {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        let only = || {
            let parts = ["anyOf", "allOf"].iter().find_map(|word| schema.get(word)?.as_array())?;
            let mut real = parts.iter().filter(|part| part.get("type").and_then(Value::as_str) != Some("null"));
            real.next().filter(|_| real.next().is_none())
        };
        let next = match target {
            Some(pointer) => root.pointer(pointer),
            None => only(),
        };
        match next {
            Some(next) => schema = next,
            None => return schema,
        }
    }
    &Value::Null
}

fn input(name: &str, schema: &Value, root: &Value, depth: usize) -> Input {
    if let Some(choices) = choices(schema) {
        return Input::Choice(choices);
    }
    if let Some(variants) = variants(name, schema, root, depth).filter(|_| depth < DEPTH_MAX) {
        return Input::Variants(variants);
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    match type_of(schema) {
        Some("boolean") => Input::Flag,
        Some(kind @ ("integer" | "number")) => {
            Input::Number { whole: kind == "integer", min: number("minimum"), max: number("maximum") }
        }
        Some("string") => match schema.get("format").and_then(Value::as_str) {
            Some("partial-date-time") => Input::DateTime,
            Some("date-time") => Input::Instant,
            Some("date") => Input::Date,
            Some("partial-time" | "time") => Input::Time,
            Some("duration") => Input::Duration { in_parts: false },
            _ => Input::Text { max_length: schema.get("maxLength").and_then(Value::as_u64) },
        },
        Some("array") => list(name, schema, root, depth).unwrap_or(Input::Json),
        _ if depth >= DEPTH_MAX => Input::Json,
        Some("object") if is_duration(schema) => Input::Duration { in_parts: true },
        Some("object") | None => match schema.get("properties").and_then(Value::as_object) {
            Some(properties) if !schema.get("oneOf").is_some_and(Value::is_array) => {
                let required = schema.get("required").and_then(Value::as_array);
                let field = |(key, schema): (&String, &Value)| {
                    let path = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    let is_required = required.is_some_and(|all| all.iter().any(|one| one == key.as_str()));
                    FormField::of(&path, key, schema, root, is_required, depth + 1)
                };
                // A name with a dot would be taken for a way.
                if properties.keys().any(|key| key.contains('.')) {
                    return Input::Json;
                }
                Input::Group(properties.iter().map(field).collect())
            }
            _ => Input::Json,
        },
        Some(_) => Input::Json,
    }
}

/// A list that is written in lines, or item by item; `None`: it is JSON.
fn list(name: &str, schema: &Value, root: &Value, depth: usize) -> Option<Input> {
    let items = schema.get("items").filter(|_| schema.get("prefixItems").is_none() && depth <= DEPTH_MAX)?;
    // The list of a whole has no name that those of items could begin with.
    let first = if name.is_empty() { String::new() } else { format!("{name}.0") };
    // A list in a list is deeper, or one that is its own item would have no end.
    let is_list = type_of(resolve(items, root)) == Some("array");
    let label = name.rsplit('.').next().unwrap_or_default();
    let item = FormField::of(&first, label, items, root, true, depth + usize::from(is_list));
    let size = |key: &str| schema.get(key).and_then(Value::as_u64);
    match item.input {
        Input::Group(_) | Input::Variants(_) if !name.is_empty() => {
            Some(Input::Items(Items::new(item, size("minItems"), size("maxItems"))))
        }
        Input::Choice(choices) => Some(Input::Several(choices)),
        Input::Text { .. } | Input::Number { .. } | Input::Date | Input::Duration { .. } => {
            Some(Input::List(Box::new(item)))
        }
        _ => None,
    }
}

/// What schemars writes for [`std::time::Duration`].
fn is_duration(schema: &Value) -> bool {
    let names = schema.get("properties").and_then(Value::as_object);
    names.is_some_and(|names| names.len() == 2 && names.contains_key("secs") && names.contains_key("nanos"))
}

/// The type, or the one beside `null`.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(one) => Some(one),
        Value::Array(several) => {
            let mut real = several.iter().filter_map(Value::as_str).filter(|one| *one != "null");
            real.next().filter(|_| real.next().is_none())
        }
        _ => None,
    }
}

fn choices(schema: &Value) -> Option<Vec<Choice>> {
    let help = |part: &Value| part.get("description").and_then(Value::as_str).map(str::to_owned);
    let plain = |value: &Value| Choice { value: value.clone(), help: None };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().filter(|value| !value.is_null()).map(plain).collect());
    }
    let mut all = Vec::new();
    for part in schema.get("oneOf")?.as_array()? {
        match (part.get("const"), part.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => all.push(Choice { value: value.clone(), help: help(part) }),
            // Variants without documentation are together in one part.
            (None, Some(values)) => all.extend(values.iter().map(plain)),
            // A variant with fields.
            (None, None) => return None,
        }
    }
    Some(all)
}
