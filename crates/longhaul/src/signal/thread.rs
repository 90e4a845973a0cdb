//! The thread that listens for signals. It has a runtime of its own, so that no task of the user's can block it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};

use tokio::runtime;

use super::{EXIT_CODE, Heard, Listener, Signal};

/// Signals are the process's, so there is one thread in it, and one list of those who listen.
static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners { is_started: false, all: Vec::new() });

struct Listeners {
    is_started: bool,
    all: Vec<Weak<Listener>>,
}

pub(super) fn register(listener: &Arc<Listener>) -> io::Result<()> {
    let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    if !listeners.is_started {
        start()?;
        listeners.is_started = true;
    }
    listeners.all.retain(|listener| listener.strong_count() > 0);
    listeners.all.push(Arc::downgrade(listener));
    Ok(())
}

fn start() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut source = {
        let _entered = runtime.enter();
        Source::new()?
    };
    let thread = thread::Builder::new().name("longhaul-signals".into());
    thread.spawn(move || {
        runtime.block_on(async move {
            loop {
                deliver(source.next().await);
            }
        });
    })?;
    Ok(())
}

/// Hands the signal to those who listen, or ends the process: when one of them was told before, or nobody listens.
fn deliver(signal: Signal) {
    let all: Vec<Arc<Listener>> = {
        let listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.all.iter().filter_map(Weak::upgrade).collect()
    };
    let was_told = |listener: &Arc<Listener>| *listener.heard.borrow() != Heard::Nothing;
    if all.is_empty() || all.iter().any(was_told) {
        for at_exit in all.iter().filter_map(|listener| listener.at_exit.as_ref()) {
            // The process was told to end, so it does, whatever comes of this.
            let _ = catch_unwind(AssertUnwindSafe(|| at_exit(signal)));
        }
        // Nothing is logged: whoever blocks the process may hold the lock of its output.
        process::exit(EXIT_CODE);
    }
    for listener in all {
        listener.heard.send_replace(Heard::First(signal));
    }
}

/// What the operating system tells.
struct Source {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Source {
    fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(windows)]
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
        #[cfg(windows)]
        {
            self.interrupt.recv().await;
            Signal::Interrupt
        }
    }
}
