//! Types for tasks that have no use for one of the four. They are values too.

/// For tasks that need no metadata, as a type and as its value:
///
/// ```
/// use longhaul::{Client, EmptyMetadata, EnqueueError, TaskFn};
///
/// const CLEAN_UP: TaskFn<EmptyMetadata> = TaskFn::new("clean-up");
///
/// async fn clean_up(client: &Client) -> Result<(), EnqueueError> {
///     client.enqueue_fn(CLEAN_UP, EmptyMetadata).await?;
///     Ok(())
/// }
/// ```
pub type EmptyMetadata = ();
/// For tasks that always start from the beginning, as a type and as its value.
pub type EmptyExecutionMetadata = ();
/// For tasks whose success says it all, as a type and as its value: `Ok(Success(EmptyResult))`.
pub type EmptyResult = ();

macro_rules! value {
    ($($name:ident)*) => {$(
        #[doc = concat!("The value of [`", stringify!($name), "`](type@", stringify!($name), ").")]
        #[expect(non_upper_case_globals, reason = "it is the value of the type of this name")]
        pub const $name: $name = ();
    )*};
}

value!(EmptyMetadata EmptyExecutionMetadata EmptyResult);
