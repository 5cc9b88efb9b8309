//! `fairlead store`: snapshots, restores, checks and moves of what a server keeps (apiserver spec S15).
//!
//! What only reads asks the running server; where none runs on the data directory, the directory itself is read. What writes wants a
//! directory that no server has open.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::show::{Cell, Table};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::{Error, Record, Snapshot, Summary};

use crate::cli::{Place, Reach, StoreCommand, StoreFlags};
use crate::config::default_data_dir;
use crate::reach::Server;

/// The path of a server's snapshot behind `/proxy/fairlead/`.
pub const SNAPSHOT: &str = "store/snapshot";
/// The path of its statistics.
pub const STATS: &str = "store/stats";

/// Does what was asked for.
///
/// # Errors
/// When there is no store or no server, when a file is in the way or damaged; the message names it.
pub fn main(flags: &StoreFlags) -> Result<ExitCode> {
    match &flags.command {
        StoreCommand::Snapshot { file, reach } => snapshot(file, reach)?,
        StoreCommand::Restore { file, place } => {
            let made = store::restore(file, &made_in(place)?).map_err(|error| explained(place, error))?;
            say(&format!("restored {} to {}", counted(&made), data_dir(place)?.display()))?;
        }
        StoreCommand::Check { place } => {
            let found = store::check(&there(place)?).map_err(|error| explained(place, error))?;
            say(&format!("{} is whole: {}", data_dir(place)?.display(), counted(&found)))?;
        }
        StoreCommand::Repair { place } => {
            let kept = store::repair(&there(place)?).map_err(|error| explained(place, error))?;
            say(&format!("{} is whole now: {}", data_dir(place)?.display(), counted(&kept)))?;
        }
        StoreCommand::Stats { output, reach } => {
            let answer = match closed(reach)? {
                Some(found) => stats(&found),
                None => block_on(async { Server::connect(reach).await?.ask(STATS).await })?,
            };
            crate::show::print(&answer, *output)?;
        }
        StoreCommand::Export { file, reach } => export(file, reach)?,
        StoreCommand::Import { file, place } => {
            let records = read_lines(file)?;
            let made = store::import(records, &made_in(place)?).map_err(|error| explained(place, error))?;
            say(&format!("imported {} to {}", counted(&made), data_dir(place)?.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn data_dir(place: &Place) -> Result<PathBuf> {
    place.data_dir.clone().map_or_else(default_data_dir, Ok)
}

/// The store of a data directory that is there.
fn there(place: &Place) -> Result<PathBuf> {
    let dir = data_dir(place)?.join("store");
    if !dir.is_dir() {
        bail!("there is no store in --data-dir {}: name the directory of a server", data_dir(place)?.display());
    }
    Ok(dir)
}

/// The store of a data directory that is to be made.
fn made_in(place: &Place) -> Result<PathBuf> {
    let dir = data_dir(place)?;
    crate::state::make_private_dir(&dir)?;
    Ok(dir.join("store"))
}

/// What a store says, with what to do about it.
fn explained(place: &Place, error: Error) -> anyhow::Error {
    match data_dir(place) {
        Ok(dir) => opening(&dir, error),
        Err(unknown) => unknown,
    }
}

/// Why the store of a data directory cannot be used.
pub fn opening(data_dir: &Path, error: Error) -> anyhow::Error {
    let data_dir = data_dir.display();
    match error {
        Error::Locked { pid, .. } => anyhow::anyhow!("--data-dir {data_dir} is in use by process {pid}: stop it, or name another directory"),
        Error::Corrupt { ref file, .. } if is_log(file) => {
            anyhow::anyhow!("--data-dir {data_dir}: {error}, or give up what was written from there on: fairlead store repair --data-dir {data_dir}")
        }
        other => anyhow::anyhow!("--data-dir {data_dir}: {other}"),
    }
}

/// Whether a damaged file is one of the log, of which the sound beginning can be kept.
fn is_log(file: &str) -> bool {
    Path::new(file).file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("log-"))
}

/// `12 objects, 4096 bytes, revision 17`.
fn counted(found: &Summary) -> String {
    format!("{} objects, {} bytes, revision {}", found.records, found.record_bytes, found.revision)
}

fn say(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output cannot be written")
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The state of a data directory without a server; `None` when a server is to be asked.
fn closed(reach: &Reach) -> Result<Option<Snapshot>> {
    if reach.kubeconfig.is_some() {
        return Ok(None);
    }
    let is_elsewhere = reach.data_dir.is_none() && std::env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty());
    let place = Place { data_dir: reach.data_dir.clone() };
    let dir = data_dir(&place)?.join("store");
    if is_elsewhere || !dir.is_dir() {
        return Ok(None);
    }
    match store::load(&dir) {
        Ok(found) => Ok(Some(found)),
        Err(Error::Locked { .. }) => Ok(None),
        Err(error) => Err(explained(&place, error)),
    }
}

/// Writes a backup file. What is in the way stays, and what did not become whole goes.
fn snapshot(file: &Path, reach: &Reach) -> Result<()> {
    let closed = closed(reach)?;
    let mut out = create(file)?;
    let written = match &closed {
        Some(found) => found.backup().try_for_each(|piece| out.write_all(&piece)).map_err(Into::into),
        None => block_on(async { Server::connect(reach).await?.download(SNAPSHOT, &mut out).await }),
    };
    let whole = written.and_then(|()| out.sync_all().map_err(Into::into)).and_then(|()| Ok(store::read_backup(file)?));
    match whole {
        Ok(found) => say(&format!("{} holds {} objects, revision {}", file.display(), found.count(""), found.revision())),
        Err(error) => {
            let _ = std::fs::remove_file(file);
            Err(error.context(format!("{} was not written", file.display())))
        }
    }
}

/// A new file for its owner only: Secrets go into it.
fn create(file: &Path) -> Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.with_context(|| format!("{} cannot be made: name a file that does not exist", file.display()))
}

/// Objects and bytes by resource, as `show` prints its tables.
pub fn stats(snapshot: &Snapshot) -> Value {
    let mut resources: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for record in snapshot.range("", None) {
        let (objects, bytes) = resources.entry(resource(&record.key)).or_default();
        *objects += 1;
        *bytes += (record.key.len() + record.value.len()) as u64;
    }
    let mut table = Table::new(&["RESOURCE", "OBJECTS", "BYTES"]);
    for (name, (objects, bytes)) in &resources {
        table.push(vec![(*name).into(), Cell::Count(*objects), Cell::Count(*bytes)]);
    }
    json!({"revision": snapshot.revision(), "rows": table.to_json(), "text": format!("REVISION {}\n{table}", snapshot.revision())})
}

/// The resource in a key as kube-apiserver writes them: `/registry/pods/...`, `/registry/services/specs/...`,
/// `/registry/gateway.networking.k8s.io/gateways/...`.
fn resource(key: &str) -> &str {
    let key = key.strip_prefix("/registry/").unwrap_or(key);
    let mut ends = key.match_indices('/').map(|(at, _)| at);
    let first = ends.next().unwrap_or(key.len());
    let in_two = key[..first].contains('.') || &key[..first] == "services";
    let end = if in_two { ends.next().unwrap_or(key.len()) } else { first };
    &key[..end]
}

/// One key as a line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    key: String,
    create_revision: u64,
    mod_revision: u64,
    /// When it is deleted by itself, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
    /// The value as it is, where it is JSON, as nearly all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Line {
    fn of(record: &Record, expires_ms: Option<u64>) -> Self {
        // A line break inside would end the line: JSON that has one goes as bytes.
        let text = std::str::from_utf8(&record.value).ok().filter(|text| !text.contains(['\n', '\r']));
        let value = text.and_then(|text| RawValue::from_string(text.to_owned()).ok()).filter(|value| value.get().len() == record.value.len());
        let base64 = value.is_none().then(|| STANDARD.encode(&record.value));
        Self { key: record.key.to_string(), create_revision: record.create_revision, mod_revision: record.mod_revision, expires_ms, value, base64 }
    }

    fn into_record(self) -> Result<(Record, Option<u64>)> {
        let value = match (self.value, self.base64) {
            (Some(value), None) => value.get().to_owned().into(),
            (None, Some(bytes)) => STANDARD.decode(bytes).with_context(|| format!("base64 of key {}", self.key))?.into(),
            _ => bail!("key {} has not exactly one of value and base64", self.key),
        };
        let record = Record { key: Arc::from(self.key), value, create_revision: self.create_revision, mod_revision: self.mod_revision };
        Ok((record, self.expires_ms))
    }
}

fn export(file: &Path, reach: &Reach) -> Result<()> {
    let found = match closed(reach)? {
        Some(found) => found,
        None => downloaded(reach)?,
    };
    let to_output = file == Path::new("-");
    let mut out: Box<dyn Write> = if to_output { Box::new(io::stdout().lock()) } else { Box::new(io::BufWriter::new(create(file)?)) };
    let written = write_lines(&found, &mut *out).and_then(|()| out.flush());
    match written {
        // Whoever reads has read enough: `store export | head`.
        Err(error) if to_output && error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) if !to_output => {
            let _ = std::fs::remove_file(file);
            Err(error).with_context(|| format!("{} cannot be written", file.display()))
        }
        Err(error) => Err(error).context("standard output cannot be written"),
        Ok(()) if to_output => Ok(()),
        Ok(()) => say(&format!("{} holds {} objects", file.display(), found.count(""))),
    }
}

fn write_lines(found: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    for record in found.range("", None) {
        serde_json::to_writer(&mut *out, &Line::of(record, found.expires_ms(&record.key)))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The state of a running server, by way of a file that is gone again afterwards.
fn downloaded(reach: &Reach) -> Result<Snapshot> {
    let file = std::env::temp_dir().join(format!("fairlead-export-{}", std::process::id()));
    let read = create(&file).and_then(|mut out| {
        block_on(async { Server::connect(reach).await?.download(SNAPSHOT, &mut out).await })?;
        Ok(store::read_backup(&file)?)
    });
    let _ = std::fs::remove_file(&file);
    read
}

fn read_lines(file: &Path) -> Result<Vec<(Record, Option<u64>)>> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(io::BufReader::new(File::open(file).with_context(|| format!("{name} cannot be read"))?))
    };
    let mut records = Vec::new();
    for (index, line) in lines.lines().enumerate() {
        let at = || format!("{name}, line {}", index + 1);
        let line = line.with_context(at)?;
        if !line.trim().is_empty() {
            let line: Line = serde_json::from_str(&line).with_context(at)?;
            records.push(line.into_record().with_context(at)?);
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_named_as_its_keys_are() {
        for (key, name) in [
            ("/registry/pods/shop/web", "pods"),
            ("/registry/services/specs/shop/web", "services/specs"),
            ("/registry/gateway.networking.k8s.io/gateways/shop/web", "gateway.networking.k8s.io/gateways"),
            ("/registry/namespaces/shop", "namespaces"),
            ("odd", "odd"),
        ] {
            assert_eq!(resource(key), name, "{key}");
        }
    }

    #[test]
    fn a_line_keeps_every_byte_of_a_value() {
        for value in [&br#"{"a": 1,"b":"x"}"#[..], b"{\n}", b"\xff\x00", b"", b" 1"] {
            let record = Record { key: "/k".into(), value: bytes::Bytes::copy_from_slice(value), create_revision: 3, mod_revision: 4 };
            let line = serde_json::to_string(&Line::of(&record, Some(9))).expect("serializes");
            assert!(!line.contains('\n'), "{line}");
            let read = serde_json::from_str::<Line>(&line).expect("reads").into_record().expect("whole");
            assert_eq!(read, (record, Some(9)), "{line}");
        }
    }
}
