//! The source of files: each is kept before its records are given, then read from the kept copy.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use engine::archive::Kept;
use engine::error::ErrorKind;
use engine::{Archive, EngineError, Place, Source, SourceContext, SourceReader, Stop};
use model::Record;

use super::config::{FileLayout, FilesConfig};
use super::decode::{FileReader, lines};
use super::listing::Listing;
use crate::ConfigError;
use crate::layout::Scope;

/// Reads the files that a configuration names.
#[derive(Debug)]
pub struct FilesSource {
    name: String,
    listing: Listing,
    layout: FileLayout,
    /// How often the folder is looked at; `None`: once.
    poll_interval: Option<Duration>,
    /// Whether it is looked at only until what is there has been read.
    once: bool,
}

impl FilesSource {
    /// A source of the files that `config` names.
    pub fn new(config: &FilesConfig, scope: &Scope<'_>) -> Result<FilesSource, ConfigError> {
        let layout = FileLayout::new(config, scope)?;
        let listing = Listing::new(&layout.key, &config.path, scope.folder)?;
        if config.poll_interval_ms == 0 {
            let key = format!("{}.poll_interval_ms", layout.key);
            return Err(ConfigError::new(key, "is 0", "write how many milliseconds to wait, such as 500"));
        }
        let poll_interval = config.follow.then(|| Duration::from_millis(config.poll_interval_ms));
        Ok(FilesSource { name: scope.name.to_owned(), listing, layout, poll_interval, once: config.once })
    }

    /// The files that there are for it now.
    pub fn files(&self) -> Result<Vec<PathBuf>, EngineError> {
        self.listing.files()
    }

    /// Where it looks for them: a file, a glob or a folder.
    pub fn place(&self) -> &Path {
        self.listing.path()
    }
}

impl Source<Record> for FilesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_one_shot(&self) -> bool {
        self.poll_interval.is_none() || self.once
    }

    fn open(
        &self,
        partition: &str,
        from: u64,
        archive: &Archive,
    ) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        let path = archive.intact(partition)?;
        Ok(Box::new(FileReader::open(&path, partition, from, &self.layout)?))
    }

    /// The file of today that has the content of then, and the line in it.
    fn places(&self, partition: &str, offsets: &[u64], archive: &Archive) -> Result<Vec<Place>, EngineError> {
        let has_content = |file: &PathBuf| Archive::hash_of(file).is_ok_and(|hash| hash == partition);
        // A folder that cannot be listed now holds no such file.
        let file = self.listing.files().unwrap_or_default().into_iter().find(has_content);
        let file = file.map(|file| file.display().to_string());
        let lines = lines(&archive.intact(partition)?, offsets, &self.layout)?;
        Ok(lines.into_iter().map(|line| Place { file: file.clone(), line }).collect())
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        let mut run = Run { source: self, context, read: HashSet::new(), seen: HashMap::new() };
        match run.go() {
            Err(error) if error.kind == ErrorKind::Stopped => Ok(()),
            result => result,
        }
    }
}

/// One run of a source.
struct Run<'s> {
    source: &'s FilesSource,
    context: SourceContext<Record>,
    /// The hashes of what was read.
    read: HashSet<String>,
    /// The files that were seen, as they were then.
    seen: HashMap<PathBuf, Seen>,
}

/// A file as it was when the folder was last looked at.
struct Seen {
    stamp: Stamp,
    is_read: bool,
}

/// What changes when a file is written to.
#[derive(PartialEq, Eq)]
struct Stamp {
    size_bytes: u64,
    modified: Option<SystemTime>,
}

impl Run<'_> {
    fn go(&mut self) -> Result<(), EngineError> {
        self.finish_what_was_begun()?;
        match self.source.poll_interval {
            None => self.read_all(),
            Some(interval) if self.source.once => {
                self.look()?;
                wait(interval, &self.context.stop)?;
                self.look()
            }
            Some(interval) => self.follow(interval),
        }
    }

    /// Reads on where an earlier run was interrupted. The files themselves may be gone by now.
    fn finish_what_was_begun(&mut self) -> Result<(), EngineError> {
        for (partition, position) in self.context.positions.clone() {
            let path = self.context.archive.path_of(&partition)?;
            self.read.insert(partition.to_string());
            self.give(&path, &partition, position)?;
        }
        Ok(())
    }

    fn read_all(&mut self) -> Result<(), EngineError> {
        let files = self.source.listing.files()?;
        if files.is_empty() {
            return Err(self.source.listing.nothing_found());
        }
        files.iter().try_for_each(|file| self.read_file(file))
    }

    fn follow(&mut self, interval: Duration) -> Result<(), EngineError> {
        loop {
            self.look()?;
            wait(interval, &self.context.stop)?;
        }
    }

    /// Reads the files that nobody writes to any more.
    fn look(&mut self) -> Result<(), EngineError> {
        for file in self.source.listing.files()? {
            if self.is_due(&file) {
                self.read_followed(&file)?;
            }
        }
        Ok(())
    }

    /// Whether a file is new and nobody writes to it any more: it is as it was when the folder was last looked at.
    fn is_due(&mut self, file: &Path) -> bool {
        let Ok(metadata) = fs::metadata(file) else { return false };
        let stamp = Stamp { size_bytes: metadata.len(), modified: metadata.modified().ok() };
        match self.seen.get_mut(file) {
            Some(seen) if seen.stamp == stamp => !std::mem::replace(&mut seen.is_read, true),
            _ => {
                self.seen.insert(file.to_owned(), Seen { stamp, is_read: false });
                false
            }
        }
    }

    /// A file that cannot be read now may be readable when the folder is looked at again.
    fn read_followed(&mut self, file: &Path) -> Result<(), EngineError> {
        match self.read_file(file) {
            Err(error) if error.kind == ErrorKind::Unavailable && fs::File::open(file).is_err() => {
                tracing::warn!(source = self.source.name, file = %file.display(), %error, "a file cannot be read yet");
                self.seen.remove(file);
                Ok(())
            }
            result => result,
        }
    }

    fn read_file(&mut self, file: &Path) -> Result<(), EngineError> {
        check(&self.context.stop)?;
        let Some(kept) = self.keep(file)? else {
            tracing::info!(
                source = self.source.name, file = %file.display(),
                "passed over: a file of the same content was read before; to have it win over later ones, change a byte of it"
            );
            return Ok(());
        };
        self.give(&kept.path, &kept.hash, 0)
    }

    /// Keeps a file, unless one of the same content was read before.
    fn keep(&mut self, file: &Path) -> Result<Option<Kept>, EngineError> {
        // Most files are new when none was read before: then they need not be read twice to find that out.
        if !self.read.is_empty() && self.read.contains(&Archive::hash_of(file)?) {
            return Ok(None);
        }
        let kept = self.context.archive.keep(file)?;
        Ok(self.read.insert(kept.hash.clone()).then_some(kept))
    }

    fn give(&self, kept: &Path, partition: &str, from: u64) -> Result<(), EngineError> {
        let mut reader = FileReader::open(kept, partition, from, &self.source.layout)?;
        loop {
            check(&self.context.stop)?;
            match reader.next()? {
                Some(batch) => self.context.outlet.send(batch)?,
                None => return Ok(()),
            }
        }
    }
}

fn check(stop: &Stop) -> Result<(), EngineError> {
    if stop.is_stopped() { Err(EngineError::stopped()) } else { Ok(()) }
}

fn wait(interval: Duration, stop: &Stop) -> Result<(), EngineError> {
    if stop.wait(interval) { Err(EngineError::stopped()) } else { Ok(()) }
}
