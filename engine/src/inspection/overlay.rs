//! A database file that is read and never written: what the database changes is kept in memory and forgotten.
//!
//! So a database that was not closed in order can be repaired, and one of an earlier format upgraded, to be looked at,
//! while its file stays as it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;

use parking_lot::Mutex;
use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// Changes are kept in blocks of so many bytes.
const BLOCK_BYTES: u64 = 4096;

/// How many bytes of changes are kept at most. A repair and an upgrade write a small part of a file.
const CHANGED_BYTES_MAX: u64 = 1 << 30;

/// The file, and what has been changed since it was opened.
#[derive(Debug)]
pub(super) struct Overlay {
    file: FileBackend,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    length: u64,
    /// How much of the file is still as it is there.
    file_length: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    /// Lays itself over a file that is open for reading.
    pub(super) fn new(file: File) -> Result<Self, DatabaseError> {
        let file = FileBackend::new(file)?;
        let length = file.len().map_err(redb::StorageError::Io)?;
        Ok(Overlay { file, changes: Mutex::new(Changes { length, file_length: length, blocks: BTreeMap::new() }) })
    }

    /// What the file holds from `offset` on, and zeros after its end.
    fn read_file(&self, file_length: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = file_length.saturating_sub(offset).min(out.len() as u64) as usize;
        let (there, after) = out.split_at_mut(there);
        after.fill(0);
        if there.is_empty() { Ok(()) } else { self.file.read(offset, there) }
    }
}

/// The parts of `offset..offset + length` by the block that they are in: the block, where in it, and where in the range.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let from = (at % BLOCK_BYTES) as usize;
        let taken = (BLOCK_BYTES as usize - from).min(length - done);
        let part = (at / BLOCK_BYTES, from..from + taken, done..done + taken);
        done += taken;
        (taken > 0).then_some(part)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes.lock();
        if offset + out.len() as u64 > changes.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(changes.file_length, offset, out)?;
        for (block, inside, place) in parts(offset, out.len()) {
            if let Some(bytes) = changes.blocks.get(&block) {
                out[place].copy_from_slice(&bytes[inside]);
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut changes = self.changes.lock();
        if length < changes.length {
            // What is cut off is zeros if it comes back.
            let last = length / BLOCK_BYTES;
            changes.blocks.retain(|block, _| *block <= last);
            if let Some(bytes) = changes.blocks.get_mut(&last) {
                bytes[(length % BLOCK_BYTES) as usize..].fill(0);
            }
            changes.file_length = changes.file_length.min(length);
        }
        changes.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes.lock();
        let file_length = changes.file_length;
        for (block, inside, place) in parts(offset, data.len()) {
            if changes.blocks.len() as u64 * BLOCK_BYTES >= CHANGED_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, "there is too much to repair to look at it"));
            }
            let bytes = match changes.blocks.entry(block) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let mut bytes = vec![0; BLOCK_BYTES as usize].into_boxed_slice();
                    self.read_file(file_length, block * BLOCK_BYTES, &mut bytes)?;
                    entry.insert(bytes)
                }
            };
            bytes[inside].copy_from_slice(&data[place]);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    /// A shared lock is enough for who writes nothing, and it conflicts with the exclusive one of a running process.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_000_u64, prop::collection::vec(any::<u8>(), 1..9000)).prop_map(|(at, bytes)| Step::Write(at, bytes)),
            (0..30_000_u64).prop_map(Step::Length),
        ]
    }

    proptest! {
        #[test]
        fn it_reads_what_was_written_and_the_file_stays_as_it_is(
            before in prop::collection::vec(any::<u8>(), 0..20_000),
            steps in prop::collection::vec(step(), 0..12),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            std::fs::write(&path, &before).unwrap();
            let overlay = Overlay::new(File::open(&path).unwrap()).unwrap();
            let mut expected = before.clone();
            for step in steps {
                match step {
                    Step::Write(at, bytes) => {
                        let end = at as usize + bytes.len();
                        if end > expected.len() {
                            overlay.set_len(end as u64).unwrap();
                            expected.resize(end, 0);
                        }
                        overlay.write(at, &bytes).unwrap();
                        expected[at as usize..end].copy_from_slice(&bytes);
                    }
                    Step::Length(length) => {
                        overlay.set_len(length).unwrap();
                        expected.resize(length as usize, 0);
                    }
                }
                let mut read = vec![0; expected.len()];
                overlay.read(0, &mut read).unwrap();
                prop_assert!(read == expected);
            }
            prop_assert!(overlay.read(expected.len() as u64, &mut [0]).is_err());
            prop_assert!(std::fs::read(&path).unwrap() == before);
        }
    }
}
