//! Suspects, and runs at their last try.

use super::*;
use crate::{StateKind, admission::suspects::WINDOW, decide, event::Event};

const OTHER: ServerId = ServerId::from_bytes([8; 16]);

/// Runs of the kind `demo`, and a store's admission.
struct Fleet {
    now: Timestamp,
    admission: Admission,
    runs: Vec<Run>,
}

impl Fleet {
    /// A run for each number, with so many deaths behind it.
    fn of(suspicions: &[u8]) -> Self {
        let run = |(n, suspicion): (usize, &u8)| Run {
            id: RunId::from_bytes([n as u8; 16]),
            suspicion: *suspicion,
            ..doc::run()
        };
        Self { now: doc::NOW, admission: Admission::default(), runs: suspicions.iter().enumerate().map(run).collect() }
    }

    /// What a server claims; answers the numbers of the runs.
    fn claim(&mut self, server: ServerId, max: usize) -> Vec<u8> {
        let kinds = doc::kinds();
        let source = DueRuns::of(self.now, &self.runs);
        let selection = self.admission.select(self.now, &Offer::new(server, &kinds, max), &source);
        let ids: Vec<u8> = selection.positions.iter().map(|position| position.id.as_bytes()[0]).collect();
        for id in &ids {
            self.change(*id, &Event::Claim { server, begins: true });
        }
        self.admission.commit(selection);
        ids
    }

    fn change(&mut self, id: u8, event: &Event) {
        let run = &mut self.runs[usize::from(id)];
        *run = decide(self.now, run, event).expect("it can").next;
    }

    fn save(&mut self, id: u8) {
        let epoch = self.runs[usize::from(id)].epoch;
        self.change(id, &Event::Checkpoint { epoch, seq: 1, changed: Some(1), proves: true, taken: Vec::new() });
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn why(&self, id: u8) -> String {
        let kinds = doc::kinds();
        let servers = [Offer::new(doc::SERVER, &kinds, 1)];
        let source = DueRuns::of(self.now, &self.runs);
        explain::explain(self.now, &self.runs[usize::from(id)], &self.admission, &servers, &source).to_string()
    }
}

#[test]
fn after_one_death_all_go_on_at_full_width() {
    let mut fleet = Fleet::of(&[1, 1, 1, 0]);
    assert_eq!(fleet.claim(doc::SERVER, 64), [0, 1, 2, 3]);
}

#[test]
fn a_server_executes_one_suspect_at_a_time_beside_everything_else() {
    let mut fleet = Fleet::of(&[2, 2, 2, 0, 1]);
    assert_eq!(fleet.claim(doc::SERVER, 64), [0, 3, 4]);
    assert!(fleet.claim(doc::SERVER, 64).is_empty());
    assert!(fleet.why(1).contains("one at a time"), "{}", fleet.why(1));
    assert_eq!(fleet.claim(OTHER, 64), [1], "another server has a slot for one of its own");
    fleet.save(0);
    assert_eq!(fleet.claim(doc::SERVER, 64), [2]);
}

#[test]
fn a_suspect_that_lasts_gives_its_slot_to_the_next() {
    let mut fleet = Fleet::of(&[2, 2]);
    assert_eq!(fleet.claim(doc::SERVER, 64), [0]);
    fleet.pass(WINDOW / 2);
    assert!(fleet.claim(doc::SERVER, 64).is_empty());
    fleet.pass(WINDOW / 2);
    assert_eq!(fleet.claim(doc::SERVER, 64), [1]);
}

#[test]
fn a_last_try_is_alone_on_its_server_until_it_has_saved_ended_or_lasted_and_others_go_on() {
    for over in ["saved", "ended", "lasted"] {
        let mut fleet = Fleet::of(&[3, 0, 2, 0]);
        assert_eq!(fleet.claim(doc::SERVER, 64), [0], "before all others");
        assert!(fleet.claim(doc::SERVER, 64).is_empty());
        assert!(fleet.why(1).contains("for the last time"), "{}", fleet.why(1));
        assert_eq!(fleet.claim(OTHER, 1), [1]);
        match over {
            "saved" => fleet.save(0),
            "lasted" => fleet.pass(WINDOW),
            _ => {
                let ending = crate::Ending::Completed { result: doc::value() };
                fleet.change(0, &Event::Settle { epoch: fleet.runs[0].epoch, ending });
            }
        }
        assert_eq!(fleet.claim(doc::SERVER, 64), [2, 3], "{over}");
    }
}

#[test]
fn a_server_makes_room_for_a_last_try_for_no_longer_than_the_window() {
    let mut fleet = Fleet::of(&[0, 0, 0, 0]);
    assert_eq!(fleet.claim(doc::SERVER, 1), [0]);
    fleet.pass(WINDOW / 2);
    assert_eq!(fleet.claim(doc::SERVER, 1), [1]);
    fleet.save(1);
    fleet.runs[2].suspicion = 3;
    assert!(fleet.claim(doc::SERVER, 64).is_empty(), "the first has neither saved something nor lasted");
    assert!(fleet.why(3).contains("is about to execute it alone"), "{}", fleet.why(3));
    assert_eq!(fleet.claim(OTHER, 1), [2], "a server on which nothing runs needs not wait");
    fleet.runs[2].state = crate::State::Pending { due: fleet.now };

    // One server makes room, and no other does the same meanwhile.
    assert!(fleet.claim(doc::SERVER, 64).is_empty());
    assert_eq!(fleet.runs[3].state.kind(), StateKind::Pending);
    fleet.pass(WINDOW / 2);
    assert_eq!(fleet.claim(doc::SERVER, 64), [2]);
    assert_eq!(fleet.claim(OTHER, 64), [3]);
}

#[test]
fn one_server_at_a_time_makes_room() {
    let mut fleet = Fleet::of(&[0, 0, 0, 0]);
    assert_eq!((fleet.claim(doc::SERVER, 1), fleet.claim(OTHER, 1)), (vec![0], vec![1]));
    fleet.runs[2].suspicion = 3;
    assert!(fleet.claim(doc::SERVER, 64).is_empty());
    assert_eq!(fleet.claim(OTHER, 64), [3], "it goes on");
}

#[test]
fn a_last_try_that_may_not_start_holds_up_nobody() {
    let scope = Scope::Queue(Queue::default());
    let mut fleet = Fleet::of(&[3, 0]);
    fleet.runs[1].queue = Queue::new("other").unwrap();
    fleet.admission.controls.change(&scope, ControlChange::Pause(Paused::new(NOW, "ann", None)));
    assert_eq!(fleet.claim(doc::SERVER, 64), [1]);
}

#[test]
fn of_several_at_their_last_try_the_likeliest_goes_first() {
    let mut fleet = Fleet::of(&[3, 4, 3]);
    assert_eq!(fleet.claim(doc::SERVER, 64), [1]);
    assert!(fleet.claim(OTHER, 64).is_empty(), "one server at a time");
    fleet.pass(WINDOW);
    assert_eq!(fleet.claim(OTHER, 64), [0]);
}
