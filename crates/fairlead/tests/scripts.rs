//! The scripts of `tests/`, against the built binary. `SCRIPT=part-of-a-path` runs some of them, `UPDATE=1` rewrites expectations.

use std::path::Path;

#[test]
fn scripts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let filter = std::env::var("SCRIPT").unwrap_or_default();
    if let Err(failed) = testkit::run_all(&root, Path::new(env!("CARGO_BIN_EXE_fairlead")), &filter) {
        panic!("{failed:#}");
    }
}
