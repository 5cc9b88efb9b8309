//! Chores of the workspace: `cargo xtask NAME`.

mod codegen;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("codegen") => codegen::run(&arguments[1..]),
        _ => bail!("usage: cargo xtask codegen [--check] [--facts DIR...]"),
    }
}
