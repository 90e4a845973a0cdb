//! Types that contain themselves.

use serde::Deserialize;

use super::super::{describe, fingerprint_of};

#[test]
fn a_list_a_tree_of_boxes_and_a_tree_of_vecs_come_to_an_end() {
    #[derive(Deserialize)]
    struct List {
        next: Option<Box<List>>,
        value: u8,
    }
    #[derive(Deserialize)]
    struct Binary {
        left: Option<Box<Binary>>,
        key: String,
        right: Option<Box<Binary>>,
    }
    #[derive(Deserialize)]
    struct Tree {
        children: Vec<Tree>,
        by_name: std::collections::BTreeMap<String, Tree>,
        weight: f32,
    }
    assert_eq!(describe::<List>(), "{next: option(^2), value: u8}");
    assert_eq!(describe::<Binary>(), "{left: option(^2), key: str, right: option(^2)}");
    assert_eq!(describe::<Tree>(), "{children: seq(^2), by_name: map(str, ^2), weight: f32}");
}

/// The variant that has to be built first is the last one, and each of the others is seen to its end.
#[test]
fn what_follows_a_type_inside_itself_is_seen() {
    #[derive(Deserialize)]
    enum Expr<T> {
        Add(Box<Expr<T>>, Box<Expr<T>>, T),
        Not(Box<Expr<T>>),
        Call { of: Vec<Expr<T>>, name: String },
        Number(i64),
    }
    assert_eq!(describe::<Expr<u8>>(), "<Add(^2 * 2, u8) | Not(^1) | Call{of: seq(^3), name: str} | Number(i64)>");
    assert_ne!(fingerprint_of::<Expr<u8>>(), fingerprint_of::<Expr<u16>>());
}

#[test]
fn types_that_contain_each_other_come_to_an_end() {
    #[derive(Deserialize)]
    struct Folder {
        files: Vec<Entry>,
    }
    #[derive(Deserialize)]
    enum Entry {
        Folder(Folder),
        Link { to: Box<Entry>, when: u64 },
        File(String),
    }
    assert_eq!(describe::<Folder>(), "{files: seq(<Folder(^3) | Link{to: ^2, when: u64} | File(str)>)}");
    assert_eq!(describe::<Entry>(), "<Folder({files: seq(^3)}) | Link{to: ^2, when: u64} | File(str)>");
}

#[test]
fn a_generic_type_inside_itself_is_not_taken_for_recursion() {
    #[derive(Deserialize)]
    struct Page<T> {
        items: Vec<T>,
    }
    assert_eq!(describe::<Page<Page<u8>>>(), "{items: seq({items: seq(u8)})}");
}

#[test]
fn a_newtype_in_a_circle_does_not_matter() {
    #[derive(Deserialize)]
    struct Plain {
        next: Option<Box<Plain>>,
    }
    #[derive(Deserialize)]
    struct Wrapped {
        next: Next,
    }
    #[derive(Deserialize)]
    struct Next(Option<Box<Wrapped>>);
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Nest {
        inner: Vec<Nest>,
    }
    #[derive(Deserialize)]
    struct NestOfNewtypes(Vec<NestOfNewtypes>);
    assert_eq!(describe::<Plain>(), describe::<Wrapped>());
    assert_eq!(describe::<Nest>(), "seq(^1)");
    assert_eq!(describe::<NestOfNewtypes>(), "seq(^1)");
}

/// It has no value at all, so there is nothing to find, and still an end.
#[test]
fn a_type_that_can_never_be_built_comes_to_an_end() {
    #[derive(Deserialize)]
    struct Forever {
        again: Box<Forever>,
        after: u8,
    }
    assert_eq!(describe::<Forever>(), "{again: ^1, after: ?}");
}
