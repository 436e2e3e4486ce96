//! Which files a path stands for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engine::EngineError;
use engine::error::ErrorKind;
use glob::Pattern;

use crate::ConfigError;

/// A file, a glob or a folder.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    path: PathBuf,
}

impl Listing {
    /// Checks the path, which starts at `folder` unless it is absolute.
    pub(crate) fn new(key: &str, path: &str, folder: &Path) -> Result<Listing, ConfigError> {
        let key = format!("{key}.path");
        if path.is_empty() {
            return Err(ConfigError::new(key, "is empty", "write a file, a glob such as `in/*.csv`, or a folder"));
        }
        if let Err(error) = Pattern::new(path) {
            let what = format!("`{path}` is not a glob: {}", error.msg);
            return Err(ConfigError::new(key, what, "write `[*]` for a star that belongs to a name"));
        }
        Ok(Listing { path: folder.join(path) })
    }

    /// The path that stands for them.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The files there are now, in the order of their names.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, EngineError> {
        let failed = |error: io::Error| EngineError::io("list", &self.path, &error);
        let mut files = match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => self.files_in_folder().map_err(failed)?,
            Ok(metadata) if metadata.is_file() => return Ok(vec![self.path.clone()]),
            Ok(_) => return Err(self.not_a_file()),
            Err(_) => self.files_of_glob()?,
        };
        files.retain(|file| !is_hidden_or_unfinished(file));
        files.sort();
        Ok(files)
    }

    /// What to say when there is no file.
    pub(crate) fn nothing_found(&self) -> EngineError {
        let what = format!("there is no file {}", self.path.display());
        EngineError::new(ErrorKind::NotFound, what, "check the path; set `follow = true` to wait for files")
    }

    /// What to say of a pipe, a device or a socket: opening one may wait forever, and it cannot be read again.
    fn not_a_file(&self) -> EngineError {
        let what = format!("{} is neither a file nor a folder", self.path.display());
        EngineError::new(ErrorKind::Invalid, what, "give a file, a glob or a folder; write what a pipe gives to a file")
    }

    fn files_in_folder(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn files_of_glob(&self) -> Result<Vec<PathBuf>, EngineError> {
        let Some(pattern) = self.path.to_str() else { return Ok(Vec::new()) };
        let paths = glob::glob(pattern).map_err(|error| EngineError::new(ErrorKind::Invalid, error.to_string(), ""))?;
        let mut files = Vec::new();
        for path in paths {
            let path = path.map_err(|error| EngineError::io("list", error.path(), error.error()))?;
            if path.is_file() {
                files.push(path);
            }
        }
        Ok(files)
    }
}

/// Names that programs give to files that they have not finished.
fn is_hidden_or_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || [".part", ".tmp"].iter().any(|ending| name.ends_with(ending))
}
