//! Forms from schemas: what a person fills in, and the JSON that comes of it.
//!
//! Of a JSON Schema as schemars writes it, the usual parts become fields: text, numbers with bounds, flags, choices with
//! help, dates, secrets, groups. What is none of these (lists, variants with fields, maps) is a field for JSON.

mod field;

use serde_json::{Map, Value};

pub use field::{Choice, FormField, Input};

/// What is wrong with a field.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"month": {"type": "integer", "maximum": 12}}, "required": ["month"]});
/// let wrong = form::value(&form::fields(&schema), |_| Some("13".into())).unwrap_err();
/// assert_eq!((wrong[0].field.as_str(), wrong[0].why.as_str()), ("month", "At most 12."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The name of the field.
    pub field: String,
    /// What is wrong, as a sentence.
    pub why: String,
}

/// The fields of a schema. A schema of no object has one field, without a name.
///
/// ```
/// use longhaul_inspect::form::{self, Input};
/// use serde_json::json;
///
/// let schema = json!({"properties": {"paid": {"type": "boolean", "description": "Whether it is paid."}}});
/// let fields = form::fields(&schema);
/// assert_eq!((fields[0].name.as_str(), &fields[0].input), ("paid", &Input::Flag));
/// ```
pub fn fields(schema: &Value) -> Vec<FormField> {
    let whole = FormField::of("", "Metadata", schema, schema, true, 0);
    match whole.input {
        Input::Group(fields) => fields,
        _ => vec![whole],
    }
}

/// The JSON that comes of what was filled in. `filled` has the text of a field; empty is nothing.
///
/// # Errors
/// All fields that are wrong, each with why.
pub fn value(fields: &[FormField], filled: impl Fn(&str) -> Option<String>) -> Result<Value, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let value = match fields {
        [only] if only.name.is_empty() => one(only, &filled, &mut wrong).unwrap_or(Value::Null),
        _ => Value::Object(group(fields, &filled, &mut wrong)),
    };
    if wrong.is_empty() { Ok(value) } else { Err(wrong) }
}

/// What the fields hold to show this value: the other way round. Secrets stay empty.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"month": {"type": "integer"}}});
/// assert_eq!(form::filled(&form::fields(&schema), &json!({"month": 3})), [("month".into(), "3".into())]);
/// ```
pub fn filled(fields: &[FormField], value: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for field in fields {
        let of_field = if field.name.is_empty() { Some(value) } else { value.get(field.key()) };
        let Some(of_field) = of_field.filter(|value| !value.is_null()) else { continue };
        match (&field.input, of_field) {
            (Input::Group(fields), value) => all.extend(filled(fields, value)),
            (Input::Flag, Value::Bool(true)) => all.push((field.name.clone(), "true".into())),
            (Input::Secret | Input::Flag, _) => {}
            (Input::Json, value) => all.push((field.name.clone(), format!("{value:#}"))),
            (_, Value::String(text)) => all.push((field.name.clone(), text.clone())),
            (_, value) => all.push((field.name.clone(), value.to_string())),
        }
    }
    all
}

fn group(
    fields: &[FormField],
    filled: &impl Fn(&str) -> Option<String>,
    wrong: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let values = fields.iter().filter_map(|field| Some((field.key().to_owned(), one(field, filled, wrong)?)));
    values.collect()
}

