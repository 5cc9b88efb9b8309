//! `fairlead`: the binary. Flags, settings, wiring and signals; it knows every crate and none knows it.
//!
//! `up` is the server, read top to bottom in `up.rs`; `demo` tours it; `run` supervises a program; `show` and `why` look inside; `store` looks after
//! the data.

mod admin;
mod bootstrap;
mod cli;
mod config;
mod demo;
mod engine;
mod heartbeats;
mod inside;
mod leftover;
mod listen;
mod planes;
mod reach;
mod reload;
mod run;
mod show;
mod state;
mod up;
mod upkeep;
mod verdicts;
mod why_url;

use std::io::Write;
use std::process::ExitCode;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Cli::from_process().command {
        Command::Up(flags) => up::main(*flags),
        Command::Demo(flags) => demo::main(&flags),
        Command::DemoBackend(flags) => demo::backend(&flags),
        Command::Run(flags) => run::main(flags),
        Command::Show(flags) => show::show(&flags),
        Command::Why(flags) => show::why(&flags),
        Command::Store(flags) => upkeep::main(&flags),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            // One line: what, which object or address, what to do.
            let _ = writeln!(std::io::stderr(), "fairlead: {}", cli::origin::told(&format!("{error:#}")).replace('\n', " "));
            if error.is::<cli::Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
