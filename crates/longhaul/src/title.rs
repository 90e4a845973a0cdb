//! What a run is called.

/// The tag that holds what people call a run.
///
/// ```
/// use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = longhaul::doc::client();
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).tag(longhaul::TITLE_TAG, "to three").await?;
/// assert_eq!(client.snapshot(run.id()).await?.run.tags[0].value.as_ref(), "to three");
/// # Ok(())
/// # }
/// ```
pub const TITLE_TAG: &str = "longhaul.title";
