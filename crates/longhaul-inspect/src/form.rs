//! Forms from schemas: what a person fills in, and the JSON that comes of it.
//!
//! Of a JSON Schema as schemars writes it, the usual parts become fields: text, numbers with bounds, flags, choices with
//! help, variants with fields, lists of texts and numbers, dates, durations, secrets, groups. What is none of these (maps,
//! lists of objects) is a field for JSON.

mod field;

use serde_json::{Map, Value};

pub use field::{Choice, FormField, Input, Variant};

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
            (Input::Variants(variants), value) => {
                if let Some(variant) = variants.iter().find(|variant| variant.is(value)) {
                    all.push((field.name.clone(), variant.text()));
                    all.extend(filled(&variant.fields, value));
                }
            }
            (_, value) => all.extend(field.text_of(value).map(|text| (field.name.clone(), text))),
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
    if let (Input::Variants(variants), Some(text)) = (&field.input, &text) {
        let Some(variant) = variants.iter().find(|variant| variant.text() == *text) else {
            wrong.push(FieldError { field: field.name.clone(), why: "It is none of the choices.".into() });
            return None;
        };
        if variant.tag.is_none() && variant.fields.is_empty() {
            return Some(variant.choice.value.clone());
        }
        let mut value = group(&variant.fields, filled, wrong);
        if let Some(tag) = &variant.tag {
            value.insert(tag.clone(), variant.choice.value.clone());
        }
        return Some(Value::Object(value));
    }
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
                "Duration": {"type": "object", "properties": {
                    "secs": {"type": "integer"}, "nanos": {"type": "integer"}
                }, "required": ["secs", "nanos"]},
                "Target": {"oneOf": [
                    {"type": "object", "description": "By mail.", "properties": {
                        "type": {"type": "string", "const": "mail"}, "address": {"type": "string"}, "copies": {"type": "integer"}
                    }, "required": ["type", "address", "copies"]},
                    {"type": "object", "properties": {"type": {"type": "string", "const": "none"}}, "required": ["type"]}
                ]},
                "Outside": {"oneOf": [
                    {"type": "string", "enum": ["Nowhere"]},
                    {"type": "object", "properties": {"Disk": {"type": "string"}}, "required": ["Disk"]},
                    {"type": "object", "properties": {"Cloud": {"$ref": "#/$defs/Address"}}, "required": ["Cloud"]}
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
                "rows": {"type": "array", "items": {"type": "integer"}},
                "formats": {"type": "array", "items": {"$ref": "#/$defs/Format"}},
                "people": {"type": "array", "items": {"$ref": "#/$defs/Address"}},
                "every": {"$ref": "#/$defs/Duration"},
                "wait": {"type": ["string", "null"], "format": "duration"},
                "at": {"type": ["string", "null"], "format": "date-time"},
                "to": {"$ref": "#/$defs/Target"},
                "other": {"anyOf": [{"$ref": "#/$defs/Outside"}, {"type": "null"}]}
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
        assert!(
            matches!(&of("rows").input, Input::List(item) if matches!(item.input, Input::Number { whole: true, .. }))
        );
        assert!(matches!(&of("formats").input, Input::Several(choices) if choices.len() == 2));
        assert_eq!(of("people").input, Input::Json);
        assert_eq!(of("every").input, Input::Duration { in_parts: true });
        assert_eq!(of("wait").input, Input::Duration { in_parts: false });
        assert_eq!(of("at").input, Input::Instant);
        assert!(matches!(&of("to").input, Input::Variants(variants) if variants.len() == 2
            && variants[0].choice.help.as_deref() == Some("By mail.")
            && variants[0].fields.iter().map(|field| field.name.as_str()).eq(["to.mail.address", "to.mail.copies"])));
        assert!(matches!(&of("other").input, Input::Variants(variants) if variants.len() == 3));
    }

    #[test]
    fn what_is_filled_in_becomes_json_and_comes_back() {
        let filled_in = [
            ("month", "3"),
            ("format", "xlsx"),
            ("address.city", "Ulm"),
            ("urgent", "true"),
            ("key", "k"),
            ("rows", "1\r\n2\n"),
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
            ("rows", "1\nx"),
            ("note", "too long"),
        ]);
        let names: Vec<_> = wrong.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(names, ["factor", "format", "month", "note", "rows"]);
        assert_eq!(value_of(&[("format", "csv")]).unwrap_err()[0].why, "It is needed.");
        let wrong = value_of(&[("key", "k"), ("month", "1.5"), ("format", "csv")]).unwrap_err();
        assert_eq!((wrong.len(), wrong[0].why.as_str()), (1, "A whole number."));
    }

    const NEEDED: [(&str, &str); 4] = [("month", "3"), ("format", "csv"), ("address.city", "Ulm"), ("key", "k")];

    #[test]
    fn variants_lists_durations_and_times_become_json_and_come_back() {
        for (filled_in, part, expected) in [
            (
                &[("to", "mail"), ("to.mail.address", "a"), ("to.mail.copies", "2"), ("to.none.x", "y")][..],
                "to",
                json!({"type": "mail", "address": "a", "copies": 2}),
            ),
            (&[("to", "none"), ("to.mail.copies", "many")], "to", json!({"type": "none"})),
            (&[("other", "Nowhere")], "other", json!("Nowhere")),
            (&[("other", "Disk"), ("other.Disk", "d")], "other", json!({"Disk": "d"})),
            (&[("other", "Cloud"), ("other.Cloud.city", "Ulm")], "other", json!({"Cloud": {"city": "Ulm"}})),
            (&[("formats", "csv\nxlsx")], "formats", json!(["csv", "xlsx"])),
            (&[("every", "5400s")], "every", json!({"secs": 5400, "nanos": 0})),
            (&[("wait", "1h30m")], "wait", json!("1h30m")),
            (&[("wait", "PT5M")], "wait", json!("PT5M")),
            (&[("at", "2026-11-20T21:00")], "at", json!("2026-11-20T21:00Z")),
        ] {
            let all: Vec<_> = NEEDED.into_iter().chain(filled_in.iter().copied()).collect();
            let value = value_of(&all).unwrap();
            assert_eq!(value[part], expected);
            let back = filled(&fields(&schema()), &value);
            let (name, text) = filled_in[0];
            assert!(back.contains(&(name.into(), text.into())), "{name}: {back:?}");
        }
        for (filled_in, field, why) in [
            (&[("to", "pigeon")][..], "to", "It is none of the choices."),
            (&[("to", "mail"), ("to.mail.copies", "many")], "to.mail.copies", "A number."),
            (&[("to", "mail")], "to.mail.copies", "It is needed."),
            (&[("formats", "csv\npdf")], "formats", "pdf is none of the choices."),
            (&[("rows", "1\n\nx")], "rows", "Line 2: A number."),
            (&[("every", "soon")], "every", "A duration, such as 90s, 15m or 1h30m."),
        ] {
            let all: Vec<_> = NEEDED.into_iter().chain(filled_in.iter().copied()).collect();
            let wrong = value_of(&all).unwrap_err();
            assert_eq!((wrong[0].field.as_str(), wrong[0].why.as_str()), (field, why));
        }
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
