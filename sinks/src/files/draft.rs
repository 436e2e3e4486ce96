//! A file that appears whole or not at all: written under another name in the same folder, made durable, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A file that has not appeared yet. Dropping it leaves nothing behind.
pub(super) struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    is_published: bool,
}

impl Draft {
    /// Begins a file that will appear at `path`, or where a link of that name leads. What is there and is no file, such as
    /// a device, is left alone.
    pub(super) fn create(path: &Path) -> io::Result<(Self, File)> {
        let refused = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        let path = match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                return refused("this is not a file: leave out the path to write to standard output");
            }
            Ok(_) => fs::canonicalize(path)?,
            // Something is there that leads nowhere: a rename would put an end to it.
            Err(_) if fs::symlink_metadata(path).is_ok() => return refused("this is a link that leads nowhere"),
            Err(_) => path.to_owned(),
        };
        let name =
            path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{number}.partial", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok((Draft { path, temporary, is_published: false }, file))
    }

    /// Makes the file durable, and has it take the place of what was at its path; gives its size.
    pub(super) fn publish(mut self, file: &File) -> io::Result<u64> {
        file.sync_all()?;
        crash_point!("export.written");
        fs::rename(&self.temporary, &self.path)?;
        crash_point!("export.renamed");
        self.is_published = true;
        // The name is durable when its folder is.
        File::open(folder_of(&self.path))?.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_published
            && let Err(error) = fs::remove_file(&self.temporary)
        {
            tracing::warn!(path = %self.temporary.display(), %error, "a file that was not finished cannot be removed");
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
