//! Lists of what has fields of its own.

use std::ops::RangeInclusive;

use super::{FormField, Input};

/// More items are written as JSON: nobody fills in a longer list on a page.
pub(in crate::form) const ITEMS_MAX: usize = 100;

/// Items that have fields. What is filled in under the name of the list are the numbers of the items that are there, one
/// a line and in their order; the fields of the third are under `name.2`. A number may be left out: that item was removed.
///
/// ```
/// use longhaul_inspect::form::{self, Input};
/// use serde_json::json;
///
/// let schema = json!({"properties": {"people": {"type": "array", "items": {
///     "type": "object", "properties": {"email": {"type": "string"}}, "required": ["email"],
/// }}}});
/// let fields = form::fields(&schema);
/// let Input::Items(items) = &fields[0].input else { panic!("it has items") };
/// let Input::Group(of_item) = items.item(2).input else { panic!("an item has fields") };
/// assert_eq!(of_item[0].name, "people.2.email");
///
/// let filled = |name: &str| match name {
///     "people" => Some("0\n2".into()),
///     "people.0.email" => Some("ann@example.org".into()),
///     "people.2.email" => Some("bob@example.org".into()),
///     _ => None,
/// };
/// let people = json!([{"email": "ann@example.org"}, {"email": "bob@example.org"}]);
/// assert_eq!(form::value(&schema, filled), Ok(json!({"people": people})));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Items {
    /// The fields of the first item.
    first: Box<FormField>,
    /// How many there may be; more than 100 are no list of a form.
    pub allowed: RangeInclusive<usize>,
}

impl Items {
    /// `first`: the item with the number 0.
    pub(super) fn new(first: FormField, min: Option<u64>, max: Option<u64>) -> Self {
        let bound = |size: Option<u64>| size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let max = bound(max).unwrap_or(ITEMS_MAX).min(ITEMS_MAX);
        Self { first: Box::new(first), allowed: bound(min).unwrap_or(0).min(max)..=max }
    }

    /// The fields of the item with this number.
    pub fn item(&self, number: usize) -> FormField {
        let mut item = (*self.first).clone();
        item.rename(&self.first.name, &format!("{}.{number}", self.name()));
        item
    }

    /// The numbers of the items that are there, from what is filled in under the name of the list. Lines that are no
    /// numbers are none.
    pub fn numbers(filled: &str) -> Vec<usize> {
        filled.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    fn name(&self) -> &str {
        self.first.name.rsplit_once('.').map_or("", |(list, _)| list)
    }
}

impl FormField {
    /// Another beginning of its name, and of the names in it.
    fn rename(&mut self, before: &str, after: &str) {
        if let Some(rest) = self.name.strip_prefix(before) {
            self.name = format!("{after}{rest}");
        }
        match &mut self.input {
            Input::Group(fields) => fields.iter_mut().for_each(|field| field.rename(before, after)),
            Input::List(item) => item.rename(before, after),
            Input::Items(items) => items.first.rename(before, after),
            Input::Variants(variants) => {
                variants.iter_mut().flat_map(|of| &mut of.fields).for_each(|field| field.rename(before, after));
            }
            _ => {}
        }
    }
}
