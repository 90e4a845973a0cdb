//! What the committer wakes up for by itself.

use longhaul_core::store::prelude::*;
use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Clock, Constraints, ControlChange, Key, Kind, Limits, NewRun, Rate, RunId, Scope, ServerId,
    store::{ClaimRequest, Filter},
};
use longhaul_testkit::fixture;

use super::kit::{LeapingClock, block_on, over};
use crate::{Options, engine::kv::sim::SimDisk};

const HUNG: Duration = Duration::from_secs(60);

#[test]
fn a_claim_that_waits_for_the_rate_of_a_key_is_served_by_time_alone() {
    block_on(async {
        let clock = Arc::new(LeapingClock::new());
        let options = Options::new(clock.clone());
        let store = over(Box::new(SimDisk::default()), options).expect("an empty disk opens");
        let rate_per_key = Some(Rate::new(1, Duration::from_secs(60)).expect("a rate"));
        let declared = ControlChange::Declare(Limits { rate_per_key, ..Limits::NONE });
        store.control(Scope::Kind(Kind::new("plain").expect("a name")), declared).await.expect("the store works");

        let began = clock.now();
        let constraints =
            Arc::new(Constraints { limit_key: Some(Key::new("a").expect("a key")), ..Constraints::default() });
        let new = |n| NewRun { constraints: Some(Arc::clone(&constraints)), ..fixture::new_run(began, "plain", n) };
        let all: Vec<RunId> = [new(0), new(1)].iter().map(|new| new.id).collect();
        store.insert(vec![new(0), new(1)]).await.expect("the store works");
        let by: ServerId = fixture::server_id(began, 0);
        let request = ClaimRequest::new(by, [fixture::support("plain", 1)].into(), 9);
        let claim = async |wait| {
            let claimed = store.claim(ClaimRequest { wait, ..request.clone() }).await.expect("the store works");
            claimed.iter().map(|claimed| claimed.run.id).collect::<Vec<_>>()
        };
        assert_eq!(claim(false).await, all[..1]);
        assert_eq!(claim(false).await, []);
        // What is asked meanwhile, which looks at the waiting claim too, makes nobody forget that it waits.
        let both = async { tokio::join!(claim(true), store.count(Filter::default())) };
        #[expect(clippy::disallowed_methods, reason = "a store that is wrong must fail the test, not hang it")]
        let (taken, _) = tokio::time::timeout(HUNG, both).await.expect("the committer sleeps on");
        assert_eq!((taken, clock.now().since(began)), (all[1..].to_vec(), Duration::from_secs(60)));
    });
}
