//! The process that does one measurement.

use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::{Card, Contender, Measure, Order, Queue};

/// The first argument of a child process.
pub const CHILD: &str = "--child";

/// Does what the parent asks in `args` (those after the program's name), if it is the parent who asks.
///
/// Returns false where the first argument is not [`CHILD`]: then the program was started by a person.
pub fn answer(contenders: &[&dyn Contender], args: &[String]) -> Result<bool> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [CHILD, "cards"] => {
            let cards: Vec<_> = contenders.iter().copied().map(Card::of).collect();
            println!("{}", serde_json::to_string(&cards)?);
        }
        [CHILD, "fill", order] => {
            let (contender, order) = read(contenders, order)?;
            contender.fill(&order)?;
        }
        [CHILD, "measure", order] => {
            let (contender, order) = read(contenders, order)?;
            let measured = contender.measure(&order)?;
            fs::write(&order.answer, serde_json::to_vec(&measured)?)
                .with_context(|| format!("cannot write {}", order.answer.display()))?;
        }
        [CHILD, ..] => bail!("a child is asked for cards, fill or measure, not for {:?}", &args[1..]),
        _ => return Ok(false),
    }
    Ok(true)
}

/// The whole `main` of a program that measures `Q` and nothing else: the benchmark in `folder` starts it.
pub fn main<Q: Queue>(folder: &str) -> Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let asked = answer(&[&Measure::<Q>::new()], &args)?;
    ensure!(asked, "this program is started by `cargo run --release` in {folder}");
    Ok(())
}

fn read<'a>(contenders: &[&'a dyn Contender], order: &str) -> Result<(&'a dyn Contender, Order)> {
    let order: Order = serde_json::from_str(order).context("the order cannot be read")?;
    let contender = contenders.iter().copied().find(|contender| contender.name() == order.contender);
    Ok((contender.with_context(|| format!("no contender {}", order.contender))?, order))
}
