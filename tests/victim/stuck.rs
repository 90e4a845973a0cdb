//! Servers that cannot go on.

use std::{error::Error, fs::File, thread};

use longhaul::{Context, EmptyError, Longhaul, Success, signal::Signals};

use crate::say::say;

/// One thread, and a task that blocks it for ever, outside of `ctx.blocking`.
pub(crate) fn stuck(folder: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        let block = |_: Context<(), ()>| async move {
            say!("stuck");
            loop {
                thread::park();
            }
            #[expect(unreachable_code, reason = "it says what the task would return")]
            Success::with_empty_result().for_error::<EmptyError>()
        };
        let server = Longhaul::builder().store(longhaul::open(folder)?).task_fn("stuck", block).start()?;
        server.client().enqueue_fn(longhaul::TaskFn::<(), (), (), EmptyError>::new("stuck"), ()).await?;
        server.run_until(signals).await?;
        say!("ended");
        Ok(())
    })
}

/// All files that this process may open are open when the server starts.
pub(crate) fn cramped(folder: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let builder = Longhaul::builder().store(longhaul::open(folder)?);
        let mut open = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            open.push(file);
        }
        match builder.start() {
            Ok(_) => say!("started"),
            Err(error) => say!("refused {error}"),
        }
        drop(open);
        Ok(())
    })
}
