//! Random operations, crashes and moves of the clock, against the plain model.

mod common;

use longhaul_testkit::model;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_store_in_a_folder_does_what_the_model_does(ops in model::ops(80)) {
        model::check(common::embedded, &ops);
    }
}
