//! Whose child a run is.

use crate::{
    id::{Epoch, RunId},
    limits::{CHILD_DEPTH_MAX, CHILDREN_MAX},
    name::Key,
    state::StateKind,
};

/// Whose child a run is.
///
/// ```
/// use longhaul_core::{Epoch, Key, Parent, doc};
///
/// let parent = Parent { id: doc::run().id, epoch: Some(Epoch(1)), name: Key::new("page 7")?, depth: 1 };
/// assert_eq!(parent.child_id(), parent.child_id()); // the same name is the same child
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Parent {
    /// The parent.
    pub id: RunId,
    /// The attempt of the parent that enqueued it; `None`: a client did.
    pub epoch: Option<Epoch>,
    /// What the parent calls it.
    pub name: Key,
    /// How many runs are above it; at least 1.
    pub depth: u8,
}

impl Parent {
    /// Whether both are the same child of the same run.
    pub fn is_same_child(&self, other: &Self) -> bool {
        (self.id, &self.name) == (other.id, &other.name)
    }

    /// The id of this child: it follows from the parent's id and the name. Frozen.
    pub fn child_id(&self) -> RunId {
        let mut hash = Fnv::new();
        hash.take(self.id.as_bytes());
        hash.take(self.name.as_str().as_bytes());
        RunId::new(self.id.created(), hash.finish())
    }
}

/// FNV-1a with 128 bits. Two names of one parent that met in it would be found out by their names.
struct Fnv(u128);

impl Fnv {
    const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B);
        }
    }

    fn finish(&self) -> [u8; 10] {
        // The upper half depends on all bytes least, so the lower half is mixed in.
        let mixed = self.0 ^ (self.0 << 61) ^ (self.0 >> 67);
        let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        *(mixed >> 40).to_be_bytes().last_chunk().expect("16 bytes have 10")
    }
}

/// What becomes of a run's children when the run is cancelled.
///
/// ```
/// assert_eq!(longhaul_core::OnCancel::default(), longhaul_core::OnCancel::Cancel);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum OnCancel {
    /// Those that are not final are cancelled too, and their children.
    #[default]
    Cancel,
    /// They go on by themselves.
    Leave,
    /// They go on, and the run is cancelled once all of them are final.
    Wait,
}

/// Why a child was not enqueued.
///
/// ```
/// use longhaul_core::{ChildRefused, doc, limits::CHILDREN_MAX};
///
/// let refused = ChildRefused::TooMany { parent: doc::run().id };
/// assert!(refused.to_string().contains(&CHILDREN_MAX.to_string()), "{refused}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum ChildRefused {
    /// There is no such parent.
    #[error("there is no {parent} that it could be a child of")]
    NoParent {
        /// Which was named.
        parent: RunId,
    },
    /// The parent is final.
    #[error("its parent {parent} is {state}, which is final")]
    Final {
        /// Which.
        parent: RunId,
        /// How it ended.
        state: StateKind,
    },
    /// The parent is the callback of a batch that is closed.
    #[error("the batch of {parent} is closed: nothing is added to it any more")]
    Closed {
        /// Which.
        parent: RunId,
    },
    /// The attempt of the parent that asks has lost its claim.
    #[error("its parent {parent} has lost its claim: this attempt enqueues nothing more")]
    EpochLost {
        /// Which.
        parent: RunId,
    },
    /// The parent has as many children as a run may have.
    #[error("{parent} has {CHILDREN_MAX} children, which is the most that a run may have")]
    TooMany {
        /// Which.
        parent: RunId,
    },
    /// There are too many runs above it.
    #[error("more than {CHILD_DEPTH_MAX} runs are above it")]
    TooDeep {
        /// The parent.
        parent: RunId,
    },
    /// The id that belongs to this name is taken by a run that is not this child.
    #[error("`{name}` cannot be told apart from another run: choose another name")]
    Ambiguous {
        /// The name.
        name: Key,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::doc;

    fn child(parent: RunId, name: &str) -> RunId {
        Parent { id: parent, epoch: None, name: Key::new(name).expect("a name"), depth: 1 }.child_id()
    }

    #[test]
    fn the_id_of_a_child_follows_from_its_parent_and_its_name_for_ever() {
        let parent = doc::run().id;
        assert_eq!(child(parent, "page 7").to_string(), FROZEN);
        assert_ne!(child(parent, "page 7"), child(parent, "page 8"));
        assert_ne!(child(parent, "page 7"), child(RunId::from_bytes([3; 16]), "page 7"));
        assert_eq!(child(parent, "page 7").created(), parent.created());
    }

    const FROZEN: &str = "run_01mcc5rm00f6dr8pj4taach3s7";

    #[test]
    fn many_names_of_a_parent_and_of_its_neighbours_give_as_many_ids() {
        let mut ids = HashSet::new();
        for last in 0..20 {
            let mut bytes = *doc::run().id.as_bytes();
            bytes[15] = last;
            for n in 0..5_000 {
                assert!(ids.insert(child(RunId::from_bytes(bytes), &n.to_string())), "{last} {n}");
            }
        }
        // Also in the half of the bits that a shorter hash would keep.
        let halves: HashSet<[u8; 5]> = ids.iter().map(|id| id.as_bytes()[11..].try_into().expect("five")).collect();
        assert!(halves.len() > 99_900, "{}", halves.len());
    }
}
