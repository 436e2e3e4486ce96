//! Content that may vanish from where it was read (a dropped file), kept for replay under the hash of its bytes, or under a
//! name.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{EngineError, ErrorKind};

/// The folder of kept files. A file's name is the BLAKE3 hash of its content, so the same content is kept once.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The BLAKE3 hash of the content, in hexadecimal: the name of its partition.
    pub hash: String,
    /// Where the copy is.
    pub path: PathBuf,
}

impl Archive {
    /// The archive in `folder`, which is made if it is not there.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, EngineError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| EngineError::io("make the folder", &folder, &error))?;
        Ok(Archive { folder })
    }

    /// The hash of a file's content, without keeping it.
    pub fn hash_of(path: &Path) -> Result<String, EngineError> {
        let failed = |error: io::Error| EngineError::io("read", path, &error);
        let mut file = File::open(path).map_err(failed)?;
        Ok(copy_and_hash(&mut file, &mut io::sink()).map_err(failed)?.to_hex().to_string())
    }

    /// Keeps a copy of the file at `path`: durable when this returns.
    pub fn keep(&self, path: &Path) -> Result<Kept, EngineError> {
        let failed = |error: io::Error| EngineError::io("read", path, &error);
        let unkept = |error: io::Error| self.unkept(&error);
        let mut source = File::open(path).map_err(failed)?;
        let temporary = self.temporary();
        let mut copy = File::create(&temporary).map_err(unkept)?;
        let hash = copy_and_hash(&mut source, &mut copy).map_err(unkept)?.to_hex().to_string();
        let kept = Kept { path: self.folder.join(&hash), hash };
        if kept.path.exists() {
            fs::remove_file(&temporary).map_err(unkept)?;
            return Ok(kept);
        }
        copy.sync_all().map_err(unkept)?;
        crash_point!("archive.copied");
        fs::rename(&temporary, &kept.path).map_err(unkept)?;
        self.sync().map_err(unkept)?;
        crash_point!("archive.kept");
        Ok(kept)
    }

    /// Keeps all that another archive keeps, under the same names: durable when this returns. What is kept here already stays.
    pub(crate) fn take_over(&self, other: &Archive) -> Result<(), EngineError> {
        let unkept = |error: io::Error| self.unkept(&error);
        let entries = fs::read_dir(&other.folder).map_err(|error| EngineError::io("list", &other.folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| EngineError::io("list", &other.folder, &error))?;
            let target = self.folder.join(entry.file_name());
            if target.exists() || entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let temporary = self.temporary();
            fs::copy(entry.path(), &temporary).map_err(unkept)?;
            File::open(&temporary).and_then(|copy| copy.sync_all()).map_err(unkept)?;
            fs::rename(&temporary, &target).map_err(unkept)?;
        }
        self.sync().map_err(unkept)
    }

    /// Keeps a small content under a name, in the place of what was kept under it before: durable when this returns. For what
    /// is looked up by something else than its content.
    pub fn keep_as(&self, name: &str, content: &[u8]) -> Result<(), EngineError> {
        let unkept = |error: io::Error| self.unkept(&error);
        let temporary = self.temporary();
        let mut file = File::create(&temporary).map_err(unkept)?;
        writeln!(file, "{}", blake3::hash(content).to_hex()).map_err(unkept)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(unkept)?;
        fs::rename(&temporary, self.place_of(name)).map_err(unkept)?;
        self.sync().map_err(unkept)
    }

    /// The content that is kept under a name; `None` if there is none.
    pub fn named(&self, name: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let path = self.place_of(name);
        let found = match fs::read(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(EngineError::io("read", &path, &error)),
        };
        let end_of_hash = found.iter().position(|byte| *byte == b'\n').unwrap_or(found.len());
        let (hash, content) = found.split_at(end_of_hash);
        let content = content.get(1..).unwrap_or_default();
        if hash != blake3::hash(content).to_hex().as_bytes() {
            return Err(is_damaged(&path));
        }
        Ok(Some(content.to_vec()))
    }

    /// Where a content is written before it is put in its place.
    fn temporary(&self) -> PathBuf {
        self.folder.join(format!(".{}.{}.part", std::process::id(), thread_tag()))
    }

    /// Makes durable what was put in its place.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder).and_then(|folder| folder.sync_all())
    }

    fn unkept(&self, error: &io::Error) -> EngineError {
        EngineError::io("keep a copy of the input in", &self.folder, error)
    }

    /// The file of a name, which may be any text.
    fn place_of(&self, name: &str) -> PathBuf {
        self.folder.join(format!("named-{}", blake3::hash(name.as_bytes()).to_hex()))
    }

    /// The kept file with this hash, whose content still has it.
    pub fn intact(&self, hash: &str) -> Result<PathBuf, EngineError> {
        let path = self.path_of(hash)?;
        if Archive::hash_of(&path)? == hash {
            return Ok(path);
        }
        Err(is_damaged(&path))
    }

    /// Whether nothing was ever kept.
    pub fn is_empty(&self) -> bool {
        fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// The kept file with this hash.
    pub fn path_of(&self, hash: &str) -> Result<PathBuf, EngineError> {
        let path = self.folder.join(hash);
        if path.exists() {
            return Ok(path);
        }
        let what = format!("the kept input {} is missing", path.display());
        let help = "it was bound to ticks that must be replayed: restore the data folder from a backup";
        Err(EngineError::new(ErrorKind::Damaged, what, help))
    }
}

fn is_damaged(path: &Path) -> EngineError {
    let what = format!("the kept input {} is not what was read: its content has another hash", path.display());
    let help = "it was bound to ticks that must be replayed: restore the data folder from a backup";
    EngineError::new(ErrorKind::Damaged, what, help)
}

fn thread_tag() -> String {
    format!("{:?}", std::thread::current().id()).chars().filter(char::is_ascii_digit).collect()
}

fn copy_and_hash(from: &mut impl Read, to: &mut impl Write) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_under_a_name_is_given_back_until_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        let name = "any/text \u{e4}";
        assert_eq!(archive.named(name).unwrap(), None);
        for content in ["", "first\nline", "second"] {
            archive.keep_as(name, content.as_bytes()).unwrap();
            assert_eq!(archive.named(name).unwrap().as_deref(), Some(content.as_bytes()));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
        fs::write(archive.place_of(name), "x").unwrap();
        assert_eq!(archive.named(name).unwrap_err().kind, ErrorKind::Damaged);
    }
}
