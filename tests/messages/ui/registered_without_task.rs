//! A value that is no task is registered.

use longhaul::Longhaul;

struct ExportCsv;

fn main() {
    let _ = Longhaul::builder().task(ExportCsv);
}
