//! The other kinds.

use std::time::Duration;

use longhaul::{AnyError, Builder, Context, ExecutionResult, Failure, Schedule, Success, Task, TaskFn, TaskOptions};

use crate::{
    customers::customers,
    orders::{ChargeCard, Export, ExportOrders, Format, Refund},
    work::{once_in, takes},
};

fn queue(name: &str) -> TaskOptions {
    TaskOptions::default().queue(name)
}

pub(crate) const SEND_MAIL: TaskFn<String, (), (), AnyError> = TaskFn::new("send-mail").options(|| queue("mail"));
pub(crate) const RESIZE_IMAGE: TaskFn<String, (), u64, AnyError> =
    TaskFn::new("resize-image").options(|| queue("media"));
pub(crate) const RENDER_INVOICE: TaskFn<u64, (), String, AnyError> =
    TaskFn::new("render-invoice").options(|| queue("media"));
pub(crate) const IMPORT_PRODUCTS: TaskFn<String, u64, u64, AnyError> =
    TaskFn::new("import-products").options(|| queue("catalogue"));
pub(crate) const NEWSLETTER: TaskFn<String, (), (), AnyError> =
    TaskFn::new("newsletter").options(|| queue("campaigns"));

/// Asks the warehouse what it has.
#[derive(Debug)]
struct SyncStock;

impl Task for SyncStock {
    const NAME: &'static str = "sync-stock";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<u64, AnyError> {
        takes(ctx, 3000).await?;
        if once_in(6) {
            return Failure::for_result().with_error(AnyError::msg(format!("{}: 502 Bad Gateway", ctx.metadata())));
        }
        Success::with_result(fastrand::u64(0..300)).for_error()
    }

    fn options() -> TaskOptions {
        queue("catalogue")
    }
}

/// Removes carts that nobody came back to.
#[derive(Debug)]
struct CleanCarts;

impl Task for CleanCarts {
    const NAME: &'static str = "clean-carts";
    type Metadata = u32;
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u32, ()>) -> ExecutionResult<u64, AnyError> {
        takes(ctx, 900).await?;
        Success::with_result(fastrand::u64(0..40)).for_error()
    }
}

/// All kinds, their schedules, and customers who keep them busy.
pub fn register(builder: Builder) -> Builder {
    builder
        .task(ExportOrders)
        .task(Refund)
        .task(ChargeCard)
        .task_fn(SEND_MAIL, |ctx: Context<String, ()>| async move {
            takes(&ctx, 250).await?;
            if once_in(30) {
                return Failure::for_result().with_error(AnyError::msg(format!("{}: mailbox full", ctx.metadata())));
            }
            Success::with_result(()).for_error()
        })
        .task_fn(RESIZE_IMAGE, |ctx: Context<String, ()>| async move {
            for size in 1..=6u64 {
                takes(&ctx, 400).await?;
                ctx.progress().step("scaling").unit("sizes").set(size, 6);
            }
            Success::with_result(6).for_error()
        })
        .task_fn(RENDER_INVOICE, |ctx: Context<u64, ()>| async move {
            takes(&ctx, 500).await?;
            assert!(!once_in(40), "invoice {} has a page without an end", ctx.metadata());
            Success::with_result(format!("invoice-{}.pdf", ctx.metadata())).for_error()
        })
        .task_fn(IMPORT_PRODUCTS, |ctx: Context<String, u64>| async move {
            tracing::info!("reading {}", ctx.metadata());
            for _ in 0..fastrand::u32(60..200) {
                takes(&ctx, 200).await?;
                let read = ctx.update(|read| {
                    *read += 40;
                    *read
                });
                // Nobody knows how many there are before the end of the file.
                ctx.progress().step("reading products").unit("products").set(read, None);
                ctx.checkpoint().await?;
            }
            Success::with_result(ctx.read(|read| *read)).for_error()
        })
        .task_fn(NEWSLETTER, |ctx: Context<String, ()>| async move {
            takes(&ctx, 300).await?;
            Success::with_result(()).for_error()
        })
        .task(SyncStock)
        .task(CleanCarts)
        .schedule::<SyncStock>("stock", Schedule::every(Duration::from_secs(20)), "warehouse-1".into())
        .schedule::<CleanCarts>("carts", Schedule::cron("*/5 * * * *", "Europe/Berlin"), 30)
        .schedule::<ExportOrders>(
            "monthly-export",
            Schedule::cron("30 2 1 * *", "Europe/Berlin"),
            Export { month: 1, format: Format::Csv, orders: 20_000, encryption_key: "from the vault".into() },
        )
        .service_fn_with_server("customers", |server, token| async move {
            token.run_until_cancelled(customers(server.client())).await.unwrap_or(Ok(()))
        })
}
