//! `cargo xtask bench`: the same work done by us and by the programs that we replace, side by side.
//!
//! Server and client have one core each. Rounds are interleaved, so that the noise of the machine hits all alike. What is compared is
//! CPU time per operation, from /proc, as ratios; absolute times move with the machine. All peers must give the same answers before
//! anything is timed. Results are kept as bench/results/AREA.json; bench/RESULTS.md and the pictures are made from all of them.

mod api;
pub mod backend;
mod balance;
mod compile;
mod configs;
mod contest;
mod dns;
mod fairlead;
mod field;
mod l4;
mod l7;
mod live;
mod load;
mod machine;
mod memory;
pub mod peers;
mod process;
mod report;

pub use fairlead::target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

const USAGE: &str =
    "usage: cargo xtask bench [l7|l4|dns|api|compile|balance|live|memory|all] [--quick] [--binary FILE] [--against FILE] [--only CONTEST]

  --quick          one second a round, two rounds: to see that it works
  --binary FILE    measure this binary instead of a fresh release build
  --against FILE   another build of ours takes part in l7 and l4, as `against`; nothing is recorded
  --only CONTEST   only this contest of l7 or l4, http1-keep-alive for one; nothing is recorded
";

/// One area: its name and what runs it.
type Area = (&'static str, fn(&Arena) -> Result<Value>);

/// In the order in which `all` runs them.
const AREAS: [Area; 8] = [
    ("l7", l7::run),
    ("l4", l4::run),
    ("dns", dns::run),
    ("api", api::run),
    ("compile", compile::run),
    ("balance", balance::run),
    ("live", live::run),
    ("memory", memory::run),
];

/// What all contests share.
pub struct Arena {
    /// Our release binary.
    pub binary: PathBuf,
    /// A folder for configurations, data and logs, gone afterwards.
    pub scratch: PathBuf,
    /// Rounds that count, after one to warm up.
    pub rounds: usize,
    /// Length of a round in seconds.
    pub seconds: f64,
    /// Another build of ours, to be compared with.
    pub against: Option<PathBuf>,
    /// The one contest that is held.
    pub only: Option<String>,
}

impl Arena {
    /// Whether a contest is held.
    pub fn holds(&self, slug: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == slug)
    }
}

/// Runs the areas that are asked for and writes the report.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{USAGE}");
        return Ok(());
    }
    let Asked { areas, quick, binary, against, only } = Asked::read(arguments)?;
    let binary = match binary {
        Some(given) => std::path::absolute(given)?,
        None => fairlead::build()?,
    };
    let scratch = std::env::temp_dir().join(format!("fairlead-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
    let (rounds, seconds) = if quick { (2, 1.0) } else { (5, 2.0) };
    let mut arena = Arena { binary, scratch: scratch.clone(), rounds, seconds, against: against.map(std::path::absolute).transpose()?, only };
    let outcome = areas.iter().try_for_each(|area| {
        // What servers of one area leave behind is none of the next one's business.
        arena.scratch = scratch.join(area.0);
        std::fs::create_dir_all(&arena.scratch).with_context(|| format!("creating {}", arena.scratch.display()))?;
        one_area(&arena, area, quick)
    });
    let _ = std::fs::remove_dir_all(&scratch);
    outcome
}

/// What the command line asks for.
#[derive(Default)]
struct Asked {
    areas: Vec<&'static Area>,
    quick: bool,
    binary: Option<String>,
    against: Option<String>,
    only: Option<String>,
}

impl Asked {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut asked = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().with_context(|| format!("{word} names nothing\n{USAGE}"));
            match word.as_str() {
                "--quick" => asked.quick = true,
                "--binary" => asked.binary = Some(value()?),
                "--against" => asked.against = Some(value()?),
                "--only" => asked.only = Some(value()?),
                "all" => asked.areas.extend(&AREAS),
                name => match AREAS.iter().find(|(area, _)| *area == name) {
                    Some(area) => asked.areas.push(area),
                    None => bail!(USAGE),
                },
            }
        }
        if asked.areas.is_empty() {
            asked.areas.extend(&AREAS);
        }
        Ok(asked)
    }
}

fn one_area(arena: &Arena, (name, area): &Area, quick: bool) -> Result<()> {
    let busy = machine::busy_share(Duration::from_secs(1))?;
    let mut result = area(arena).with_context(|| format!("bench {name}"))?;
    if arena.against.is_some() || arena.only.is_some() {
        return Ok(());
    }
    result["machine"] = machine::describe().into();
    result["busy_before"] = json!(busy);
    result["date"] = machine::first_line("date", &["--utc", "+%Y-%m-%d"]).into();
    result["commit"] = machine::first_line("git", &["rev-parse", "--short", "HEAD"]).into();
    result["quick"] = quick.into();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench");
    report::keep(&dir, name, &result)?;
    report::write(&dir)
}
