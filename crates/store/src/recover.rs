//! Opening: the newest image, then every record after it, so that state and history are what they were.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

use crate::disk::Disk;
use crate::history::{History, Limits};
use crate::index::Snapshot;
use crate::layout::{self, FRAME_BYTES, HEADER_BYTES, Header, MARK};
use crate::log::{self, Segment};
use crate::replay::Replay;
use crate::{Error, image};

/// How far revisions jump when some may have been shown and lost.
pub(crate) const JUMP: u64 = 1_000_000_000;

/// What a directory held.
pub(crate) struct Recovered {
    pub newest: Snapshot,
    pub history: History,
    /// In order of their revisions.
    pub segments: VecDeque<Segment>,
    /// The revision and length of the image, if there is one.
    pub image: Option<(u64, u64)>,
}

/// What is done about damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It is an error, and nothing is touched.
    Refuse,
    /// Everything from there on is given up.
    CutOff,
}

/// Reads everything, cuts a torn end off, and removes what an interrupted clean-up left.
pub(crate) fn recover(disk: &dyn Disk, limits: Limits, damage: Damage) -> Result<Recovered, Error> {
    let files = disk.list().map_err(|e| io_error(disk, "", &e))?;
    let image = files.iter().filter_map(|(name, bytes)| Some((image::revision_of(name)?, *bytes))).max();
    let (revision, entries) = match image {
        Some((revision, _)) => (revision, image::read(disk, revision)?),
        None => (1, Vec::new()),
    };
    let mut segments: Vec<Segment> =
        files.iter().filter_map(|(name, bytes)| Some(Segment { first: log::revision_of(name)?, bytes: *bytes })).collect();
    segments.sort_unstable_by_key(|segment| segment.first);
    let obsolete = segments.windows(2).take_while(|pair| pair[1].first <= revision + 1).count();
    let kept = segments.split_off(obsolete);
    remove_leftovers(disk, &files, &segments, image.map(|(revision, _)| revision));

    let mut reader = Reader { replay: Replay::new(revision, entries, limits), is_suspect: false };
    let mut segments = VecDeque::new();
    let count = kept.len();
    let mut is_cut_off = false;
    for (i, segment) in kept.into_iter().enumerate() {
        let name = log::name(segment.first);
        if is_cut_off {
            tracing::warn!(segment = name, "store: gave up a segment that follows damage");
            disk.remove(&name).map_err(|e| io_error(disk, &name, &e))?;
            continue;
        }
        match reader.segment(disk, &segment, i + 1 == count) {
            Ok(Some(bytes)) => segments.push_back(Segment { bytes, ..segment }),
            Ok(None) => {}
            Err(Error::Corrupt { offset, reason, .. }) if damage == Damage::CutOff => {
                tracing::warn!(segment = name, offset, reason, "store: gave up everything from a damaged record on");
                let cut = if offset == 0 { disk.remove(&name).and_then(|()| disk.sync_names()) } else { disk.cut(&name, offset) };
                cut.map_err(|e| io_error(disk, &name, &e))?;
                if offset > 0 {
                    segments.push_back(Segment { bytes: offset, ..segment });
                }
                // Revisions may have been shown that are gone now.
                (is_cut_off, reader.is_suspect) = (true, true);
            }
            Err(error) => return Err(error),
        }
    }
    let (newest, history) = reader.replay.finish();
    let recovered = Recovered { newest, history, segments, image };
    if reader.is_suspect { jump(disk, recovered) } else { Ok(recovered) }
}

/// Files that a crash between two steps left behind. That one cannot be removed now is no reason not to start.
fn remove_leftovers(disk: &dyn Disk, files: &[(String, u64)], obsolete: &[Segment], image: Option<u64>) {
    let is_left = |name: &&String| name.ends_with(".tmp") || image::revision_of(name).is_some_and(|revision| Some(revision) != image);
    for name in files.iter().map(|(name, _)| name).filter(is_left) {
        let _ = disk.remove(name);
    }
    for segment in obsolete {
        let _ = disk.remove(&log::name(segment.first));
    }
}

fn io_error(disk: &dyn Disk, file: &str, error: &std::io::Error) -> Error {
    Error::Io { path: format!("{}/{file}", disk.name()), reason: error.to_string() }
}

