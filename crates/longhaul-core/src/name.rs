//! Names that users choose: of a kind, a queue, a tag. Checked once, where they enter.

use std::{fmt, sync::Arc};

use crate::limits::{KEY_MAX, NAME_MAX, TAG_MAX};

/// A name that cannot be used, and why.
///
/// ```
/// use longhaul_core::Queue;
///
/// assert_eq!(Queue::new("").unwrap_err().to_string(), "the name of a queue is empty");
/// assert!(Queue::new("two words").unwrap_err().to_string().contains("use letters, digits"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    #[error("the name of a {what} is empty")]
    Empty {
        /// What it would have named.
        what: &'static str,
    },
    /// It is longer than allowed.
    #[error("the {what} `{name}` has {length} bytes, of at most {max}")]
    TooLong {
        /// What it would have named.
        what: &'static str,
        /// Its beginning.
        name: String,
        /// Its length in bytes.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// It holds a character that has no place in a name.
    #[error("the {what} `{name}` contains {character:?}: use letters, digits and any of - _ . : /")]
    Character {
        /// What it would have named.
        what: &'static str,
        /// The name.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Whether this can be the name of a kind, a queue, a label or a schedule: for names that are constants.
///
/// ```
/// use longhaul_core::name::is_name;
///
/// const { assert!(is_name("export-csv")) };
/// assert!(!is_name("two words") && !is_name(""));
/// ```
pub const fn is_name(name: &str) -> bool {
    let name = name.as_bytes();
    if name.is_empty() || name.len() > NAME_MAX {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if !matches!(name[at], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' | b'/') {
            return false;
        }
        at += 1;
    }
    true
}

fn check(what: &'static str, name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    if name.len() > NAME_MAX {
        let name_cut = crate::limits::cut(name, 32).to_owned();
        return Err(NameError::TooLong { what, name: name_cut, length: name.len(), max: NAME_MAX });
    }
    if is_name(name) {
        return Ok(());
    }
    let mut buffer = [0; 4];
    let character = name.chars().find(|c| !is_name(c.encode_utf8(&mut buffer))).expect("one of them is not allowed");
    Err(NameError::Character { what, name: name.into(), character })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the name: 1 to 128 bytes of ASCII letters, digits and `- _ . : /`.
            pub fn new(name: &str) -> Result<Self, NameError> {
                check($what, name)?;
                Ok(Self(name.into()))
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The stable name of a task: what a stored run is matched to code by.
    ///
    /// ```
    /// use longhaul_core::Kind;
    ///
    /// assert_eq!(Kind::new("export-csv")?.as_str(), "export-csv");
    /// assert!(Kind::new("export csv").unwrap_err().to_string().contains("' '"));
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    Kind, "kind"
}

name! {
    /// The name of a queue.
    ///
    /// ```
    /// use longhaul_core::Queue;
    ///
    /// assert_eq!(Queue::default(), Queue::new("default")?);
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    Queue, "queue"
}

name! {
    /// What a server has, or is, that others are not: `gpu`, `zone:eu-1`. A run may require some.
    ///
    /// ```
    /// use longhaul_core::Label;
    ///
    /// assert_eq!(Label::new("zone:eu-1")?.as_str(), "zone:eu-1");
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    Label, "label"
}

name! {
    /// The name of a schedule.
    ///
    /// ```
    /// use longhaul_core::ScheduleName;
    ///
    /// assert_eq!(ScheduleName::new("nightly")?.to_string(), "nightly");
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    ScheduleName, "schedule"
}

/// A value that runs of one kind share, or differ in: a tenant, an account, an address.
///
/// ```
/// use longhaul_core::Key;
///
/// assert_eq!(Key::new("tenant 7")?.as_str(), "tenant 7");
/// assert!(Key::new("").is_err());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Checks a key: 1 to 256 bytes of any text.
    pub fn new(key: &str) -> Result<Self, NameError> {
        if key.is_empty() {
            return Err(NameError::Empty { what: "key" });
        }
        if key.len() > KEY_MAX {
            let name = crate::limits::cut(key, 32).to_owned();
            return Err(NameError::TooLong { what: "key", name, length: key.len(), max: KEY_MAX });
        }
        Ok(Self(key.into()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self("default".into())
    }
}

/// A key and a value by which runs are found: `("order", "7")`.
///
/// ```
/// use longhaul_core::Tag;
///
/// let tag = Tag::new("order", "7")?;
/// assert_eq!((&*tag.key, &*tag.value), ("order", "7"));
/// assert!(Tag::new("", "7").is_err());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Tag {
    /// What it is about.
    pub key: Box<str>,
    /// Its value.
    pub value: Box<str>,
}

impl Tag {
    /// Checks a tag: neither side longer than 256 bytes, the key not empty.
    pub fn new(key: &str, value: &str) -> Result<Self, NameError> {
        if key.is_empty() {
            return Err(NameError::Empty { what: "tag" });
        }
        match [key, value].into_iter().find(|side| side.len() > TAG_MAX) {
            Some(side) => Err(NameError::TooLong {
                what: "tag",
                name: crate::limits::cut(side, 32).into(),
                length: side.len(),
                max: TAG_MAX,
            }),
            None => Ok(Self { key: key.into(), value: value.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names_are_refused_with_what_is_wrong() {
        assert_eq!(Queue::new("").unwrap_err().to_string(), "the name of a queue is empty");
        let long = Kind::new(&"k".repeat(129)).unwrap_err().to_string();
        assert!(long.contains("129 bytes, of at most 128"), "{long}");
        assert!(Kind::new("näh").is_err());
        assert!(Tag::new("order", &"7".repeat(257)).is_err());
    }
}
