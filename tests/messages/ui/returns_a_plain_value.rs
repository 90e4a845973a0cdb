//! The function returns its value, without saying how the attempt ended.

use longhaul::{AnyError, Longhaul, TaskFn};

const RESIZE: TaskFn<String, (), usize, AnyError> = TaskFn::new("resize");

fn main() {
    let _ = Longhaul::builder().task_fn(RESIZE, |ctx| async move { ctx.metadata().len() });
}
