//! What needs a look.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    error::{CliError, Exit},
    escape,
    session::{Session, items, plain},
    table::Colour,
};

/// Below this share of free space, one part in so many, a disk is nearly full.
const FREE_PART: u64 = 20;
/// No disk with so much space is nearly full, however large it is.
const FREE_ENOUGH: u64 = 10 << 30;

pub(super) async fn run(
    session: &mut Session<'_>,
    folder: Option<&Path>,
    of_database: Vec<Value>,
) -> Result<Exit, CliError> {
    let mut answer = session.get("/doctor").await?;
    if let Some(warnings) = answer["warnings"].as_array_mut() {
        warnings.extend(folder.and_then(disk));
        warnings.extend(of_database);
    }
    let warnings = items(&answer["warnings"]).to_vec();
    let exit = if warnings.is_empty() { Exit::Done } else { Exit::Failed };
    if !session.is_text() {
        session.json(&Value::Array(warnings))?;
        return Ok(exit);
    }
    if warnings.is_empty() {
        session.say("All is well.")?;
    }
    for warning in &warnings {
        let code = session.terminal.paint(&escape::line(&plain(&warning["code"])), Some(Colour::Yellow));
        session.terminal.say(&format!("{code}: {}", escape::line(&plain(&warning["text"]))))?;
    }
    Ok(exit)
}

/// How full the disk of the folder is: only this machine can say.
fn disk(folder: &Path) -> Option<Value> {
    let (free, total) = match (fs2::available_space(folder), fs2::total_space(folder)) {
        (Ok(free), Ok(total)) => (free, total),
        (Err(error), _) | (_, Err(error)) => {
            let text = format!("How full the disk of {} is cannot be read: {error}.", folder.display());
            return Some(json!({ "code": "disk_unknown", "about": folder, "text": text }));
        }
    };
    is_nearly_full(free, total).then(|| {
        let text = format!(
            "The disk of {} has {} MiB left, of {}: a store that cannot write stops. Make room, or keep final runs for a \
             shorter time.",
            folder.display(),
            free >> 20,
            total >> 20
        );
        json!({ "code": "disk_nearly_full", "about": folder, "text": text })
    })
}

const fn is_nearly_full(free: u64, total: u64) -> bool {
    free < FREE_ENOUGH && free < total / FREE_PART
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_nearly_full_by_share_unless_much_is_left() {
        assert!(is_nearly_full(1 << 30, 100 << 30));
        assert!(!is_nearly_full(6 << 30, 100 << 30));
        assert!(!is_nearly_full(20 << 30, 1 << 50));
    }
}
