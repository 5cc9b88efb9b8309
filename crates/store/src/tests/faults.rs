//! A disk that lies: it runs full, fails, and forgets what was not flushed.

use std::collections::BTreeMap;
use std::io::{self, Read};

use parking_lot::Mutex;

use crate::disk::{Disk, Tape};

const SECTOR: usize = 512;

/// A file as programs see it, and as it would be after a power failure.
#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Clone)]
enum NameChange {
    Link(String, u64),
    Unlink(String),
    Rename(String, String),
}

#[derive(Clone, Default)]
struct Inside {
    contents: BTreeMap<u64, Content>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending: Vec<NameChange>,
    next: u64,
    operations: u64,
}

/// What goes wrong.
#[derive(Default)]
pub(super) struct Plan {
    /// Bytes that still fit.
    pub space: Option<usize>,
    pub sync_fails: bool,
    pub write_fails: bool,
    /// Before this operation a copy is taken as a power failure would leave it, with this seed.
    pub crash: Option<(u64, u64)>,
}

#[derive(Default)]
pub(super) struct FaultyDisk {
    inside: Mutex<Inside>,
    pub plan: Mutex<Plan>,
    crashed: Mutex<Option<Inside>>,
}

/// A small generator, so that a seed says everything.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

fn change_name(names: &mut BTreeMap<String, u64>, change: &NameChange) {
    match change {
        NameChange::Link(name, id) => drop(names.insert(name.clone(), *id)),
        NameChange::Unlink(name) => drop(names.remove(name)),
        NameChange::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
    }
}

impl Inside {
    fn after_power_failure(&self, seed: u64) -> Inside {
        let mut dice = Dice(seed | 1);
        let mut names = self.durable_names.clone();
        // Names are journaled in order: some first part of them made it.
        for change in &self.pending[..dice.below(self.pending.len() + 1)] {
            change_name(&mut names, change);
        }
        let mut contents = self.contents.clone();
        for content in contents.values_mut() {
            let (shorter, longer) = (content.durable.len().min(content.now.len()), content.durable.len().max(content.now.len()));
            let len = [content.durable.len(), content.now.len(), shorter + dice.below(longer - shorter + 1)][dice.below(3)];
            let mut left = vec![0; len];
            for (i, sector) in left.chunks_mut(SECTOR).enumerate() {
                let from = if dice.below(2) == 0 { &content.now } else { &content.durable };
                let known = from.get(i * SECTOR..).unwrap_or(&[]);
                let n = known.len().min(sector.len());
                sector[..n].copy_from_slice(&known[..n]);
            }
            *content = Content { now: left.clone(), durable: left };
        }
        Inside { contents, durable_names: names.clone(), names, pending: Vec::new(), next: self.next, operations: 0 }
    }
}

impl FaultyDisk {
    /// Whether the planned moment has passed.
    pub fn is_crashed(&self) -> bool {
        self.crashed.lock().is_some()
    }

    /// The disk as the planned power failure left it, or as one now would.
    pub fn after_crash(&self, seed: u64) -> FaultyDisk {
        // The one lock is released before the other is taken: an operation takes them the other way round.
        let crashed = self.crashed.lock().clone();
        let inside = crashed.unwrap_or_else(|| self.inside.lock().after_power_failure(seed));
        FaultyDisk { inside: Mutex::new(inside), ..FaultyDisk::default() }
    }

    /// Changes a byte of a file.
    pub fn flip(&self, name: &str, at: usize) {
        let mut inside = self.inside.lock();
        let id = inside.names[name];
        let content = inside.contents.get_mut(&id).unwrap();
        content.now[at] ^= 0x40;
        content.durable = content.now.clone();
    }

    /// Adds foreign bytes to a file.
    pub fn append(&self, name: &str, bytes: &[u8]) {
        let mut inside = self.inside.lock();
        let id = inside.names[name];
        let content = inside.contents.get_mut(&id).unwrap();
        content.now.extend_from_slice(bytes);
        content.durable = content.now.clone();
    }

    pub fn names(&self) -> Vec<String> {
        self.inside.lock().names.keys().cloned().collect()
    }

    pub fn len_of(&self, name: &str) -> usize {
        let inside = self.inside.lock();
        inside.contents[&inside.names[name]].now.len()
    }

    fn step(&self) -> parking_lot::MutexGuard<'_, Inside> {
        let mut inside = self.inside.lock();
        inside.operations += 1;
        if let Some((at, seed)) = self.plan.lock().crash
            && inside.operations == at
        {
            *self.crashed.lock() = Some(inside.after_power_failure(seed));
        }
        inside
    }

    fn rename_names(&self, change: NameChange) {
        let mut inside = self.step();
        change_name(&mut inside.names, &change);
        inside.pending.push(change);
    }
}

/// The handle that a store is given.
#[derive(Clone)]
pub(super) struct Handle(pub std::sync::Arc<FaultyDisk>);

struct FaultyTape {
    disk: Handle,
    id: u64,
}

impl Disk for Handle {
    fn name(&self) -> String {
        "faulty".into()
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let inside = self.0.inside.lock();
        Ok(inside.names.iter().map(|(name, id)| (name.clone(), inside.contents[id].now.len() as u64)).collect())
    }

    fn read(&self, file: &str) -> io::Result<Box<dyn Read + Send>> {
        let inside = self.0.inside.lock();
        let id = inside.names.get(file).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(inside.contents[id].now.clone())))
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn Tape>> {
        let mut inside = self.0.step();
        if let Some(id) = inside.names.get(file).copied() {
            inside.contents.entry(id).or_default().now.clear();
            return Ok(Box::new(FaultyTape { disk: self.clone(), id }));
        }
        inside.next += 1;
        let id = inside.next;
        inside.contents.insert(id, Content::default());
        inside.names.insert(file.into(), id);
        inside.pending.push(NameChange::Link(file.into(), id));
        Ok(Box::new(FaultyTape { disk: self.clone(), id }))
    }

    fn cut(&self, file: &str, len: u64) -> io::Result<()> {
        let mut inside = self.0.step();
        let id = inside.names[file];
        let content = inside.contents.get_mut(&id).unwrap();
        content.now.truncate(len as usize);
        content.durable = content.now.clone();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename_names(NameChange::Rename(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        self.0.rename_names(NameChange::Unlink(file.into()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut inside = self.0.step();
        inside.durable_names = inside.names.clone();
        inside.pending.clear();
        Ok(())
    }
}

impl Tape for FaultyTape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inside = self.disk.0.step();
        let mut plan = self.disk.0.plan.lock();
        let fits = plan.space.unwrap_or(usize::MAX).min(bytes.len());
        if let Some(space) = &mut plan.space {
            *space -= fits;
        }
        // A short write: what fits is there.
        let fits = if plan.write_fails { bytes.len() / 2 } else { fits };
        inside.contents.get_mut(&self.id).unwrap().now.extend_from_slice(&bytes[..fits]);
        match fits < bytes.len() {
            false => Ok(()),
            true if plan.write_fails => Err(io::Error::from_raw_os_error(5)),
            true => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut inside = self.disk.0.step();
        if self.disk.0.plan.lock().sync_fails {
            return Err(io::Error::from_raw_os_error(5));
        }
        let content = inside.contents.get_mut(&self.id).unwrap();
        content.durable = content.now.clone();
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut inside = self.disk.0.step();
        inside.contents.get_mut(&self.id).unwrap().now.truncate(len as usize);
        Ok(())
    }
}
