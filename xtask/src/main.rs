//! Chores of the workspace: `cargo xtask NAME`.

mod bench;
mod codegen;
mod conformance;
mod layering;
mod test;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask COMMAND

  test [--fast]               set up what tests need and run them all (--fast: no lints, no generated-code check)
  bench [AREA...] [--quick]   compare with the programs that we replace, side by side; writes bench/RESULTS.md
  conformance gateway [--suite 1.7|1.6] [FLAG...]   run the suite of Gateway API against the built binary; needs Go and user namespaces
  conformance clients [FLAG...]   tour the built binary with client-go and controller-runtime; needs Go
  conformance http1 [--count N] [--seed N]   send generated HTTP/1 messages to the built binary, nginx and haproxy, and compare; needs Python
  conformance api [--seed N] [--count N] [FLAG...]  ask our API and kube-apiserver the same and tell what they answer differently
  layering                    check the arrows between crates against the table of ARCHITECTURE.md
  codegen [--check]           remake the generated tables, or fail when they differ
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bench") => bench::run(&arguments[1..]),
        Some("bench-backend") => bench::backend::run(&arguments[1..]),
        Some("codegen") => codegen::run(&arguments[1..]),
        Some("conformance") => conformance::run(&arguments[1..]),
        Some("conformance-inside") => conformance::inside(&arguments[1..]),
        Some("layering") => layering::run(),
        Some("test") => test::run(&arguments[1..]),
        _ => bail!(USAGE),
    }
}
