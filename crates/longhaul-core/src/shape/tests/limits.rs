//! Types that would be walked for ever, or into too much memory.

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::super::{describe, fingerprint_of};

macro_rules! doubled {
    ($($outer:ident of $inner:ty;)*) => {$(
        #[derive(Deserialize)]
        struct $outer {
            a: Option<Box<$inner>>,
            b: Option<Box<$inner>>,
        }
    )*};
}

doubled! {
    D01 of u8; D02 of D01; D03 of D02; D04 of D03; D05 of D04; D06 of D05; D07 of D06; D08 of D07; D09 of D08;
    D10 of D09; D11 of D10; D12 of D11; D13 of D12; D14 of D13; D15 of D14; D16 of D15; D17 of D16; D18 of D17;
    D19 of D18; D20 of D19;
}

/// Twenty levels of two are a million places; what lies beyond the limits is `?`, the same in each walk.
#[test]
fn a_type_that_unfolds_into_a_million_places_is_cut_and_stays_the_same() {
    let text = describe::<D20>();
    assert!(text.contains('?') && text.len() < 1 << 20, "{} bytes", text.len());
    assert_eq!(describe::<D20>(), text);
    assert!(!describe::<D08>().contains('?'));
}

#[test]
fn a_wide_enum_inside_a_wide_struct_is_seen_whole() {
    macro_rules! wide {
        ($($field:ident)*) => {
            #[derive(Deserialize)]
            #[allow(non_camel_case_types)]
            enum Choice { $($field(u8)),* }
            #[derive(Deserialize)]
            struct Wide { $($field: Option<Choice>),* }
        };
    }
    wide!(a b c d e f g h i j k l m n o p q r s t u v w x y z a1 b1 c1 d1 e1 f1 g1 h1 i1 j1 k1 l1 m1 n1 o1 p1 q1 r1);
    let text = describe::<Wide>();
    assert!(!text.contains('?'));
    assert_eq!(text.matches("r1(u8)").count(), 44);
}

/// No name and no visitor of its own tells that it contains itself: each level has another visitor.
#[test]
fn a_type_that_hides_that_it_contains_itself_is_cut_by_depth() {
    struct Hidden;
    struct Level;

    fn next<'de, A: SeqAccess<'de>>(items: &mut A) -> Result<(), A::Error> {
        while items.next_element::<Hidden>()?.is_some() {}
        Ok(())
    }
    impl<'de> Visitor<'de> for Level {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("more")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            next(&mut items)
        }
    }
    impl<'de> Deserialize<'de> for Hidden {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            // A tuple of another length at each level would hide it; the depth is carried by a thread local.
            thread_local!(static DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
            let depth = DEPTH.get();
            DEPTH.set(depth + 1);
            let result = deserializer.deserialize_tuple(depth + 1, Level);
            DEPTH.set(depth);
            result.map(|()| Hidden)
        }
    }
    let text = describe::<Hidden>();
    assert!(text.starts_with("((("), "{text}");
    assert_eq!(fingerprint_of::<Hidden>(), fingerprint_of::<Hidden>());
}

#[test]
fn a_long_array_is_counted_and_not_unfolded() {
    struct Block;
    impl<'de> Deserialize<'de> for Block {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Bytes;
            impl<'de> Visitor<'de> for Bytes {
                type Value = Block;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("4096 bytes")
                }
                fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Block, A::Error> {
                    while items.next_element::<u8>()?.is_some() {}
                    Ok(Block)
                }
            }
            deserializer.deserialize_tuple(4096, Bytes)
        }
    }
    assert_eq!(describe::<(Block, u8)>(), "((u8 * 4096), u8)");
}
