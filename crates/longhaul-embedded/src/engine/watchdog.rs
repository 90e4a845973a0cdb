//! A bound on every wait for the engine: the one place of this crate that measures real time.
//!
//! sled can wait for itself without end, after a system call failed, or after one of its threads panicked. So each call
//! of the engine takes a step on a [`Pulse`] when it begins and when it ends, and a thread of its own looks once a
//! second whether there was one. A call without a step for too long is given up.
//!
//! It counts looks, and compares no times: while the whole process is stopped, or the machine sleeps, nobody looks, and
//! nothing is late. It does not go by the store's [`Clock`](longhaul_core::Clock) either, which may jump, or be a test's
//! that stands still, while a disk takes the time that it takes.

use std::{
    io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use crate::error::OpenError;

/// Between two looks. Short beside what the limits are, and long beside what a look costs.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long opening may go without a step. sled opens in one call, which reads a whole log where there is no snapshot
/// of it: 30 GB at 100 MB/s take this long. After it, each record that is read is a step.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How long one call of an open engine may take. Longer than any sync of a disk that still works, and shorter than the 30
/// seconds that a server gives a call of its store, so that callers learn the verdict, and not only that it is late.
pub(crate) const ENGINE_TIMEOUT: Duration = Duration::from_secs(25);

/// How long an engine that failed gets for its end, on the committer's thread: it either goes at once, or never.
pub(crate) const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// Set in a pulse when nobody waits for its owner.
const GIVEN_UP: u64 = 1 << 63;

/// Steps of the one thread that uses the engine. An odd number of them: it is inside a call.
#[derive(Debug)]
pub(crate) struct Pulse {
    steps: AtomicU64,
    /// All of the opening counts as one call.
    opening: AtomicBool,
    /// Looks without a step after which a call is given up.
    patience: AtomicU32,
}

/// The caller got an error because the call did not come back: its result is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenUp;

impl Pulse {
    fn of_an_opening(patience: Duration) -> Self {
        Self { steps: AtomicU64::new(1), opening: AtomicBool::new(true), patience: AtomicU32::new(looks(patience)) }
    }

    /// A call of the engine begins.
    pub(crate) fn begin(&self) -> Result<(), GivenUp> {
        self.step(if self.opening.load(Ordering::Relaxed) { 2 } else { 1 })
    }

    /// It came back.
    pub(crate) fn end(&self) -> Result<(), GivenUp> {
        self.begin()
    }

    /// It is under way, and gets on.
    pub(crate) fn beat(&self) {
        // If it was given up, its end says so.
        _ = self.step(2);
    }

    /// The opening is over: from now on each call is one, and gets `patience`.
    pub(crate) fn opened(&self, patience: Duration) -> Result<(), GivenUp> {
        self.allow(patience);
        self.opening.store(false, Ordering::Relaxed);
        self.step(1)
    }

    /// From now on a call gets `patience`.
    pub(crate) fn allow(&self, patience: Duration) {
        self.patience.store(looks(patience), Ordering::Relaxed);
    }

    /// How long a call may take no step.
    pub(crate) fn patience(&self) -> Duration {
        LOOK_EVERY * self.patience.load(Ordering::Relaxed)
    }

    fn step(&self, by: u64) -> Result<(), GivenUp> {
        let before = self.steps.fetch_add(by, Ordering::AcqRel);
        if before & GIVEN_UP == 0 { Ok(()) } else { Err(GivenUp) }
    }

    /// Gives up a call that has taken no step since `seen`. Whether it did: then the call's end learns of it.
    fn give_up(&self, seen: u64) -> bool {
        self.steps.compare_exchange(seen, seen | GIVEN_UP, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// Looks that make up `patience`, at least one.
fn looks(patience: Duration) -> u32 {
    let looks = patience.as_nanos().div_ceil(LOOK_EVERY.as_nanos());
    u32::try_from(looks).unwrap_or(u32::MAX).max(1)
}

/// What is done once when a call is given up. Its argument is why the opening fails, if it was about to fail.
type OnGiveUp = Box<dyn FnOnce(Option<OpenError>) + Send>;

/// Watches one store, from the beginning of its opening until the last handle of this is dropped.
pub(crate) struct Watchdog {
    pub(crate) pulse: Arc<Pulse>,
    on_give_up: Arc<Mutex<OnGiveUp>>,
    failure: Arc<OnceLock<OpenError>>,
    /// The thread ends with it.
    _watched: Sender<()>,
}

/// What makes it look, until nobody holds the other end.
pub(crate) struct Looks {
    holds: Sender<()>,
    look: Receiver<()>,
    /// `None`: only when a test says so.
    every: Option<Duration>,
}

impl Looks {
    pub(crate) fn every_second() -> Self {
        let (holds, look) = mpsc::channel();
        Self { holds, look, every: Some(LOOK_EVERY) }
    }

    /// Whenever a test says so.
    #[cfg(test)]
    pub(crate) fn by_hand() -> (Sender<()>, Self) {
        let (holds, look) = mpsc::channel();
        (holds.clone(), Self { holds, look, every: None })
    }

    /// Waits until it is time to look again; `false`: there is nothing left to watch.
    fn next(look: &Receiver<()>, every: Option<Duration>) -> bool {
        match every {
            Some(every) => matches!(look.recv_timeout(every), Ok(()) | Err(RecvTimeoutError::Timeout)),
            None => look.recv().is_ok(),
        }
    }
}

impl Watchdog {
    /// Watches an opening that may go `patience` without a step; then it calls `on_give_up`.
    ///
    /// # Errors
    /// When there is no room for one more thread.
    pub(crate) fn start(looks: Looks, patience: Duration, on_give_up: OnGiveUp) -> io::Result<Self> {
        let pulse = Arc::new(Pulse::of_an_opening(patience));
        let on_give_up = Arc::new(Mutex::new(on_give_up));
        let Looks { holds, look, every } = looks;
        let failure = Arc::new(OnceLock::new());
        let (seen, then, why) = (Arc::clone(&pulse), Arc::clone(&on_give_up), Arc::clone(&failure));
        let thread = thread::Builder::new().name("longhaul-watchdog".into());
        thread.spawn(move || {
            if watch(&seen, || Looks::next(&look, every)) {
                let tell = std::mem::replace(&mut *lock(&then), Box::new(|_| {}));
                tell(why.get().cloned());
            }
        })?;
        Ok(Self { pulse, on_give_up, failure, _watched: holds })
    }

    /// The opening failed, and is only cleaning up. If that does not come back, this is the error that its caller gets.
    pub(crate) fn failed(&self, error: &OpenError) {
        self.failure.get_or_init(|| error.clone());
    }

    /// From now on, calls this instead.
    pub(crate) fn on_give_up(&self, then: OnGiveUp) {
        *lock(&self.on_give_up) = then;
    }
}

fn lock(on_give_up: &Mutex<OnGiveUp>) -> std::sync::MutexGuard<'_, OnGiveUp> {
    on_give_up.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks again and again. `true`: a call was given up. `false`: all came back, and there are no more.
fn watch(pulse: &Pulse, mut next_look: impl FnMut() -> bool) -> bool {
    let (mut seen, mut still) = (pulse.steps.load(Ordering::Acquire), 0);
    while next_look() {
        let now = pulse.steps.load(Ordering::Acquire);
        let is_inside = now % 2 == 1;
        still = if is_inside && now == seen { still + 1 } else { 0 };
        seen = now;
        if still >= pulse.patience.load(Ordering::Relaxed) && pulse.give_up(seen) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks `count` times at a pulse which does what `between` says before each.
    fn watched(pulse: &Pulse, count: u32, mut between: impl FnMut(u32)) -> bool {
        let mut nth = 0;
        watch(pulse, || {
            between(nth);
            nth += 1;
            nth <= count
        })
    }

    fn idle(patience: u32) -> Pulse {
        let pulse = Pulse::of_an_opening(Duration::from_secs(1));
        pulse.opened(LOOK_EVERY * patience).expect("nobody gave it up");
        pulse
    }

    #[test]
    fn a_call_that_takes_no_step_for_as_many_looks_as_it_gets_is_given_up_and_learns_of_it() {
        let pulse = idle(3);
        pulse.begin().expect("nobody gave it up");
        assert!(!watched(&pulse, 2, |_| {}), "two looks are no three");
        assert!(watched(&pulse, 3, |_| {}));
        assert_eq!(pulse.end(), Err(GivenUp));
        assert_eq!(pulse.begin(), Err(GivenUp), "nor is there another");
    }

    #[test]
    fn calls_that_come_back_and_calls_that_get_on_are_never_given_up() {
        let pulse = idle(3);
        assert!(!watched(&pulse, 100, |_| {}), "nothing to wait for");
        assert!(!watched(&pulse, 100, |_| {
            pulse.begin().expect("in time");
            pulse.end().expect("in time");
            pulse.begin().expect("in time");
            pulse.end().expect("in time");
        }));
        pulse.begin().expect("in time");
        assert!(!watched(&pulse, 100, |nth| if nth % 3 == 0 {
            pulse.beat();
        }));
        assert_eq!(pulse.end(), Ok(()));
    }

    #[test]
    fn an_opening_is_one_call_in_which_every_call_of_the_engine_is_a_step() {
        let pulse = Pulse::of_an_opening(LOOK_EVERY * 3);
        assert!(!watched(&pulse, 100, |nth| match nth % 4 {
            0 => pulse.begin().expect("in time"),
            2 => pulse.end().expect("in time"),
            _ => {}
        }));
        assert!(watched(&pulse, 4, |_| {}), "outside of a call as well");
        assert_eq!(pulse.opened(LOOK_EVERY), Err(GivenUp));
    }

    #[test]
    fn a_timeout_is_counted_in_whole_looks_and_is_never_none() {
        let of = |milliseconds| looks(Duration::from_millis(milliseconds));
        assert_eq!([of(0), of(1), of(1000), of(1001), of(25_000)], [1, 1, 1, 2, 25]);
        assert_eq!(looks(Duration::MAX), u32::MAX);
    }
}
