//! Who keeps the shop busy.

use std::time::Duration;

use longhaul::{AnyError, Client};

use crate::{
    kinds::{IMPORT_PRODUCTS, NEWSLETTER, RENDER_INVOICE, RESIZE_IMAGE, SEND_MAIL},
    orders::{Charge, ChargeCard, Export, ExportOrders, Format, Payment, Refund},
};

const NAMES: [&str; 6] = ["ada", "bela", "chen", "dora", "emil", "fatma"];

/// Orders, again and again.
pub(crate) async fn customers(client: Client) -> Result<(), AnyError> {
    let shop = client.acting_as("shop");
    shop.queue("campaigns")?.pause().because("until the texts are approved").await?;
    for name in NAMES {
        shop.enqueue_fn(NEWSLETTER, format!("{name}@example.org")).tag("campaign", "winter").await?;
    }
    for order in 0_u64.. {
        let name = NAMES[fastrand::usize(..NAMES.len())];
        match order % 12 {
            0 if order % 48 == 0 => {
                let (month, orders) = (fastrand::u8(1..=12), fastrand::u64(40..160) * 250);
                let export = Export { month, format: Format::Csv, orders, encryption_key: "from the vault".into() };
                shop.enqueue::<ExportOrders>(export).tag("customer", name).await?;
            }
            1 if order % 36 == 1 => {
                shop.enqueue_fn(IMPORT_PRODUCTS, format!("supplier-{}.csv", order % 7)).await?;
            }
            2 if order % 60 == 2 => {
                let payment = Payment { order, cents: fastrand::u64(500..20_000), reason: "arrived broken".into() };
                shop.enqueue::<Refund>(payment).tag("customer", name).unique(format!("refund {order}")).await?;
            }
            3 | 6 => drop(shop.enqueue_fn(RESIZE_IMAGE, format!("product-{order}.jpg")).await?),
            4 | 8 => drop(shop.enqueue_fn(RENDER_INVOICE, order).tag("customer", name).await?),
            5 | 10 => {
                let charge = Charge { order, cents: fastrand::u64(500..20_000), card: format!("tok_{order}") };
                shop.enqueue::<ChargeCard>(charge).tag("customer", name).limit_key(name).await?;
            }
            _ => drop(shop.enqueue_fn(SEND_MAIL, format!("{name}@example.org")).tag("customer", name).await?),
        }
        pause(Duration::from_millis(fastrand::u64(100..900))).await;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it plays customers, who take their time")]
async fn pause(of: Duration) {
    tokio::time::sleep(of).await;
}
