//! What must change a fingerprint, and what must not.

use serde::{Deserialize, de::DeserializeOwned};

use super::super::{describe, fingerprint_of};

#[derive(Deserialize)]
struct Base {
    id: u32,
    name: String,
}

fn differs_from_base<T: DeserializeOwned>() {
    assert_ne!(
        fingerprint_of::<T>(),
        fingerprint_of::<Base>(),
        "{} is taken for {}",
        describe::<T>(),
        describe::<Base>()
    );
}

#[test]
fn an_added_removed_renamed_moved_or_retyped_field_changes_it() {
    #[derive(Deserialize)]
    struct Added {
        id: u32,
        name: String,
        rows: u64,
    }
    #[derive(Deserialize)]
    struct Removed {
        id: u32,
    }
    #[derive(Deserialize)]
    struct Renamed {
        id: u32,
        title: String,
    }
    #[derive(Deserialize)]
    struct RenamedBySerde {
        id: u32,
        #[serde(rename = "title")]
        name: String,
    }
    #[derive(Deserialize)]
    struct Moved {
        name: String,
        id: u32,
    }
    #[derive(Deserialize)]
    struct Retyped {
        id: i32,
        name: String,
    }
    #[derive(Deserialize)]
    struct Optional {
        id: u32,
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Skipped {
        id: u32,
        #[serde(skip)]
        name: String,
    }
    differs_from_base::<Added>();
    differs_from_base::<Removed>();
    differs_from_base::<Renamed>();
    differs_from_base::<RenamedBySerde>();
    differs_from_base::<Moved>();
    differs_from_base::<Retyped>();
    differs_from_base::<Optional>();
    differs_from_base::<Skipped>();
}

#[test]
fn an_added_removed_renamed_moved_or_refilled_variant_changes_it() {
    mod base {
        #[derive(serde::Deserialize)]
        pub(super) enum E {
            A,
            B(u32),
            C { x: u8 },
        }
    }
    macro_rules! differs {
        ($($variants:tt)*) => {{
            #[derive(Deserialize)]
            enum E { $($variants)* }
            assert_ne!(fingerprint_of::<E>(), fingerprint_of::<base::E>(), "{}", describe::<E>());
        }};
    }
    differs!(A, B(u32), C { x: u8 }, D);
    differs!(A, B(u32));
    differs!(A, Bee(u32), C { x: u8 });
    differs!(B(u32), A, C { x: u8 });
    differs!(A(()), B(u32), C { x: u8 });
    differs!(A, B(u64), C { x: u8 });
    differs!(A, B(u32, u32), C { x: u8 });
    differs!(A, B(u32), C { y: u8 });
    differs!(A, B(u32), C(u8));
    differs!(A, B(u32), C { x: Option<u8> });
}

#[test]
fn a_change_far_inside_is_seen() {
    #[derive(Deserialize)]
    enum Inner<T> {
        Off,
        On { at: Option<Vec<T>> },
    }
    #[derive(Deserialize)]
    struct Outer<T> {
        by_name: std::collections::BTreeMap<String, (u8, Option<Inner<T>>)>,
    }
    assert_eq!(describe::<Outer<u16>>(), "{by_name: map(str, (u8, option(<Off | On{at: option(seq(u16))}>)))}");
    assert_ne!(fingerprint_of::<Outer<u16>>(), fingerprint_of::<Outer<i16>>());
}

#[test]
fn the_name_of_a_type_and_a_newtype_around_it_do_not_matter() {
    #[derive(Deserialize)]
    struct Id(u32);
    #[derive(Deserialize)]
    struct Other {
        id: Id,
        name: std::borrow::Cow<'static, str>,
    }
    assert_eq!(fingerprint_of::<Other>(), fingerprint_of::<Base>());
}

#[test]
fn a_name_made_of_our_own_signs_cannot_feign_another_shape() {
    #[derive(Deserialize)]
    struct Two {
        a: u8,
        b: u8,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(rename = "a: u8, b")]
        a: u8,
    }
    assert_eq!(describe::<Two>(), "{a: u8, b: u8}");
    assert_eq!(describe::<One>(), "{\"a: u8, b\": u8}");
}
