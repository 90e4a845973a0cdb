//! How a type is asked, until everything was seen.
//!
//! One pass is one `T::deserialize`. It builds one value, so of each choice (a variant, an option, an empty sequence
//! or not) it sees one side. The first pass takes whatever builds a value. Each later one has a target, a choice not
//! yet seen: it takes the known way to it, what is known to be good elsewhere, and whatever works below it.
//!
//! A pass that fails is tried again: with another sample of the leaf that was offered last, or of one beside it (a date
//! is checked when its numbers are together); else with another choice. Each retry
//! uses up something, so there is an end, and [`STEPS_MAX`] makes it a near one.
//!
//! A type that contains itself is noticed when its visitor is met again inside it. Then a value is built there by
//! what is known to be good, without looking.

use std::rc::Rc;

use super::{
    leaf::Leaf,
    node::{Choice, Node, NodeId, Request, Tried, way_to},
};

/// Questions answered for one type, in all passes: a tenth of a second at most, once in a process. Beyond it the rest
/// of the type stays unseen, in every process alike.
const STEPS_MAX: usize = 1 << 20;
/// Nodes of one type: some megabytes while we look. A message of a few hundred fields and variants has a tenth of it.
const NODES_MAX: usize = 1 << 14;
/// Levels, so that a type that hides that it contains itself does not use up the stack.
const DEPTH_MAX: usize = 64;

/// Where a question is asked.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) slot: usize,
    /// Below a type that repeats itself: build a value by what is known, and note nothing.
    pub(super) replay: bool,
}

impl Place {
    pub(super) const ROOT: Self = Self { node: 0, slot: 0, replay: false };
}

/// An answer that is being given.
#[derive(Clone, Copy)]
pub(super) struct Visit {
    pub(super) node: NodeId,
    pub(super) replay: bool,
    pub(super) alternative: usize,
    stack: usize,
    open: usize,
}

/// Tells a type from another: its visitor and the visitor's value. The names of Rust, not those of serde, because
/// `Page<Page<u8>>` does not contain itself.
pub(super) type Identity = (&'static str, &'static str);
/// Of what has no visitor of its own, and so contains itself only through something else.
pub(super) const NO_TYPE: Identity = ("", "");

/// The pass cannot go on; why is in [`Walk::cause`].
pub(super) struct Stuck;

/// Why we ended a pass ourselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A type contains itself, and there is no good value of it yet.
    Blocked,
    /// There is nothing that we could offer.
    Opaque,
    /// A limit is reached.
    Spent,
}

pub(super) struct Walk {
    nodes: Vec<Node>,
    steps_left: usize,
    /// Grows whenever a value of some node was built for the first time.
    built: usize,
    // What follows belongs to one pass.
    decided: Rc<[Choice]>,
    stack: Vec<(Identity, NodeId)>,
    /// Choices without a known good side that were made on the way here, the innermost last.
    open: Vec<Choice>,
    /// Leaves that were offered and may yet be refused, and how deep they are.
    offered: Vec<(NodeId, usize)>,
    /// Where in `offered` those begin that a refusal now would be about: the last one, and what is built with it.
    suspects: usize,
    cause: Option<Cause>,
}

impl Walk {
    /// Walks through the type that `pass` deserializes, and returns what was found; the first node is the root.
    pub(super) fn of(pass: &mut dyn FnMut(&mut Self) -> bool) -> Vec<Node> {
        let nothing: Rc<[Choice]> = Rc::new([]);
        let mut walk = Self {
            nodes: vec![Node::new(Request::Root, (0, 0), Rc::clone(&nothing))],
            steps_left: STEPS_MAX,
            built: 0,
            decided: nothing,
            stack: Vec::new(),
            open: Vec::new(),
            offered: Vec::new(),
            suspects: 0,
            cause: None,
        };
        walk.explore(pass);
        loop {
            let built = walk.built;
            walk.sweep(pass);
            // What is still blocked is worth another try only if there are new values to build it from.
            if walk.built == built {
                return walk.nodes;
            }
        }
    }