/// After an unclean end in a relaxed mode, revisions may have been shown that are gone. They must never be used again, so
/// the count goes on far beyond them, and the history begins anew.
fn jump(disk: &dyn Disk, recovered: Recovered) -> Result<Recovered, Error> {
    let newest = Snapshot { revision: recovered.newest.revision + JUMP, ..recovered.newest };
    tracing::warn!(
        revision = newest.revision,
        "store: was not closed in order and not flushed on every write; revisions jump and watches begin anew"
    );
    let bytes = image::write(disk, &newest, &AtomicBool::new(false)).map_err(|e| io_error(disk, "image.tmp", &e))?;
    for segment in &recovered.segments {
        let _ = disk.remove(&log::name(segment.first));
    }
    if let Some((revision, _)) = recovered.image {
        let _ = disk.remove(&image::name(revision));
    }
    let history = recovered.history.begin_anew(newest.clone());
    Ok(Recovered { image: Some((newest.revision, bytes)), history, newest, segments: VecDeque::new() })
}

/// Why reading a segment stopped before its end.
struct Stop {
    offset: usize,
    reason: &'static str,
    /// The revision that should have followed.
    expected: u64,
}

struct Reader {
    replay: Replay,
    /// The last segment was written in a relaxed mode and has no orderly end.
    is_suspect: bool,
}

impl Reader {
    /// Applies a segment. Returns its good length, or `None` if it had nothing and was removed.
    fn segment(&mut self, disk: &dyn Disk, segment: &Segment, is_last: bool) -> Result<Option<u64>, Error> {
        let name = log::name(segment.first);
        let mut bytes = Vec::with_capacity(segment.bytes as usize);
        disk.read(&name).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|e| io_error(disk, &name, &e))?;
        let corrupt =
            |stop: &Stop| Error::Corrupt { file: format!("{}/{name}", disk.name()), offset: stop.offset as u64, reason: stop.reason.into() };
        let header = Header::decode(&bytes).filter(|header| !header.is_image && header.revision == segment.first);
        let Some(header) = header else {
            let stop = Stop { offset: 0, reason: "not the header of this segment", expected: segment.first };
            // A crash while the segment was begun; nothing in it was ever acknowledged unless a record is there.
            if !is_last || has_later_batch(&bytes, 0) {
                return Err(corrupt(&stop));
            }
            tracing::warn!(segment = name, "store: removed a segment whose beginning was never finished");
            disk.remove(&name).and_then(|()| disk.sync_names()).map_err(|e| io_error(disk, &name, &e))?;
            return Ok(None);
        };
        if header.revision > self.replay.revision() + 1 {
            return Err(corrupt(&Stop { offset: 0, reason: "the segment before it is missing", expected: segment.first }));
        }
        let end = self.records(&bytes, header.revision, header.is_relaxed && is_last);
        let Some(stop) = end else { return Ok(Some(segment.bytes)) };
        let is_damaged = !header.is_relaxed && has_later_batch(&bytes[stop.offset..], stop.expected);
        if !is_last || is_damaged {
            return Err(corrupt(&stop));
        }
        let lost = bytes.len() - stop.offset;
        tracing::warn!(
            segment = name,
            offset = stop.offset,
            bytes = lost,
            reason = stop.reason,
            "store: cut the torn end of the last segment; nothing of it was acknowledged"
        );
        disk.cut(&name, stop.offset as u64).map_err(|e| io_error(disk, &name, &e))?;
        Ok(Some(stop.offset as u64))
    }

    /// Applies records until the end or the first bad one.
    fn records(&mut self, bytes: &[u8], mut expected: u64, is_relaxed: bool) -> Option<Stop> {
        let mut offset = HEADER_BYTES;
        self.is_suspect = is_relaxed;
        while offset < bytes.len() {
            let stop = |reason| Some(Stop { offset, reason, expected });
            let Some(body) = layout::framed(&bytes[offset..]) else { return stop("a record is incomplete or its checksum is wrong") };
            let Some(logged) = layout::decode_commit(body) else { return stop("a record does not fit its length") };
            let is_end = logged.changes.is_empty();
            if logged.revision + is_end as u64 != expected {
                return stop("revisions are missing");
            }
            expected = logged.revision + 1;
            self.is_suspect = is_relaxed && !is_end;
            self.replay.apply(logged);
            offset += FRAME_BYTES + body.len();
        }
        None
    }
}

/// Whether a whole record of a batch after `batch` is found anywhere.
fn has_later_batch(mut bytes: &[u8], batch: u64) -> bool {
    while let Some(at) = bytes.windows(MARK.len()).position(|window| window == MARK) {
        let record = layout::framed(&bytes[at..]).and_then(layout::decode_commit);
        if record.is_some_and(|logged| logged.batch > batch) {
            return true;
        }
        bytes = &bytes[at + MARK.len()..];
    }
    false
}
