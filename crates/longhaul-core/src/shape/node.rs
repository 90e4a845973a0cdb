//! What was found: a tree of what the type asked for, one node a question, with the way on from each answer.

use std::rc::Rc;

/// Items of a tuple that are looked at apart. Longer ones are arrays: what follows is like the last of these.
pub(super) const ITEMS_MAX: usize = 32;

use super::leaf::Leaf;

pub(super) type NodeId = usize;

/// A decision about one node: which of its alternatives to take.
pub(super) type Choice = (NodeId, usize);

/// What a type asks of its deserializer at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Nothing: the place where the walk begins.
    Root,
    Leaf(Leaf),
    Option,
    Seq,
    Map,
    Newtype,
    Tuple(usize),
    Struct(&'static [&'static str]),
    Enum(&'static [&'static str]),
    /// A type that contains itself: the same question as so many levels above.
    Back(usize),
}

impl Request {
    /// How many different answers there are. 0 where there is nothing to choose.
    fn alternatives(self) -> usize {
        match self {
            // None or Some; no item or one.
            Self::Option | Self::Seq | Self::Map => 2,
            Self::Enum(variants) => variants.len(),
            _ => 0,
        }
    }

    /// The alternative under which `slot` is reached.
    fn alternative_of(self, slot: usize) -> Option<usize> {
        match self {
            Self::Option | Self::Seq | Self::Map => Some(1),
            Self::Enum(_) => Some(slot),
            _ => None,
        }
    }
}

/// What is known of an alternative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// Nothing yet.
    No,
    /// A value was built by it.
    Good,
    /// It needs a value of a type around it, of which none could be built yet.
    Blocked,
    /// No value can be built by it, of what we can offer.
    Dead,
}

pub(super) struct Node {
    pub(super) request: Request,
    /// The node above, and our slot in it.
    parent: (NodeId, usize),
    /// What had been decided elsewhere when this node was found; to come here again, decide the same.
    found_with: Rc<[Choice]>,
    pub(super) alternatives: Vec<Tried>,
    /// The first alternative that built a value. It never changes, and what it used was good before: so a type that
    /// contains itself can be built by good choices only, and comes to an end.
    pub(super) good: Option<usize>,
    /// A value was built of it.
    pub(super) whole: bool,
    /// Leaf: the sample to offer; the first after which the type went on; and whether there is nothing more to try.
    pub(super) sample: usize,
    pub(super) accepted: Option<usize>,
    pub(super) settled: bool,
    /// Back: the node above that it repeats.
    pub(super) repeats: NodeId,
    /// What was found under each field, item or variant. More than one node where the question depends on an earlier
    /// answer.
    pub(super) slots: Vec<Vec<NodeId>>,
}

impl Node {
    pub(super) fn new(request: Request, parent: (NodeId, usize), found_with: Rc<[Choice]>) -> Self {
        Self {
            request,
            parent,
            found_with,
            alternatives: vec![Tried::No; request.alternatives()],
            good: None,
            whole: false,
            sample: 0,
            accepted: None,
            settled: false,
            repeats: 0,
            slots: Vec::new(),
        }
    }

    pub(super) fn slot(&self, slot: usize) -> &[NodeId] {
        self.slots.get(slot).map_or(&[], Vec::as_slice)
    }
}

/// All choices that lead to `target` and take it.
pub(super) fn way_to(nodes: &[Node], target: Choice) -> Rc<[Choice]> {
    let mut way = vec![target];
    let mut below = target.0;
    while below != 0 {
        let (node, slot) = nodes[below].parent;
        way.extend(nodes[node].request.alternative_of(slot).map(|alternative| (node, alternative)));
        below = node;
    }
    for &(node, alternative) in &*nodes[target.0].found_with {
        if !way.iter().any(|&(known, _)| known == node) {
            way.push((node, alternative));
        }
    }
    way.into()
}