    /// Goes for each choice not yet seen, also for those found on the way.
    fn sweep(&mut self, pass: &mut dyn FnMut(&mut Self) -> bool) {
        let mut node = 0;
        while node < self.nodes.len() {
            for alternative in 0..self.nodes[node].alternatives.len() {
                if matches!(self.nodes[node].alternatives[alternative], Tried::No | Tried::Blocked) {
                    self.decided = way_to(&self.nodes, (node, alternative));
                    self.explore(pass);
                    let tried = &mut self.nodes[node].alternatives[alternative];
                    if *tried != Tried::Good {
                        *tried = if self.cause == Some(Cause::Blocked) { Tried::Blocked } else { Tried::Dead };
                    }
                }
            }
            node += 1;
        }
    }

    /// Passes over what is decided, until one succeeds or nothing is left to be tried.
    fn explore(&mut self, pass: &mut dyn FnMut(&mut Self) -> bool) {
        loop {
            self.stack.clear();
            self.open.clear();
            self.offered.clear();
            self.suspects = 0;
            self.cause = None;
            if pass(self) {
                self.settle(0);
                self.cause = None;
                return;
            }
            if !self.adjust() {
                return;
            }
        }
    }

    /// After a failed pass: changes what probably made it fail. False if there is nothing to change.
    fn adjust(&mut self) -> bool {
        if self.cause == Some(Cause::Spent) {
            return false;
        }
        // Without a cause of ours, the type itself refused something: most likely what it was given last.
        if self.cause.is_none() && self.offer_another() {
            return true;
        }
        let Some((node, alternative)) = self.open.pop() else { return false };
        let blocked = self.cause == Some(Cause::Blocked);
        self.nodes[node].alternatives[alternative] = if blocked { Tried::Blocked } else { Tried::Dead };
        true
    }

    /// Takes the next sample of the last suspect that has one. One of them is varied at a time.
    fn offer_another(&mut self) -> bool {
        for &(leaf, _) in self.offered[self.suspects..].iter().rev() {
            let node = &mut self.nodes[leaf];
            let samples = if let Request::Leaf(kind) = node.request { kind.samples() } else { 0 };
            if !node.settled && node.sample + 1 < samples {
                node.sample += 1;
                return true;
            }
            node.sample = node.accepted.unwrap_or(0);
            node.settled = true;
        }
        false
    }

    /// Begins to answer a question for something that has parts.
    pub(super) fn enter(&mut self, place: Place, request: Request, identity: Identity) -> Result<Visit, Stuck> {
        self.step()?;
        if self.stack.len() >= DEPTH_MAX {
            return self.stuck(Cause::Opaque);
        }
        let (node, replay) = match self.above(place, request, identity) {
            Some((above, levels)) => (self.enter_again(place, above, levels)?, true),
            None => (self.node_at(place, request)?, place.replay),
        };
        let (stack, open) = (self.stack.len(), self.open.len());
        let alternative = self.choose(node, replay)?;
        self.stack.push((identity, node));
        Ok(Visit { node, replay, alternative, stack, open })
    }

    /// Ends an answer; `built` if the type made a value of it.
    pub(super) fn leave(&mut self, visit: Visit, built: bool) {
        self.stack.truncate(visit.stack);
        if !built {
            return;
        }
        self.open.truncate(visit.open);
        self.suspects = self.offered.partition_point(|&(_, depth)| depth <= visit.stack);
        if visit.replay {
            return;
        }
        let node = &mut self.nodes[visit.node];
        if let Some(tried) = node.alternatives.get_mut(visit.alternative) {
            self.built += usize::from(*tried != Tried::Good);
            *tried = Tried::Good;
            node.good.get_or_insert(visit.alternative);
        }
        self.built += usize::from(!node.whole);
        node.whole = true;
    }

    pub(super) fn request(&self, visit: Visit) -> Request {
        self.nodes[visit.node].request
    }

