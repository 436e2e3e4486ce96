//! `AtomicFile`: whole, or not there.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use engine::EngineError;

/// A file that appears under its name only when it is whole.
pub(in crate::generator) struct AtomicFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    is_kept: bool,
}

impl AtomicFile {
    pub(in crate::generator) fn create(path: PathBuf) -> Result<AtomicFile, EngineError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.part"));
        let file = File::create(&temporary).map_err(|error| EngineError::io("create", &temporary, &error))?;
        Ok(AtomicFile { file, temporary, path, is_kept: false })
    }

    /// Makes the content durable and gives the file its name. The name itself is durable once the folder is synced.
    pub(in crate::generator) fn keep(mut self) -> Result<PathBuf, EngineError> {
        let failed = |error: io::Error| EngineError::io("write", &self.path, &error);
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.temporary, &self.path).map_err(failed)?;
        self.is_kept = true;
        Ok(self.path.clone())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Nothing more can be done about a file that cannot be removed; its name says that it is a part.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
