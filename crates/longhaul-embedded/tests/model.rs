//! Random operations, crashes and moves of the clock, against the plain model.

mod common;

use longhaul_testkit::model;
use proptest::prelude::*;

/// More on demand: `LONGHAUL_MODEL_CASES=20000`.
fn cases() -> u32 {
    std::env::var("LONGHAUL_MODEL_CASES").map_or(96, |cases| cases.parse().expect("a number of cases"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_store_in_a_folder_does_what_the_model_does(ops in model::ops(80)) {
        model::check(common::embedded, &ops);
    }

    #[test]
    fn a_folder_in_which_much_waits_does_what_the_model_does(ops in model::crowded(80)) {
        model::check(common::embedded, &ops);
    }
}