/// `None`: it is left out, and the type's default holds.
fn one(field: &FormField, filled: &impl Fn(&str) -> Option<String>, wrong: &mut Vec<FieldError>) -> Option<Value> {
    if let Input::Group(fields) = &field.input {
        let group = group(fields, filled, wrong);
        return (field.is_required || !group.is_empty()).then_some(Value::Object(group));
    }
    let text = filled(&field.name).filter(|text| !text.is_empty());
    match field.read(text.as_deref()) {
        Ok(value) => value,
        Err(why) => {
            wrong.push(FieldError { field: field.name.clone(), why });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "$defs": {
                "Format": {"oneOf": [
                    {"const": "csv", "description": "Rows with commas."},
                    {"const": "xlsx", "type": "string"}
                ]},
                "Address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
            },
            "type": "object",
            "properties": {
                "month": {"type": "integer", "minimum": 1, "maximum": 12, "description": "The month."},
                "factor": {"type": ["number", "null"]},
                "format": {"$ref": "#/$defs/Format"},
                "address": {"$ref": "#/$defs/Address"},
                "urgent": {"type": "boolean"},
                "key": {"type": "string", "writeOnly": true},
                "from": {"type": "string", "format": "partial-date-time"},
                "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
                "rows": {"type": "array", "items": {"type": "integer"}}
            },
            "required": ["month", "format", "address", "key"]
        })
    }

    fn value_of(filled: &[(&str, &str)]) -> Result<Value, Vec<FieldError>> {
        value(&fields(&schema()), |name| {
            filled.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn each_part_of_a_schema_has_its_field() {
        let fields = fields(&schema());
        let of = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!(of("month").input, Input::Number { whole: true, min: Some(1.0), max: Some(12.0) });
        assert_eq!((of("month").help.as_deref(), of("month").is_required), (Some("The month."), true));
        assert_eq!(of("factor").input, Input::Number { whole: false, min: None, max: None });
        assert!(matches!(&of("format").input, Input::Choice(choices) if choices.len() == 2
            && choices[0].help.as_deref() == Some("Rows with commas.")));
        assert!(matches!(&of("address").input, Input::Group(fields) if fields[0].name == "address.city"));
        assert_eq!(of("urgent").input, Input::Flag);
        assert_eq!(of("key").input, Input::Secret);
        assert_eq!(of("from").input, Input::DateTime);
        assert_eq!(of("note").input, Input::Text { max_length: Some(5) });
        assert_eq!(of("rows").input, Input::Json);
    }

    #[test]
    fn what_is_filled_in_becomes_json_and_comes_back() {
        let filled_in = [
            ("month", "3"),
            ("format", "xlsx"),
            ("address.city", "Ulm"),
            ("urgent", "true"),
            ("key", "k"),
            ("rows", "[1, 2]"),
            ("note", ""),
        ];
        let value = value_of(&filled_in).unwrap();
        let expected = json!({
            "month": 3, "format": "xlsx", "address": {"city": "Ulm"}, "urgent": true, "key": "k", "rows": [1, 2]
        });
        assert_eq!(value, expected);
        let back = filled(&fields(&schema()), &value);
        assert!(back.contains(&("address.city".into(), "Ulm".into())) && back.contains(&("month".into(), "3".into())));
        assert!(!back.iter().any(|(name, _)| name == "key"), "a secret is not filled in");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let wrong = value_of(&[
            ("key", "k"),
            ("month", "13"),
            ("factor", "much"),
            ("format", "pdf"),
            ("rows", "[1"),
            ("note", "too long"),
        ]);
        let names: Vec<_> = wrong.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(names, ["factor", "format", "month", "note", "rows"]);
        assert_eq!(value_of(&[("format", "csv")]).unwrap_err()[0].why, "It is needed.");
        let wrong = value_of(&[("key", "k"), ("month", "1.5"), ("format", "csv")]).unwrap_err();
        assert_eq!((wrong.len(), wrong[0].why.as_str()), (1, "A whole number."));
    }

    #[test]
    fn a_schema_without_an_end_or_of_no_object_is_one_field() {
        let text = fields(&json!({"type": "string"}));
        assert_eq!((text.len(), text[0].name.as_str()), (1, ""));
        assert_eq!(value(&text, |_| Some("hello".into())), Ok(json!("hello")));
        assert_eq!(fields(&json!({"$ref": "#"}))[0].input, Input::Json);
        let endless = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(!fields(&endless).is_empty());
    }
}
