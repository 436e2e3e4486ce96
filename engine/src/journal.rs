//! The journal: what was pushed to us and cannot be read again elsewhere.
//!
//! Segments of checksummed entries, appended and fsynced before their tick is bound:
//!
//! ```text
//! segment = "TIEOUTJ1" entry*
//! entry   = body length: u32 LE, first 8 bytes of BLAKE3(body), body
//! body    = JSON of [`EntryHead`], newline, payload
//! ```
//!
//! A process that dies while it writes leaves a torn tail: an entry whose length or checksum does not hold at the end
//! of the last segment. Opening the journal finds it, reports it and cuts it; it is never read. The same damage anywhere
//! else, or before the end of what has been bound to ticks, means that the disk lost what it had confirmed: that is an
//! error, and nothing is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, ErrorKind};

const MAGIC: &[u8; 8] = b"TIEOUTJ1";
const CHECK_BYTES: usize = 8;

/// How large one pushed batch may be.
pub const ENTRY_BYTES_MAX: usize = 64 << 20;

/// A segment is closed when it has grown past this.
pub const SEGMENT_BYTES_MAX: u64 = 256 << 20;

/// What is known of an entry without decoding its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryHead {
    /// The source that was pushed to.
    pub source: String,
    /// The id that the client gave the batch: pushing it again changes nothing.
    pub batch_id: String,
    /// The offset of its first record.
    pub first_offset: u64,
    /// How many records it holds.
    pub records: u64,
}

/// Where an entry is.
#[derive(Clone, Debug)]
struct Place {
    head: EntryHead,
    segment: u64,
    position: u64,
    length: u32,
}

/// A tail that was cut when the journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub path: PathBuf,
    /// Where the cut is.
    pub position: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many segments it has.
    pub segments: u64,
    /// How many entries.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The tail that is cut when it is opened.
    pub torn: Option<Torn>,
}

/// The journal of a data folder.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Open>>);

struct Open {
    folder: PathBuf,
    segment: u64,
    file: File,
    length: u64,
    places: Places,
}

/// The entries of each source by their first offset.
type Places = BTreeMap<String, BTreeMap<u64, Place>>;

impl Journal {
    /// Opens the journal in `folder`, checks every entry and cuts a torn tail. `bound` tells how many records of each
    /// source have been bound to ticks; it is only asked where there is something to be cut.
    pub fn open(
        folder: &Path,
        bound: impl FnOnce() -> Result<BTreeMap<String, u64>, EngineError>,
    ) -> Result<(Self, Option<Torn>), EngineError> {
        fs::create_dir_all(folder).map_err(|error| EngineError::io("make the folder", folder, &error))?;
        let mut segments = list_segments(folder)?;
        if segments.is_empty() {
            create_segment(folder, 0)?;
            segments.push(0);
        }
        let (places, torn) = check(folder, &segments, bound)?;
        if let Some(torn) = &torn {
            cut(torn)?;
        }
        let torn = torn.filter(|torn| torn.bytes > 0);
        let segment = segments[segments.len() - 1];
        let path = segment_path(folder, segment);
        let (file, length) = open_for_append(&path).map_err(|error| EngineError::io("write to", &path, &error))?;
        Ok((Journal(Arc::new(Mutex::new(Open { folder: folder.to_owned(), segment, file, length, places }))), torn))
    }

    /// What there is in `folder`, checked as it is when it is opened, and left as it is.
    pub fn look(
        folder: &Path,
        bound: impl FnOnce() -> Result<BTreeMap<String, u64>, EngineError>,
    ) -> Result<Contents, EngineError> {
        if !folder.exists() {
            return Ok(Contents::default());
        }
        let segments = list_segments(folder)?;
        let (places, torn) = check(folder, &segments, bound)?;
        let size = |segment: &u64| fs::metadata(segment_path(folder, *segment)).map_or(0, |metadata| metadata.len());
        Ok(Contents {
            segments: segments.len() as u64,
            entries: places.values().map(|places| places.len() as u64).sum(),
            bytes: segments.iter().map(size).sum(),
            torn: torn.filter(|torn| torn.bytes > 0),
        })
    }

    /// Appends an entry. It is durable after the next [`Journal::sync`].
    pub fn append(&self, head: EntryHead, payload: &[u8]) -> Result<(), EngineError> {
        let mut open = self.0.lock();
        if open.length > SEGMENT_BYTES_MAX {
            open.roll()?;
        }
        let entry = encode(&head, payload)?;
        let position = open.length;
        fail::fail_point!("journal.half_written", |_| {
            let _ = open.file.write_all(&entry[..entry.len() / 2]);
            std::process::abort()
        });
        let written = open.file.write_all(&entry);
        if let Err(error) = written {
            // Half an entry must not stay where the next one would be written after it.
            let _ = open.file.set_len(position);
            let _ = open.file.seek(SeekFrom::Start(position));
            return Err(EngineError::io("write to", &segment_path(&open.folder, open.segment), &error));
        }
        let segment = open.segment;
        open.length += entry.len() as u64;
        insert(&mut open.places, Place { head, segment, position, length: entry.len() as u32 });
        crash_point!("journal.appended");
        Ok(())
    }

