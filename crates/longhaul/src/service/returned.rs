//! What functions in the background may return.

use std::fmt;

/// What a function in the background may return: nothing, or a `Result<(), E>` whose error can be shown. The error is
/// reported with the name that the function was given.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = longhaul::doc::server();
/// use longhaul::AnyError;
///
/// server.spawn("greet", |_token| async { println!("hello") })?;
/// server.spawn("parse", |_token| async {
///     let _: u32 = "seven".parse()?;
///     Ok::<_, AnyError>(())
/// })?;
/// server.background().idle().await;
/// let failed = server.background().status().last_failure.unwrap();
/// assert_eq!((&*failed.name, failed.message.as_str()), ("parse", "invalid digit found in string"));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "work in the background cannot return `{Self}`",
    label = "it returns `{Self}`",
    note = "nobody waits for what it returns: return nothing, or a `Result<(), E>` whose error implements `Display`"
)]
pub trait ServiceReturn: Send + 'static {
    /// What went wrong, if something did.
    fn failure(self) -> Option<String>;
}

impl ServiceReturn for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display + Send + 'static> ServiceReturn for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}
