//! Forms from schemas: what a person fills in, and the JSON that comes of it.
//!
//! Of a JSON Schema as schemars writes it, the usual parts become fields: text, numbers with bounds, flags, choices with
//! help, variants with fields, lists of texts and numbers, lists of items with fields, dates, durations, secrets, groups.
//! What is none of these (maps, lists of lists) is a field for JSON.

mod field;

use serde_json::{Map, Value};

use field::ITEMS_MAX;
pub use field::{Choice, FormField, Input, Items, Variant};

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
        if let Some(of_field) = of_field {
            fill(field, of_field, &mut all);
        }
    }
    all
}

/// What the fields of a schema hold at first: what its defaults say.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"copies": {"type": "integer", "default": 1}, "note": {"type": "string"}}});
/// assert_eq!(form::defaults(&form::fields(&schema)), [("copies".into(), "1".into())]);
/// ```
pub fn defaults(fields: &[FormField]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for field in fields {
        let mut of_field = Vec::new();
        match (&field.default, &field.input) {
            (Some(default), _) => fill(field, default, &mut of_field),
            (None, Input::Items(items)) if field.is_required => of_field = fewest(field, items),
            _ => {}
        }
        // What a group as a whole says goes before what its fields say.
        let below = match &field.input {
            Input::Group(fields) => defaults(fields),
            Input::Variants(variants) => variants.iter().flat_map(|variant| defaults(&variant.fields)).collect(),
            _ => Vec::new(),
        };
        let is_new = |(name, _): &(String, String)| !of_field.iter().any(|(known, _)| known == name);
        let below: Vec<_> = below.into_iter().filter(is_new).collect();
        all.extend(of_field.into_iter().chain(below));
    }
    all
}

/// As many items as there have to be.
fn fewest(field: &FormField, items: &Items) -> Vec<(String, String)> {
    let numbers = 0..*items.allowed.start();
    let lines = numbers.clone().map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    std::iter::once((field.name.clone(), lines)).chain(numbers.flat_map(|at| defaults(&[items.item(at)]))).collect()
}

/// Whether a form can show this value: a list with more than 100 items that have fields is shown as JSON.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"rows": {"type": "array", "items": {"properties": {"n": {"type": "integer"}}}}}});
/// let fields = form::fields(&schema);
/// assert!(form::can_show(&fields, &json!({"rows": [{"n": 1}]})));
/// assert!(!form::can_show(&fields, &json!({"rows": vec![json!({"n": 1}); 101]})));
/// ```
pub fn can_show(fields: &[FormField], value: &Value) -> bool {
    fields.iter().all(|field| {
        let of_field = if field.name.is_empty() { Some(value) } else { value.get(field.key()) };
        of_field.is_none_or(|value| can_fill(field, value))
    })
}

fn can_fill(field: &FormField, value: &Value) -> bool {
    match (&field.input, value) {
        (Input::Group(fields), value) => can_show(fields, value),
        (Input::Variants(variants), value) => {
            variants.iter().filter(|variant| variant.is(value)).all(|variant| can_show(&variant.fields, value))
        }
        (Input::Items(items), Value::Array(values)) => {
            values.len() <= ITEMS_MAX && values.iter().all(|value| can_fill(&items.item(0), value))
        }
        _ => true,
    }
}

/// The name of the field that shows a part of a value, from the way to that part with dots (`people.2.email`, where 2 is
/// the third item); of a part without a field the one around it. `filled` has what was filled in.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"people": {"type": "array", "items": {
///     "properties": {"email": {"type": "string"}},
/// }}}});
/// let (fields, value) = (form::fields(&schema), json!({"people": [{"email": "ann"}, {"email": "bob"}]}));
/// // The item with the number 1 was removed.
/// let filled = |name: &str| (name == "people").then(|| "0\n2".into());
/// assert_eq!(form::field_at(&fields, &value, "people.1.email", filled).as_deref(), Some("people.2.email"));
/// ```
pub fn field_at(
    fields: &[FormField],
    value: &Value,
    way: &str,
    filled: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    name_among(fields, value, way, &filled)
}

fn name_among(
    fields: &[FormField],
    value: &Value,
    way: &str,
    filled: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let (first, rest) = way.split_once('.').unwrap_or((way, ""));
    let field = fields.iter().find(|field| field.name.is_empty() || field.key() == first)?;
    if field.name.is_empty() {
        return Some(String::new());
    }
    Some(name_at(field, value.get(first).unwrap_or(&Value::Null), rest, filled))
}