    /// Makes everything that was appended durable.
    pub fn sync(&self) -> Result<(), EngineError> {
        let open = self.0.lock();
        open.file
            .sync_data()
            .map_err(|error| EngineError::io("make durable", &segment_path(&open.folder, open.segment), &error))?;
        crash_point!("journal.synced");
        Ok(())
    }

    /// The heads of a source's entries from offset `from` on, in order.
    pub fn heads(&self, source: &str, from: u64) -> Vec<EntryHead> {
        let open = self.0.lock();
        let places = open.places.get(source).into_iter().flat_map(|places| places.range(from..));
        places.map(|(_, place)| place.head.clone()).collect()
    }

    /// Whether nothing was ever appended, or all of it has been removed.
    pub fn is_empty(&self) -> bool {
        self.0.lock().places.values().all(BTreeMap::is_empty)
    }

    /// The entry of `source` that holds offset `from`, with its payload; `None` past the end.
    pub fn read(&self, source: &str, from: u64) -> Result<Option<(EntryHead, Vec<u8>)>, EngineError> {
        let open = self.0.lock();
        let places = open.places.get(source);
        let holding = places.and_then(|places| places.range(..=from).next_back()).map(|(_, place)| place);
        let Some(place) = holding.filter(|place| place.head.first_offset + place.head.records > from) else {
            return Ok(None);
        };
        let path = segment_path(&open.folder, place.segment);
        let mut entry = vec![0; place.length as usize];
        let read = File::open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(place.position))?;
            file.read_exact(&mut entry)
        });
        read.map_err(|error| EngineError::io("read", &path, &error))?;
        match decode(&entry) {
            Some((head, payload, _)) if head == place.head => Ok(Some((head, payload.to_vec()))),
            _ => Err(damaged(&path, place.position)),
        }
    }
}

