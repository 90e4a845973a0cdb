//! Panics of users' code: caught, with their message, place and backtrace.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook},
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

/// A panic that was caught.
#[derive(Debug, Clone)]
pub(crate) struct Caught {
    pub(crate) message: String,
    /// Its place, and the backtrace.
    pub(crate) details: String,
}

thread_local! {
    /// Whether this thread is in a user's code, so that its panic is ours to describe.
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<Caught>> = const { RefCell::new(None) };
}

/// A backtrace can be taken only while the panic unwinds, which a hook alone sees. Ours takes it for panics in users'
/// tasks, and always calls the one that was there before.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if WATCHING.get() {
                SEEN.set(Some(describe(info)));
            }
            before(info);
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> Caught {
    let place = info.location().map(|place| format!("at {place}\n")).unwrap_or_default();
    let backtrace = Backtrace::force_capture();
    Caught { message: message(info.payload()), details: format!("{place}{backtrace}") }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic whose payload is no text").to_owned()
}

/// `work`, or how it panicked.
pub(crate) fn catch<O>(work: impl FnOnce() -> O) -> Result<O, Caught> {
    install();
    let outer = WATCHING.replace(true);
    let out = catch_unwind(AssertUnwindSafe(work));
    WATCHING.set(outer);
    out.map_err(|payload| match payload.downcast::<Caught>() {
        // It was caught on another thread, and goes on here.
        Ok(caught) => *caught,
        Err(payload) => {
            let message = message(&*payload);
            // A panic that was carried here from elsewhere passed no hook; what was seen last is another's.
            let seen = SEEN.take().filter(|seen| seen.message == message);
            seen.unwrap_or_else(|| Caught { message, details: String::new() })
        }
    })
}

/// `future`, or how it panicked.
pub(crate) struct CatchPanic<F>(pub(crate) Pin<Box<F>>)
where
    F: ?Sized;

impl<F: Future + ?Sized> Future for CatchPanic<F> {
    type Output = Result<F::Output, Caught>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| self.0.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(out)) => Poll::Ready(Ok(out)),
            Err(caught) => Poll::Ready(Err(caught)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_message_place_and_backtrace() {
        let caught = catch(|| panic!("the number is {}", 7)).unwrap_err();
        assert_eq!(caught.message, "the number is 7");
        assert!(caught.details.starts_with("at crates/longhaul/src/panics.rs:"), "{}", caught.details);
        assert!(caught.details.contains("a_panic_is_caught"), "{}", caught.details);
    }

    #[test]
    fn a_panic_without_text_is_caught_too() {
        let caught = catch(|| std::panic::panic_any(7_u32)).unwrap_err();
        assert_eq!(caught.message, "a panic whose payload is no text");
    }
}
