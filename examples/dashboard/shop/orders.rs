//! The kinds with much to show: typed metadata with a schema, steps, checkpoints, log lines.

use longhaul::{AnyError, Context, ExecutionResult, Failure, Rate, Success, Suspended, Task, TaskOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::work::{once_in, takes};

/// Writes orders into a file that a customer downloads.
#[derive(Debug)]
pub(crate) struct ExportOrders;

/// Which orders are exported.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Orders of month {month}"))]
pub(crate) struct Export {
    /// The month, from 1 to 12.
    #[schemars(range(min = 1, max = 12), extend("x-searchable" = true))]
    pub(crate) month: u8,
    /// The format of the file.
    pub(crate) format: Format,
    /// How many orders there are.
    pub(crate) orders: u64,
    /// The key that encrypts the file. It is never shown.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) encryption_key: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Rows with commas.
    Csv,
    /// A spreadsheet.
    Xlsx,
}

/// How far the export is.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Written {
    /// So many orders are in the file.
    pub(crate) orders: u64,
    /// The size of the file so far.
    pub(crate) bytes: u64,
}

/// The file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl Task for ExportOrders {
    const NAME: &'static str = "export-orders";
    type Metadata = Export;
    type ExecutionMetadata = Written;
    type Output = File;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Export, Written>) -> ExecutionResult<File, AnyError> {
        let Export { month, orders, .. } = ctx.metadata();
        tracing::info!("exporting {orders} orders of month {month}, from order {}", ctx.read(|written| written.orders));
        while ctx.read(|written| written.orders) < *orders {
            takes(ctx, 300).await?;
            if once_in(400) {
                tracing::error!("the warehouse closed the connection");
                return Failure::for_result().with_error(AnyError::msg("the warehouse closed the connection"));
            }
            let done = ctx.update(|written| {
                written.orders = (written.orders + 250).min(*orders);
                written.bytes += 250 * 180;
                written.orders
            });
            ctx.progress().step("writing orders").unit("orders").set(done, *orders);
            if done.is_multiple_of(5000) {
                tracing::info!("{done} orders are in the file");
            }
            ctx.checkpoint().await?;
        }
        ctx.progress().step("compressing").set(0, None);
        takes(ctx, 1500).await?;
        let bytes = ctx.read(|written| written.bytes);
        Success::with_result(File { name: format!("orders-{month:02}.csv.gz"), bytes }).for_error()
    }

    fn options() -> TaskOptions {
        TaskOptions::default().queue("reports").running_max(3).schema::<Self>()
    }
}

/// Pays a customer back, once somebody has approved it.
#[derive(Debug)]
pub(crate) struct Refund;

/// What is paid back.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Order {order}"))]
pub(crate) struct Payment {
    #[schemars(extend("x-searchable" = true))]
    pub(crate) order: u64,
    pub(crate) cents: u64,
    pub(crate) reason: String,
}

/// Where a refund is.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Approval {
    /// Nobody was asked.
    #[default]
    NotAsked,
    /// Somebody was asked, and a proceed says yes.
    Asked,
}

impl Task for Refund {
    const NAME: &'static str = "refund";
    type Metadata = Payment;
    type ExecutionMetadata = Approval;
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Payment, Approval>) -> ExecutionResult<String, AnyError> {
        if ctx.read(|approval| matches!(approval, Approval::NotAsked)) {
            tracing::info!("{} cents of order {} wait for approval", ctx.metadata().cents, ctx.metadata().order);
            ctx.update(|approval| *approval = Approval::Asked);
            return Suspended::for_result().for_error();
        }
        takes(ctx, 800).await?;
        Success::with_result(format!("refund-{}", ctx.metadata().order)).for_error()
    }

    fn options() -> TaskOptions {
        TaskOptions::default().queue("payments").schema::<Self>()
    }
}

/// Charges a card. A card that is declined is not charged again.
#[derive(Debug)]
pub(crate) struct ChargeCard;

/// What is charged.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Order {order}"))]
pub(crate) struct Charge {
    #[schemars(extend("x-searchable" = true))]
    pub(crate) order: u64,
    pub(crate) cents: u64,
    /// The token of the card. It is never shown.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) card: String,
}

impl Task for ChargeCard {
    const NAME: &'static str = "charge-card";
    type Metadata = Charge;
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Charge, ()>) -> ExecutionResult<String, AnyError> {
        takes(ctx, 700).await?;
        if once_in(25) {
            let declined = AnyError::msg(format!("order {}: the card was declined", ctx.metadata().order));
            return Failure::for_result().permanently().with_error(declined);
        }
        if once_in(9) {
            tracing::warn!("the bank does not answer");
            return Failure::for_result().with_error(AnyError::msg("the bank did not answer within 5 s"));
        }
        Success::with_result(format!("charge-{}", ctx.metadata().order)).for_error()
    }

    fn options() -> TaskOptions {
        let rate = Rate::new(4, std::time::Duration::from_secs(1)).expect("it is above zero");
        TaskOptions::default().queue("payments").running_max(2).rate(rate).priority(10).schema::<Self>()
    }
}