impl Journal {
    /// Removes the segments that hold nothing but records below these bounds of their sources; gives how many. The segment
    /// that is written to is closed if it holds such records, so that it can go once all of it may.
    pub fn remove_below(&self, bounds: &BTreeMap<String, u64>) -> Result<usize, EngineError> {
        let mut open = self.0.lock();
        let is_needed = |place: &Place| {
            let bound = bounds.get(&place.head.source).copied().unwrap_or(0);
            place.head.first_offset + place.head.records > bound
        };
        let places = || open.places.values().flat_map(BTreeMap::values);
        let needed: BTreeSet<u64> = places().filter(|place| is_needed(place)).map(|place| place.segment).collect();
        if places().any(|place| place.segment == open.segment && !is_needed(place)) {
            open.roll()?;
        }
        let mut removed = 0;
        for segment in list_segments(&open.folder)?.into_iter().filter(|segment| !needed.contains(segment)) {
            if segment != open.segment {
                let path = segment_path(&open.folder, segment);
                fs::remove_file(&path).map_err(|error| EngineError::io("remove", &path, &error))?;
                open.places.values_mut().for_each(|places| places.retain(|_, place| place.segment != segment));
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Open {
    fn roll(&mut self) -> Result<(), EngineError> {
        let path = segment_path(&self.folder, self.segment);
        self.file.sync_all().map_err(|error| EngineError::io("make durable", &path, &error))?;
        let next = self.segment + 1;
        let path = segment_path(&self.folder, next);
        let opened = create_segment(&self.folder, next)
            .and_then(|()| open_for_append(&path).map_err(|error| EngineError::io("write to", &path, &error)));
        match opened {
            Ok((file, length)) => {
                (self.segment, self.file, self.length) = (next, file, length);
                Ok(())
            }
            Err(error) => {
                // What is written goes on to the segment before, which must stay the last one.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }
}

fn insert(places: &mut Places, place: Place) {
    places.entry(place.head.source.clone()).or_default().insert(place.head.first_offset, place);
}

fn encode(head: &EntryHead, payload: &[u8]) -> Result<Vec<u8>, EngineError> {
    let head = serde_json::to_vec(head).map_err(|error| EngineError::new(ErrorKind::Invalid, error.to_string(), ""))?;
    let length = head.len() + 1 + payload.len();
    if length > ENTRY_BYTES_MAX {
        let what = format!("the batch has {length} bytes; at most {ENTRY_BYTES_MAX} can be pushed at once");
        return Err(EngineError::new(ErrorKind::Invalid, what, "push it in smaller batches"));
    }
    let mut entry = Vec::with_capacity(4 + CHECK_BYTES + length);
    entry.extend((length as u32).to_le_bytes());
    entry.extend([0; CHECK_BYTES]);
    entry.extend(&head);
    entry.push(b'\n');
    entry.extend(payload);
    let check = blake3::hash(&entry[4 + CHECK_BYTES..]);
    entry[4..4 + CHECK_BYTES].copy_from_slice(&check.as_bytes()[..CHECK_BYTES]);
    Ok(entry)
}

/// The entry at the start of `bytes`: head, payload and how many bytes it takes; `None` if it is torn.
fn decode(bytes: &[u8]) -> Option<(EntryHead, &[u8], usize)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let check = bytes.get(4..4 + CHECK_BYTES)?;
    let body = bytes.get(4 + CHECK_BYTES..)?.get(..length)?;
    if &blake3::hash(body).as_bytes()[..CHECK_BYTES] != check {
        return None;
    }
    let newline = body.iter().position(|byte| *byte == b'\n')?;
    let head = serde_json::from_slice(&body[..newline]).ok()?;
    Some((head, &body[newline + 1..], 4 + CHECK_BYTES + length))
}

/// Reads every entry. What is torn at the end may be cut: nothing of it is bound.
fn check(
    folder: &Path,
    segments: &[u64],
    bound: impl FnOnce() -> Result<BTreeMap<String, u64>, EngineError>,
) -> Result<(Places, Option<Torn>), EngineError> {
    let mut places = Places::new();
    let mut torn = None;
    for (place, segment) in segments.iter().enumerate() {
        let is_last = place + 1 == segments.len();
        torn = scan(folder, *segment, is_last, &mut places)?;
    }
    if let Some(torn) = &torn {
        let lost = |(source, upper): &(String, u64)| end_of(&places, source) < *upper;
        if bound()?.into_iter().any(|bound| lost(&bound)) {
            return Err(damaged(&torn.path, torn.position));
        }
    }
    Ok((places, torn))
}

fn scan(folder: &Path, segment: u64, is_last: bool, places: &mut Places) -> Result<Option<Torn>, EngineError> {
    let path = segment_path(folder, segment);
    let failed = |error: io::Error| EngineError::io("read", &path, &error);
    let bytes = fs::read(&path).map_err(failed)?;
    let mut position = MAGIC.len().min(bytes.len());
    if bytes.starts_with(MAGIC) {
        while let Some((head, _, length)) = decode(&bytes[position..]) {
            insert(places, Place { head, segment, position: position as u64, length: length as u32 });
            position += length;
        }
    } else if is_last && bytes.len() < MAGIC.len() {
        position = 0;
    } else {
        return Err(damaged(&path, 0));
    }
    if position == bytes.len() && position > 0 {
        return Ok(None);
    }
    if !is_last {
        return Err(damaged(&path, position as u64));
    }
    Ok(Some(Torn { path, position: position as u64, bytes: (bytes.len() - position) as u64 }))
}

/// How many records of a source the journal holds whole.
fn end_of(places: &Places, source: &str) -> u64 {
    let last = places.get(source).and_then(|places| places.last_key_value());
    last.map_or(0, |(_, place)| place.head.first_offset + place.head.records)
}

/// Cuts a torn tail; what is left of a segment that was only begun is made whole.
fn cut(torn: &Torn) -> Result<(), EngineError> {
    let failed = |error: io::Error| EngineError::io("cut the end of", &torn.path, &error);
    let file = OpenOptions::new().write(true).open(&torn.path).map_err(failed)?;
    file.set_len(torn.position).map_err(failed)?;
    if torn.position == 0 {
        (&file).write_all(MAGIC).map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}

fn damaged(path: &Path, position: u64) -> EngineError {
    let what = format!("the journal segment {} is damaged at byte {position}", path.display());
    EngineError::new(
        ErrorKind::Damaged,
        what,
        "entries after this place were confirmed to clients: restore the data folder from a backup",
    )
}

fn segment_path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:010}.journal"))
}

fn list_segments(folder: &Path) -> Result<Vec<u64>, EngineError> {
    let failed = |error: io::Error| EngineError::io("read the folder", folder, &error);
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".journal")).and_then(|stem| stem.parse().ok());
        segments.extend(number);
    }
    segments.sort_unstable();
    Ok(segments)
}

fn create_segment(folder: &Path, segment: u64) -> Result<(), EngineError> {
    let path = segment_path(folder, segment);
    let created = File::create(&path).and_then(|mut file| {
        file.write_all(MAGIC)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    });
    created.map_err(|error| EngineError::io("make", &path, &error))
}

fn open_for_append(path: &Path) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    Ok((file, length))
}
