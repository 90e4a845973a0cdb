//! An engine that may panic or never come back, so that the committer can be sure that it gets an answer.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

use super::{Each, Key, Kv, KvError, Value, Writes};
use crate::{
    engine::watchdog::{Pulse, RELEASE_TIMEOUT},
    error::panic_message,
};

/// Passes calls on, and each of them is a step of the pulse. After a panic, and after a call that was given up, the engine
/// is not called again: nothing is known of the locks that it holds.
pub(crate) struct Guarded {
    /// `None` only while this is dropped.
    engine: Option<Box<dyn Kv>>,
    gate: Gate,
}

struct Gate {
    pulse: Arc<Pulse>,
    /// A scan may read in between: of the two calls, the outer one is watched.
    inside: Cell<bool>,
    /// Why the engine is not called again.
    dead: OnceLock<KvError>,
}

impl Guarded {
    pub(crate) fn new(engine: Box<dyn Kv>, pulse: Arc<Pulse>) -> Self {
        Self { engine: Some(engine), gate: Gate { pulse, inside: Cell::new(false), dead: OnceLock::new() } }
    }

    fn engine(&self) -> &dyn Kv {
        &**self.engine.as_ref().expect("nobody calls what is being dropped")
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Kv) -> Result<(), KvError>) -> Result<(), KvError> {
        let Self { engine, gate } = self;
        let engine = engine.as_mut().expect("nobody calls what is being dropped");
        gate.call(|| write(&mut **engine))
    }
}

impl Gate {
    fn call<T>(&self, call: impl FnOnce() -> Result<T, KvError>) -> Result<T, KvError> {
        if let Some(error) = self.dead.get() {
            return Err(error.clone());
        }
        if self.inside.get() {
            self.pulse.beat();
            return call();
        }
        if self.pulse.begin().is_err() {
            return self.died(KvError::Hung(self.pulse.patience()));
        }
        self.inside.set(true);
        // The unwinding ends here. The engine is not dropped by it: that might never end.
        let outcome = catch_unwind(AssertUnwindSafe(call));
        self.inside.set(false);
        match (outcome, self.pulse.end()) {
            (Ok(outcome), Ok(())) => outcome,
            (Err(panic), Ok(())) => self.died(KvError::Panicked(panic_message(&*panic).to_owned())),
            (_, Err(_)) => self.died(KvError::Hung(self.pulse.patience())),
        }
    }

    fn died<T>(&self, error: KvError) -> Result<T, KvError> {
        Err(self.dead.get_or_init(|| error).clone())
    }
}

impl Kv for Guarded {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.gate.call(|| self.engine().get(key))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        self.gate.call(|| {
            self.engine().scan(prefix, from, &mut |key, value| {
                self.gate.pulse.beat();
                each(key, value)
            })
        })
    }

    fn scan_back(&self, prefix: &[u8], before: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        self.gate.call(|| {
            self.engine().scan_back(prefix, before, &mut |key, value| {
                self.gate.pulse.beat();
                each(key, value)
            })
        })
    }

    fn apply(&mut self, writes: Writes) -> Result<(), KvError> {
        self.write(|engine| engine.apply(writes))
    }

    fn apply_in_turn(&mut self, writes: Vec<(Key, Value)>) -> Result<(), KvError> {
        self.write(|engine| engine.apply_in_turn(writes))
    }

    fn flush(&mut self) -> Result<(), KvError> {
        self.write(|engine| engine.flush())
    }

    fn sync(&mut self) -> Result<(), KvError> {
        self.write(|engine| engine.sync())
    }

    fn attest(&mut self) -> Result<(), KvError> {
        self.write(|engine| engine.attest())
    }
}

impl Drop for Guarded {
    /// The end of the engine is a call like the others. One that has failed already gets little time for it.
    fn drop(&mut self) {
        let Self { engine, gate: Gate { pulse, dead, .. } } = self;
        if dead.get().is_some() {
            pulse.allow(RELEASE_TIMEOUT);
        }
        // Whether it was given up: then nobody waits for this.
        _ = pulse.begin();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(engine.take()))) {
            tracing::error!(panic = panic_message(&*panic), "the engine of the store panicked at its end");
        }
        _ = pulse.end();
    }
}
