use std::collections::BTreeSet;

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
    value(&schema(), |name| filled.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned()))
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
    assert!(matches!(&of("rows").input, Input::List(item) if matches!(item.input, Input::Number { whole: true, .. })));
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
    let names: BTreeSet<_> = wrong.unwrap_err().into_iter().map(|error| error.field).collect();
    let expected = ["address.city", "factor", "format", "month", "note", "rows"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(value_of(&[("format", "csv")]).unwrap_err()[0].why, "It is needed.");
    let wrong = value_of(&[("key", "k"), ("month", "1.5"), ("format", "csv")]).unwrap_err();
    let not_filled = ["month", "address.city"].map(str::to_owned);
    assert_eq!(wrong.iter().map(|error| error.field.clone()).collect::<Vec<_>>(), not_filled);
    assert_eq!(wrong[0].why, "A whole number is needed.");
    let all = |more: &[(&'static str, &'static str)]| value_of(&[&NEEDED[1..], more].concat()).unwrap_err();
    let whole = value_of(&[&NEEDED[1..], &[("month", "1.0")]].concat()).unwrap();
    assert_eq!(whole["month"], json!(1));
    let large = all(&[("month", "99999999999999999999")]);
    assert_eq!((large.len(), large[0].why.as_str()), (1, "The number is too large."));
    let flag = all(&[("month", "1"), ("urgent", "maybe")]);
    assert_eq!((flag.len(), flag[0].why.as_str()), (1, "It is true or false."));
    // What the schema alone knows lands at its field too.
    let schema = json!({"properties": {
        "codes": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]$"}},
        "map": {"type": "object", "additionalProperties": {"type": "integer", "exclusiveMaximum": 9}},
    }});
    let wrong =
        value(&schema, |name| Some(if name == "codes" { "a\nB" } else { r#"{"x": 9}"# }.to_owned())).unwrap_err();
    let wrong: Vec<_> = wrong.iter().map(|error| (error.field.as_str(), error.why.as_str())).collect();
    let expected = [("codes", "Item 2: It does not match the pattern ^[a-z]$."), ("map", "`x`: Less than 9.")];
    assert_eq!(wrong, expected);
}

fn orders() -> Value {
    json!({
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
    })
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
    let back = filled(&fields(&orders()), &value);
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
    let again = super::value(&orders(), |name| back.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone()));
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
        (&[("lines", "")], "lines", "At least 1 item."),
        (&[("lines", "1\n2\n3\n4")], "lines", "At most 3 items."),
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
        assert_eq!(field_at(&fields(&orders()), &value, way, filled).as_deref(), Some(field), "{way}");
    }
    assert_eq!(field_at(&fields(&orders()), &value, "nothing.0", filled), None);
}

#[test]
fn a_form_holds_at_first_what_defaults_say() {
    let at_first = defaults(&fields(&orders()));
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
        ("urgent", "true"),
        ("notes", ""),
        ("days", "Friday"),
        ("address.city", "Ulm"),
        ("address.street", "Main"),
        ("to", "nobody"),
        ("to.mail.copies", "2"),
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
        (
            &[("to", "mail"), ("to.mail.address", "a"), ("to.mail.copies", "many")],
            "to.mail.copies",
            "A whole number is needed.",
        ),
        (&[("to", "mail"), ("to.mail.copies", "1")], "to.mail.address", "It is needed."),
        (&[("formats", "csv\npdf")], "formats", "pdf is none of the choices."),
        (&[("rows", "1\n\nx")], "rows", "Item 2: A whole number is needed."),
        (&[("every", "soon")], "every", "A duration, such as 90s, 15m or 1h30m."),
    ] {
        let all: Vec<_> = NEEDED.into_iter().chain(filled_in.iter().copied()).collect();
        let wrong = value_of(&all).unwrap_err();
        assert_eq!((wrong[0].field.as_str(), wrong[0].why.as_str()), (field, why));
    }
}

#[test]
fn a_schema_without_an_end_or_of_no_object_is_one_field() {
    let schema = json!({"type": "string"});
    let text = fields(&schema);
    assert_eq!((text.len(), text[0].name.as_str()), (1, ""));
    assert_eq!(value(&schema, |_| Some("hello".into())), Ok(json!("hello")));
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