fn name_at(field: &FormField, value: &Value, rest: &str, filled: &dyn Fn(&str) -> Option<String>) -> String {
    let below = match &field.input {
        Input::Group(fields) => name_among(fields, value, rest, filled),
        Input::Variants(variants) => {
            let variant = variants.iter().find(|variant| variant.is(value));
            variant.and_then(|variant| name_among(&variant.fields, value, rest, filled))
        }
        Input::Items(items) => {
            let (at, rest) = rest.split_once('.').unwrap_or((rest, ""));
            at.parse().ok().and_then(|at: usize| {
                let number = *Items::numbers(&filled(&field.name).unwrap_or_default()).get(at)?;
                Some(name_at(&items.item(number), value.get(at).unwrap_or(&Value::Null), rest, filled))
            })
        }
        _ => None,
    };
    below.unwrap_or_else(|| field.name.clone())
}

/// What the field holds to show this value.
fn fill(field: &FormField, value: &Value, all: &mut Vec<(String, String)>) {
    match (&field.input, value) {
        (_, Value::Null) => {}
        (Input::Group(fields), value) => all.extend(filled(fields, value)),
        (Input::Variants(variants), value) => {
            if let Some(variant) = variants.iter().find(|variant| variant.is(value)) {
                all.push((field.name.clone(), variant.text()));
                all.extend(filled(&variant.fields, value));
            }
        }
        (Input::Items(items), Value::Array(values)) => {
            let numbers: Vec<String> = (0..values.len()).map(|number| number.to_string()).collect();
            all.push((field.name.clone(), numbers.join("\n")));
            for (number, value) in values.iter().enumerate() {
                fill(&items.item(number), value, all);
            }
        }
        (_, value) => all.extend(field.text_of(value).map(|text| (field.name.clone(), text))),
    }
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
    if let Input::Items(items) = &field.input {
        return list(field, items, &text.unwrap_or_default(), filled, wrong);
    }
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

/// Items with fields. `None`: there are none, and the type's default holds.
fn list(
    field: &FormField,
    items: &Items,
    text: &str,
    filled: &impl Fn(&str) -> Option<String>,
    wrong: &mut Vec<FieldError>,
) -> Option<Value> {
    let (numbers, allowed) = (Items::numbers(text), &items.allowed);
    if numbers.is_empty() && !field.is_required {
        return None;
    }
    let (min, max) = (allowed.start(), allowed.end());
    let bound = match numbers.len() {
        few if few < *min => Some(format!("At least {min}.")),
        many if many > *max => Some(format!("At most {max}.")),
        _ => None,
    };
    if let Some(why) = bound {
        wrong.push(FieldError { field: field.name.clone(), why });
        // Each of very many would be read otherwise.
        return None;
    }
    Some(numbers.into_iter().filter_map(|number| one(&items.item(number), filled, wrong)).collect())
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
        assert!(matches!(&of("people").input, Input::Items(items)
            if matches!(&items.item(3).input, Input::Group(fields) if fields[0].name == "people.3.city")));
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

    fn orders() -> Vec<FormField> {
        fields(&json!({
            "$defs": {
                "Line": {"type": "object", "properties": {
                    "article": {"type": "string"},
                    "pieces": {"type": "integer", "minimum": 1, "default": 1},
                    "gift": {"type": "boolean"},
                    "extras": {"type": "array", "items": {"$ref": "#/$defs/Extra"}}
                }, "required": ["article", "pieces", "gift"]},
                "Extra": {"oneOf": [
                    {"type": "object", "properties": {"type": {"const": "card"}, "text": {"type": "string"}}, "required": ["type", "text"]},
                    {"type": "object", "properties": {"type": {"const": "ribbon"}}, "required": ["type"]}
                ]}
            },
            "properties": {
                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1, "maxItems": 3},
                "extras": {"type": "array", "items": {"$ref": "#/$defs/Extra"}}
            },
            "required": ["lines"]
        }))
    }

    fn order_of(filled: &[(&str, &str)]) -> Result<Value, Vec<FieldError>> {
        value(&orders(), |name| filled.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned()))
    }

    #[test]
    fn items_with_fields_become_json_and_come_back_also_in_items() {
        let filled_in = [
            ("lines", "0\n4"),
            ("lines.0.article", "lamp"),
            ("lines.0.pieces", "2"),
            ("lines.0.extras", "1"),
            ("lines.0.extras.1", "card"),
            ("lines.0.extras.1.card.text", "for Ann"),
            ("lines.4.article", "bulb"),
            ("lines.4.pieces", "9"),
            ("lines.4.gift", "true"),
            ("extras", "0"),
            ("extras.0", "ribbon"),
        ];
        let value = order_of(&filled_in).unwrap();
        let expected = json!({
            "lines": [
                {"article": "lamp", "pieces": 2, "gift": false, "extras": [{"type": "card", "text": "for Ann"}]},
                {"article": "bulb", "pieces": 9, "gift": true}
            ],
            "extras": [{"type": "ribbon"}]
        });
        assert_eq!(value, expected);
        let back = filled(&orders(), &value);
        for (name, text) in [
            ("lines", "0\n1"),
            ("lines.0.extras", "0"),
            ("lines.0.extras.0", "card"),
            ("lines.0.extras.0.card.text", "for Ann"),
            ("lines.1.article", "bulb"),
            ("lines.1.gift", "true"),
            ("extras.0", "ribbon"),
        ] {
            assert!(back.contains(&(name.into(), text.into())), "{name}: {back:?}");
        }
        let again =
            super::value(&orders(), |name| back.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone()));
        assert_eq!(again, Ok(expected));
    }

    #[test]
    fn what_is_wrong_with_an_item_is_said_at_its_field() {
        let one = [("lines", "5"), ("lines.5.article", "lamp"), ("lines.5.pieces", "1")];
        let with = |more: &[(&'static str, &'static str)]| {
            let kept = one.iter().filter(|(name, _)| !more.iter().any(|(other, _)| name == other));
            order_of(&[more, &kept.copied().collect::<Vec<_>>()].concat())
        };
        assert!(with(&[]).is_ok());
        for (more, field, why) in [
            (&[("lines.5.pieces", "0")][..], "lines.5.pieces", "At least 1."),
            (&[("lines.5.pieces", "")], "lines.5.pieces", "It is needed."),
            (&[("lines.5.extras", "0")], "lines.5.extras.0", "It is needed."),
            (&[("lines", "")], "lines", "At least 1."),
            (&[("lines", "1\n2\n3\n4")], "lines", "At most 3."),
            (&[("extras", "7"), ("extras.7", "bow")], "extras.7", "It is none of the choices."),
        ] {
            let wrong = with(more).unwrap_err();
            assert_eq!((wrong[0].field.as_str(), wrong[0].why.as_str()), (field, why));
        }
        let value = json!({"lines": [{}, {"extras": [{"type": "card", "text": 7}]}], "extras": [{}]});
        let filled = |name: &str| Some(if name == "lines" { "0\n6" } else { "3" }.to_owned());
        for (way, field) in [
            ("lines.1.extras.0.text", "lines.6.extras.3.card.text"),
            ("lines.1.article", "lines.6.article"),
            ("lines.0.extras", "lines.0.extras"),
            ("lines.1", "lines.6"),
            ("lines.2.article", "lines"),
            ("extras.0.text", "extras.3"),
            ("lines", "lines"),
        ] {
            assert_eq!(field_at(&orders(), &value, way, filled).as_deref(), Some(field), "{way}");
        }
        assert_eq!(field_at(&orders(), &value, "nothing.0", filled), None);
    }

    #[test]
    fn a_form_holds_at_first_what_defaults_say() {
        let at_first = defaults(&orders());
        assert_eq!(at_first, [("lines".into(), "0".into()), ("lines.0.pieces".into(), "1".into())]);
        let said = json!({"properties": {
            "urgent": {"type": "boolean", "default": true},
            "quiet": {"type": "boolean", "default": false},
            "notes": {"type": "array", "items": {"type": "string"}, "default": []},
            "days": {"type": "array", "items": {"enum": ["Monday", "Friday"]}, "default": ["Friday"]},
            "key": {"type": "string", "writeOnly": true, "default": "secret"},
            "address": {"default": {"city": "Ulm"}, "properties": {
                "city": {"type": "string", "default": "Bonn"}, "street": {"type": "string", "default": "Main"}
            }},
            "to": {"oneOf": [
                {"properties": {"type": {"const": "mail"}, "copies": {"type": "integer", "default": 2}}, "required": ["type"]},
                {"properties": {"type": {"const": "nobody"}}, "required": ["type"]}
            ], "default": {"type": "nobody"}}
        }});
        let at_first = defaults(&fields(&said));
        let expected = [
            ("address.city", "Ulm"),
            ("address.street", "Main"),
            ("days", "Friday"),
            ("notes", ""),
            ("to", "nobody"),
            ("to.mail.copies", "2"),
            ("urgent", "true"),
        ];
        assert_eq!(at_first, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
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
        for endless in [
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}}),
            json!({"type": "object", "properties": {"all": {"type": "array", "items": {"$ref": "#"}}}}),
            json!({"properties": {"all": {"$ref": "#/$defs/List"}},
                "$defs": {"List": {"type": "array", "items": {"$ref": "#/$defs/List"}}}}),
        ] {
            assert_eq!(fields(&endless).len(), 1, "{endless}");
        }
    }
}