    /// Answers a question for something without parts: the number of the sample to offer.
    pub(super) fn leaf(&mut self, place: Place, leaf: Leaf) -> Result<usize, Stuck> {
        self.step()?;
        let node = self.node_at(place, Request::Leaf(leaf))?;
        if leaf.samples() == 0 {
            return self.stuck(Cause::Opaque);
        }
        let depth = self.stack.len();
        self.suspects = self.offered.partition_point(|&(_, beside)| beside < depth);
        if !place.replay && !self.nodes[node].settled {
            self.offered.push((node, depth));
        }
        Ok(self.nodes[node].sample)
    }

    fn step(&mut self) -> Result<(), Stuck> {
        if self.steps_left == 0 {
            return self.stuck(Cause::Spent);
        }
        self.steps_left -= 1;
        self.cause = None;
        // The type went on, so it took what it was given; what is built together may yet be checked together.
        if let Some(&(leaf, _)) = self.offered.last() {
            let node = &mut self.nodes[leaf];
            node.accepted.get_or_insert(node.sample);
        }
        let beside = self.offered.partition_point(|&(_, depth)| depth <= self.stack.len());
        self.settle(beside);
        Ok(())
    }

    fn settle(&mut self, from: usize) {
        for (leaf, _) in self.offered.drain(from..) {
            self.nodes[leaf].settled = true;
        }
        self.suspects = from;
    }

    /// The same question of the same type further up, and how far.
    fn above(&self, place: Place, request: Request, identity: Identity) -> Option<(NodeId, usize)> {
        if place.replay || identity == NO_TYPE {
            return None;
        }
        let same = |&(known, node): &(Identity, NodeId)| known == identity && self.nodes[node].request == request;
        let at = self.stack.iter().rposition(same)?;
        // As in the text, a newtype is no level.
        let is_level = |(_, node): &&(Identity, NodeId)| self.nodes[*node].request != Request::Newtype;
        Some((self.stack[at].1, self.stack[at..].iter().filter(is_level).count()))
    }

    fn enter_again(&mut self, place: Place, above: NodeId, levels: usize) -> Result<NodeId, Stuck> {
        let back = self.node_at(place, Request::Back(levels))?;
        self.nodes[back].repeats = above;
        if self.nodes[above].whole { Ok(above) } else { self.stuck(Cause::Blocked) }
    }

    fn choose(&mut self, node: NodeId, replay: bool) -> Result<usize, Stuck> {
        let found = &self.nodes[node];
        if found.alternatives.is_empty() {
            return Ok(0);
        }
        if !replay && let Some(&(_, decided)) = self.decided.iter().find(|&&(known, _)| known == node) {
            return Ok(decided);
        }
        if let Some(good) = found.good {
            return Ok(good);
        }
        if let Some(untried) = found.alternatives.iter().position(|&tried| tried == Tried::No)
            && !replay
        {
            self.open.push((node, untried));
            return Ok(untried);
        }
        let blocked = found.alternatives.contains(&Tried::Blocked);
        self.stuck(if blocked { Cause::Blocked } else { Cause::Opaque })
    }

    /// The node for this question at this place: found before, or new.
    fn node_at(&mut self, place: Place, request: Request) -> Result<NodeId, Stuck> {
        let known = self.nodes[place.node].slot(place.slot);
        if let Some(&node) = known.iter().find(|&&node| self.nodes[node].request == request) {
            return Ok(node);
        }
        if place.replay {
            let again = known
                .iter()
                .map(|&node| &self.nodes[node])
                .find(|node| matches!(node.request, Request::Back(_)) && self.nodes[node.repeats].request == request);
            return again.map(|back| back.repeats).map_or_else(|| self.stuck(Cause::Opaque), Ok);
        }
        if self.nodes.len() >= NODES_MAX {
            return self.stuck(Cause::Spent);
        }
        let node = self.nodes.len();
        self.nodes.push(Node::new(request, (place.node, place.slot), Rc::clone(&self.decided)));
        let slots = &mut self.nodes[place.node].slots;
        if slots.len() <= place.slot {
            slots.resize_with(place.slot + 1, Vec::new);
        }
        slots[place.slot].push(node);
        Ok(node)
    }

    fn stuck<T>(&mut self, cause: Cause) -> Result<T, Stuck> {
        self.cause = Some(cause);
        Err(Stuck)
    }
}
