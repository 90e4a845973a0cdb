//! The text of a shape. What it says, and how, is part of the stored format.

use super::{
    leaf::Leaf,
    node::{ITEMS_MAX, Node, NodeId, Request},
};

/// What is not known.
const UNSEEN: &str = "?";

pub(super) fn render(nodes: &[Node]) -> String {
    slot(nodes, 0, 0)
}

/// What was found at one place.
fn slot(nodes: &[Node], node: NodeId, slot: usize) -> String {
    any_of(nodes[node].slot(slot).iter().map(|&found| shape(nodes, found)).collect())
}

fn shape(nodes: &[Node], node: NodeId) -> String {
    match nodes[node].request {
        // A newtype is what it holds: it is written the same, and a name for a number may be given at any time.
        Request::Root | Request::Newtype => slot(nodes, node, 0),
        Request::Leaf(leaf) => leaf.name().to_owned(),
        Request::Option => format!("option({})", slot(nodes, node, 0)),
        Request::Seq => format!("seq({})", slot(nodes, node, 0)),
        Request::Map => format!("map({}, {})", slot(nodes, node, 0), slot(nodes, node, 1)),
        Request::Tuple(len) => format!("({})", items(nodes, node, len)),
        Request::Struct(names) => format!("{{{}}}", fields(nodes, node, names)),
        Request::Enum(names) => {
            let variants: Vec<_> = (0..names.len()).map(|index| variant(nodes, node, index, names[index])).collect();
            format!("<{}>", variants.join(" | "))
        }
        Request::Back(levels) => format!("^{levels}"),
    }
}

fn fields(nodes: &[Node], node: NodeId, names: &[&str]) -> String {
    let fields: Vec<_> = (0..names.len()).map(|i| format!("{}: {}", name(names[i]), slot(nodes, node, i))).collect();
    fields.join(", ")
}

/// Equal neighbours are counted: `u8 * 16`.
fn items(nodes: &[Node], node: NodeId, len: usize) -> String {
    let mut runs: Vec<(String, usize)> = Vec::new();
    let mut add = |text: String, times: usize| match runs.last_mut() {
        Some((last, count)) if *last == text => *count += times,
        _ => runs.push((text, times)),
    };
    for item in 0..len.min(ITEMS_MAX) {
        let times = if item + 1 == ITEMS_MAX { len - item } else { 1 };
        add(slot(nodes, node, item), times);
    }
    let runs: Vec<_> =
        runs.into_iter().map(|(text, times)| if times == 1 { text } else { format!("{text} * {times}") }).collect();
    runs.join(", ")
}

fn variant(nodes: &[Node], node: NodeId, index: usize, variant: &str) -> String {
    let contents = nodes[node].slot(index).iter().map(|&content| match nodes[content].request {
        Request::Leaf(Leaf::Unit) => String::new(),
        Request::Newtype => format!("({})", slot(nodes, content, 0)),
        _ => shape(nodes, content),
    });
    format!("{}{}", name(variant), any_of(contents.collect()))
}

fn any_of(mut found: Vec<String>) -> String {
    match found.len() {
        0 => UNSEEN.to_owned(),
        1 => found.remove(0),
        _ => format!("any-of({})", found.join(", ")),
    }
}

/// serde renames to anything; what could be taken for our own signs is quoted.
fn name(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { name.to_owned() } else { format!("\"{}\"", name.escape_default()) }
}
