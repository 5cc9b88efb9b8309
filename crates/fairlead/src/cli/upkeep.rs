//! The command line of `fairlead store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Output, Reach};

/// Flags of `store`.
#[derive(Clone, Debug, Args)]
pub struct StoreFlags {
    /// What to do with it.
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// The commands of `store`.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreCommand {
    /// Write all objects as they are at one moment to one new file; the server goes on
    Snapshot {
        /// The file, which must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The server, or its data directory when it does not run.
        #[command(flatten)]
        reach: Reach,
    },
    /// Make the store of a snapshot, in a data directory that has none
    Restore {
        /// What `store snapshot` wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Read a store from end to end, as a server would at its start
    Check {
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Give up what was written after the first damaged record of the log
    Repair {
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Objects and bytes by resource
    Stats {
        /// table, json or yaml
        #[arg(short, long, default_value = "table", value_name = "FORMAT", env = "FAIRLEAD_OUTPUT")]
        output: Output,
        /// The server, or its data directory when it does not run.
        #[command(flatten)]
        reach: Reach,
    },
    /// Write every key with its value as a line of JSON
    Export {
        /// The file, which must not exist; - is standard output
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// The server, or its data directory when it does not run.
        #[command(flatten)]
        reach: Reach,
    },
    /// Make a store of such lines, in a data directory that has none
    Import {
        /// What `store export` wrote; - is standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
}

/// A data directory whose server does not run.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Data directory, of which no server is running
    #[arg(long, env = "FAIRLEAD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Worked examples.
pub const STORE_EXAMPLES: &str = "\
Examples:
  fairlead store snapshot before-upgrade.snapshot
      All objects of the running server in one file, for its owner only: Secrets are in it. Where no
      server runs, its data directory is read instead.

  fairlead store restore before-upgrade.snapshot --data-dir ./restored && fairlead up --data-dir ./restored
      A server with these objects. Revisions go on far above those of the snapshot, so that clients
      read everything anew.";
