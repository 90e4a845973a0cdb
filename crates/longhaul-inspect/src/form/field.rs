//! One field of a form.

use serde_json::Value;

/// Groups in groups in groups are JSON: nobody fills in more on a page.
const DEPTH_MAX: usize = 3;
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
    /// A date with a time, without a zone.
    DateTime,
    /// A date.
    Date,
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
                // A text may be empty.
                Input::Text { .. } if self.is_required => Ok(Some(Value::from(""))),
                _ if self.is_required => Err("It is needed.".into()),
                _ => Ok(None),
            };
        };
        match &self.input {
            Input::Text { max_length } => match max_length {
                Some(max) if text.chars().count() as u64 > *max => Err(format!("At most {max} characters.")),
                _ => Ok(Some(text.into())),
            },
            Input::Flag => Ok(Some(Value::Bool(text != "false"))),
            Input::Number { whole, min, max } => number(text, *whole, *min, *max).map(Some),
            Input::Choice(choices) => match choices.iter().find(|choice| choice.text() == text) {
                Some(choice) => Ok(Some(choice.value.clone())),
                None => Err("It is none of the choices.".into()),
            },
            Input::Json => serde_json::from_str(text).map(Some).map_err(|error| format!("This is no JSON: {error}.")),
            Input::Secret | Input::DateTime | Input::Date | Input::Group(_) => Ok(Some(text.into())),
        }
    }
}

/// `encryption_key` as people write it: `Encryption key`.
fn readable(key: &str) -> String {
    let mut letters = key.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn number(text: &str, whole: bool, min: Option<f64>, max: Option<f64>) -> Result<Value, String> {
    let value: Value = match text.trim().parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) => match (text.trim().parse::<u64>(), text.trim().parse::<f64>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) if number.is_finite() && !whole => number.into(),
            (_, Ok(number)) if number.is_finite() => return Err("A whole number.".into()),
            _ => return Err("A number.".into()),
        },
    };
    let size = value.as_f64().unwrap_or_default();
    match (min, max) {
        (Some(min), _) if size < min => Err(format!("At least {min}.")),
        (_, Some(max)) if size > max => Err(format!("At most {max}.")),
        _ => Ok(value),
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
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    match type_of(schema) {
        Some("boolean") => Input::Flag,
        Some(kind @ ("integer" | "number")) => {
            Input::Number { whole: kind == "integer", min: number("minimum"), max: number("maximum") }
        }
        Some("string") => match schema.get("format").and_then(Value::as_str) {
            Some("partial-date-time") => Input::DateTime,
            Some("date") => Input::Date,
            _ => Input::Text { max_length: schema.get("maxLength").and_then(Value::as_u64) },
        },
        _ if depth >= DEPTH_MAX => Input::Json,
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
