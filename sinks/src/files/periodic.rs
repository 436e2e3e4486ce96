//! A view as a file from time to time: as of every so many seconds of engine time, each moment once.
//!
//! The moments are multiples of the interval since 1970-01-01, UTC. A view as of a moment is the same whenever it is read, so
//! a start after a while writes what would have been written meanwhile. How far it has come is told by the names of the
//! files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::setting::ConfigError;
use engine::{EngineError, ErrorKind, Request, Tick};
use serde::Deserialize;
use serde_json::Value;

use super::config::{Compression, ExportOptions, Format};
use super::draft::Draft;
use super::sink::{cannot_write, export};
use crate::running::{Around, Backoff, Runs};
use crate::scope::Scope;

/// How long to wait at most before a file that could not be written is tried again.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// The table `[sink.<name>]` with `kind = "files"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesSinkConfig {
    /// The view.
    pub view: String,
    /// Which of its rows.
    #[serde(default)]
    pub filter: Option<Value>,
    /// Where the files are written: `<name of the sink>-<tick>.<format>`.
    pub folder: PathBuf,
    /// How often.
    pub every_seconds: u64,
    /// The format.
    #[serde(default = "csv")]
    pub format: Format,
    /// How CSV is compressed.
    #[serde(default)]
    pub compression: Option<Compression>,
}

fn csv() -> Format {
    Format::Csv
}

impl FilesSinkConfig {
    /// The sink that it describes, checked.
    pub(crate) fn sink(&self, scope: &Scope<'_>) -> Result<PeriodicFiles, ConfigError> {
        let key = |setting: &str| format!("{}.{setting}", scope.key());
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !scope.name.bytes().all(is_allowed) || scope.name.starts_with('.') || scope.name.is_empty() {
            let help = "files are called by it: use letters, digits, dots, underscores and hyphens";
            return Err(ConfigError::new(scope.key(), "cannot be the name of a file", help));
        }
        if self.every_seconds == 0 {
            return Err(ConfigError::new(
                key("every_seconds"),
                "is 0",
                "write how many seconds, such as 3600 for an hour",
            ));
        }
        let options = ExportOptions { format: Some(self.format), compression: self.compression };
        let extension = options.extension();
        options
            .resolve(Path::new(&format!("x.{extension}")))
            .map_err(|error| ConfigError::new(key("compression"), error.what, error.help))?;
        Ok(PeriodicFiles {
            name: scope.name.to_owned(),
            request: Request { view: self.view.clone(), filter: self.filter.clone(), ..Request::default() },
            folder: scope.folder.join(&self.folder),
            every: self.every_seconds.saturating_mul(1_000_000),
            extension,
            options,
        })
    }
}

/// A view, and where it is written from time to time.
pub(crate) struct PeriodicFiles {
    name: String,
    request: Request,
    folder: PathBuf,
    /// The interval, in ticks.
    every: Tick,
    extension: String,
    options: ExportOptions,
}

impl Runs for PeriodicFiles {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, around: Around) -> Result<(), EngineError> {
        around.reader.view(&self.request.view)?;
        let mut next = self.begin(&around).map_err(|error| cannot_write(&self.folder, &error))?;
        let (mut backoff, mut left_out) = (Backoff::new(BACKOFF_MAX), 0);
        loop {
            // Every file before it is there.
            around.complete_before(next);
            let mut stopping = around.stopping.clone();
            let written = around.runtime.block_on(async {
                tokio::select! {
                    () = stopping.stopped() => Err(EngineError::stopped()),
                    written = self.write(&around, next) => written,
                }
            });
            let error = match written {
                Ok(rows) => {
                    around.metrics.rows.with_label_values(&[self.name.as_str()]).inc_by(rows);
                    if left_out > 0 {
                        tracing::warn!(
                            sink = self.name,
                            left_out,
                            "files are left out: their moments are further back than the engine remembers (`retention_seconds`)"
                        );
                    }
                    (next, left_out) = (next.saturating_add(self.every), 0);
                    backoff.reset();
                    continue;
                }
                Err(error) => error,
            };
            // An engine that has failed says so itself.
            if error.kind == ErrorKind::Stopped || around.reader.status().has_failed() {
                return Ok(());
            }
            match error.kind {
                ErrorKind::Compacted => (next, left_out) = (next.saturating_add(self.every), left_out + 1),
                ErrorKind::Unavailable | ErrorKind::Exhausted => {
                    around.failed(&self.name, &error);
                    if around.wait(backoff.next()) {
                        return Ok(());
                    }
                }
                _ => return Err(error),
            }
        }
    }
}

impl PeriodicFiles {
    /// The first moment that there is no file of.
    fn begin(&self, around: &Around) -> io::Result<Tick> {
        fs::create_dir_all(&self.folder)?;
        let last = self.last_written()?;
        let after = |tick: Tick| (tick / self.every + 1).saturating_mul(self.every);
        if let Some(last) = last {
            return Ok(after(last));
        }
        // Until there is a file, a note says which is the first: also when it is due while nothing runs.
        let note = self.folder.join(format!(".{}.begun", self.name));
        match fs::read_to_string(&note) {
            Ok(text) => text.trim().parse().map_err(|_| io::Error::other(format!("{} holds no tick", note.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let first = after(around.reader.frontier());
                let (draft, mut file) = Draft::create(&note)?;
                writeln!(file, "{first}")?;
                draft.publish(&file)?;
                Ok(first)
            }
            Err(error) => Err(error),
        }
    }

    /// The latest moment that there is a file of.
    fn last_written(&self) -> io::Result<Option<Tick>> {
        let mut last = None;
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let tick = name.to_str().and_then(|name| {
                name.strip_prefix(&self.name)?.strip_prefix('-')?.strip_suffix(&self.extension)?.strip_suffix('.')
            });
            last = last.max(tick.and_then(|tick| tick.parse().ok()));
        }
        Ok(last)
    }

    fn path(&self, tick: Tick) -> PathBuf {
        self.folder.join(format!("{}-{tick}.{}", self.name, self.extension))
    }

    /// Writes the view as of a moment, once that has come; gives how many rows.
    async fn write(&self, around: &Around, tick: Tick) -> Result<u64, EngineError> {
        tokio::select! {
            () = around.reader.reached(tick) => {}
            error = around.reader.status().failed() => return Err(error),
        }
        let request = Request { as_of: Some(tick), ..self.request.clone() };
        let exported = export(&around.reader, &request, &self.path(tick), &self.options).await?;
        tracing::info!(sink = self.name, path = %exported.path.display(), rows = exported.rows, "wrote a file");
        Ok(exported.rows)
    }
}
