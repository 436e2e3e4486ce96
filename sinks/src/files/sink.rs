//! The export of a view.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{EngineError, ErrorKind, Reader, Request, Snapshot, Texts, Tick};

use super::config::{Compression, ExportOptions, Format};
use super::draft::Draft;
use super::encode::Content;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where.
    pub path: PathBuf,
    /// As of which tick.
    pub tick: Tick,
    /// How many rows.
    pub rows: u64,
    /// How large the file is.
    pub size_bytes: u64,
}

/// Writes a view as of a tick to a file: whole, or not at all. A file that is there already is replaced at once.
pub async fn export(
    reader: &Reader,
    request: &Request,
    path: &Path,
    options: &ExportOptions,
) -> Result<Exported, EngineError> {
    options.resolve(path)?;
    let snapshot = reader.snapshot(request).await?;
    let (texts, path, options) = (Arc::clone(reader.texts()), path.to_owned(), *options);
    let written = tokio::task::spawn_blocking(move || write_snapshot(snapshot, texts, &path, &options)).await;
    written.unwrap_or_else(|_| Err(EngineError::stopped()))
}

/// Writes rows that were read before, as [`export`] does.
pub fn write_snapshot(
    snapshot: Snapshot,
    texts: Arc<dyn Texts>,
    path: &Path,
    options: &ExportOptions,
) -> Result<Exported, EngineError> {
    let (format, compression) = options.resolve(path)?;
    let content = Content { snapshot, texts };
    check(&content)?;
    write(&content, path.to_owned(), format, compression)
}

fn write(
    content: &Content,
    path: PathBuf,
    format: Format,
    compression: Option<Compression>,
) -> Result<Exported, EngineError> {
    let write = || {
        let (draft, file) = Draft::create(&path)?;
        let file = content.write(file, format, compression)?;
        draft.publish(&file)
    };
    let size_bytes = write().map_err(|error| cannot_write(&path, &error))?;
    Ok(Exported { path, tick: content.snapshot.tick, rows: content.count(), size_bytes })
}

/// Writes a file that appears whole or not at all, and takes the place of what was there; gives its size.
pub fn write_file(path: &Path, content: &[u8]) -> Result<u64, EngineError> {
    let write = || {
        let (draft, mut file) = Draft::create(path)?;
        file.write_all(content)?;
        draft.publish(&file)
    };
    write().map_err(|error| cannot_write(path, &error))
}

/// A row that is there fewer times than not at all comes from a defect of its view: a file must not hide it.
fn check(content: &Content) -> Result<(), EngineError> {
    let Some((row, count)) = content.snapshot.rows.iter().find(|(_, count)| *count < 0) else { return Ok(()) };
    let key = content.snapshot.spec.key_text(row, content.texts.as_ref());
    let what = format!(
        "view `{}` holds the row `{key}` {count} times as of tick {}",
        content.snapshot.spec.name, content.snapshot.tick
    );
    Err(EngineError::new(ErrorKind::Damaged, what, "the view is computed wrongly: please report it"))
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> EngineError {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "make the folder first, or write to another one",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give the process the right to write in the folder, or write to another one"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or write to another disk; what was there before is unchanged"
        }
        io::ErrorKind::IsADirectory => "give the path of a file, not of a folder",
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a folder",
        _ => "",
    };
    EngineError::new(ErrorKind::Unavailable, format!("cannot write {}: {error}", path.display()), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_path_the_reason_and_what_to_do() {
        let full = cannot_write(Path::new("/data/breaks.csv"), &io::Error::from(io::ErrorKind::StorageFull));
        assert!(full.what.contains("/data/breaks.csv") && full.what.contains("no storage space"), "{full}");
        assert!(full.help.contains("free some space"), "{full}");
    }
}
