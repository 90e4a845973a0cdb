//! Items of lists in a form: added, removed, and named by an address.

use longhaul_inspect::{
    KindView,
    form::{self, FormField, Input, Items},
};
use serde_json::Value;

use crate::{
    form::Form,
    page::fields::{PREFIX, fields_of},
};

/// The form after a button added or removed an item; `None`: neither was asked for.
pub(super) fn edited(form: &Form, kinds: &[KindView]) -> Option<Form> {
    let (add, remove) = (form.get("add"), form.get("remove"));
    if add.is_none() && remove.is_none() {
        return None;
    }
    let mut edited = form.clone();
    edited.remove(|name| name == "add" || name == "remove");
    let fields = fields_of(kinds, form).unwrap_or_default();
    complete(&mut edited, &fields);
    if let Some((list, items)) = add.and_then(|list| Some((list, items_at(&fields, list)?))) {
        added(&mut edited, list, &items);
    }
    if let Some((list, number)) = remove.and_then(|item| item.rsplit_once('.')) {
        removed(&mut edited, list, number);
    }
    Some(edited)
}

/// What forms of the kind hold at first, below what is there.
pub(super) fn put_defaults(form: &mut Form, kinds: &[KindView]) {
    for (name, text) in form::defaults(&fields_of(kinds, form).unwrap_or_default()) {
        form.put_if_missing(&format!("{PREFIX}{name}"), &text);
    }
    let fields = fields_of(kinds, form).unwrap_or_default();
    complete(form, &fields);
    put_item_defaults(form, &fields);
}

/// The same in each item that is there.
fn put_item_defaults(form: &mut Form, fields: &[FormField]) {
    for field in fields {
        match &field.input {
            Input::Group(fields) => put_item_defaults(form, fields),
            Input::Variants(variants) => {
                for variant in variants {
                    put_item_defaults(form, &variant.fields);
                }
            }
            Input::Items(items) => {
                for number in numbers(form, &field.name).into_iter().take(*items.allowed.end()) {
                    let item = [items.item(number)];
                    for (name, text) in form::defaults(&item) {
                        form.put_if_missing(&format!("{PREFIX}{name}"), &text);
                    }
                    put_item_defaults(form, &item);
                }
            }
            _ => {}
        }
    }
}

/// What a value says, below what is there.
pub(super) fn put_value(form: &mut Form, kinds: &[KindView], value: &Value) {
    let fields = fields_of(kinds, form).unwrap_or_default();
    if !form::can_show(&fields, value) {
        form.put_if_missing("as", "json");
    }
    for (name, text) in form::filled(&fields, value) {
        form.put_if_missing(&format!("{PREFIX}{name}"), &text);
    }
    form.put_if_missing("metadata", &format!("{value:#}"));
    complete(form, &fields);
}

/// Puts the number of each item of which only fields are there: an address may leave it out.
pub(super) fn complete(form: &mut Form, fields: &[FormField]) {
    for field in fields {
        match &field.input {
            Input::Group(fields) => complete(form, fields),
            Input::Variants(variants) => variants.iter().for_each(|variant| complete(form, &variant.fields)),
            Input::Items(items) => {
                let numbers = numbers(form, &field.name);
                put(form, &field.name, &numbers);
                numbers.iter().take(*items.allowed.end()).for_each(|number| complete(form, &[items.item(*number)]));
            }
            _ => {}
        }
    }
}

fn added(form: &mut Form, list: &str, items: &Items) {
    let mut numbers = numbers(form, list);
    if numbers.len() >= *items.allowed.end() {
        return;
    }
    let number = numbers.iter().max().map_or(0, |last| last.saturating_add(1));
    numbers.push(number);
    put(form, list, &numbers);
    for (name, text) in form::defaults(&[items.item(number)]) {
        form.put_if_missing(&format!("{PREFIX}{name}"), &text);
    }
}

fn removed(form: &mut Form, list: &str, number: &str) {
    let item = format!("{PREFIX}{list}.{number}");
    form.remove(|name| name.strip_prefix(&item).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    let mut numbers = numbers(form, list);
    numbers.retain(|one| one.to_string() != number);
    put(form, list, &numbers);
}

/// The numbers of the items of a list: those that it names, and then those of which there are fields.
fn numbers(form: &Form, list: &str) -> Vec<usize> {
    let name = format!("{PREFIX}{list}");
    let mut numbers = Items::numbers(&form.lines(&name).unwrap_or_default());
    let below = form.names().filter_map(|field| field.strip_prefix(&name)?.strip_prefix('.')?.split('.').next());
    let mut unnamed: Vec<usize> = below.filter_map(|number| number.parse().ok()).collect();
    unnamed.retain(|number| !numbers.contains(number));
    unnamed.sort_unstable();
    unnamed.dedup();
    numbers.extend(unnamed);
    numbers
}

fn put(form: &mut Form, list: &str, numbers: &[usize]) {
    let lines: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    form.set(&format!("{PREFIX}{list}"), &lines.join("\n"));
}

/// The list of this name, which may be in an item of another one.
fn items_at(fields: &[FormField], name: &str) -> Option<Items> {
    fields.iter().find_map(|field| match &field.input {
        Input::Group(fields) => items_at(fields, name),
        Input::Variants(variants) => variants.iter().find_map(|variant| items_at(&variant.fields, name)),
        Input::Items(items) if field.name == name => Some(items.clone()),
        Input::Items(items) => {
            let rest = name.strip_prefix(&field.name)?.strip_prefix('.')?;
            items_at(&[items.item(rest.split('.').next()?.parse().ok()?)], name)
        }
        _ => None,
    })
}
