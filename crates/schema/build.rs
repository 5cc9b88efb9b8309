//! Makes the OpenAPI v3 documents, one per group version, and stores them compressed.
//!
//! Shapes come from the tables of this crate, which the script includes as source; texts of the built-in kinds come
//! from crate `k8s-openapi`. Upstream's texts are so never part of the repository.

#![allow(dead_code, missing_docs)]

#[path = "src/custom/mod.rs"]
mod custom;
#[path = "build/documents.rs"]
mod documents;
#[path = "src/generated/mod.rs"]
mod generated;
#[path = "build/kinds.rs"]
mod kinds;
#[path = "build/paths.rs"]
mod paths;
#[path = "build/schemas.rs"]
mod schemas;
#[path = "src/table.rs"]
mod table;
#[path = "build/texts.rs"]
mod texts;
#[path = "src/version.rs"]
mod version;
#[path = "build/words.rs"]
mod words;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for watched in ["build.rs", "build", "src/custom", "src/generated", "src/table.rs", "src/version.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut source = String::from("&[\n");
    for (path, document) in documents::all() {
        let json = serde_json::to_vec(&document)?;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&json)?;
        let file = out.join(format!("{}.json.gz", path.replace('/', "_")));
        std::fs::write(&file, encoder.finish()?)?;
        let hash = fingerprint(&json);
        writeln!(source, "Document {{ path: {path:?}, hash: \"{hash:032X}\", gzip: include_bytes!({file:?}) }},")?;
    }
    source.push_str("]\n");
    std::fs::write(out.join("documents.rs"), source)?;
    Ok(())
}

/// FNV-1a, 128 bits: names a version of a document in its URL; nothing depends on its secrecy.
fn fingerprint(bytes: &[u8]) -> u128 {
    let offset = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    bytes.iter().fold(offset, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b))
}
