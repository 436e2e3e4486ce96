//! Bindings: the durable record of which input each tick took, fsynced before any worker sees the tick.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use operators::Tick;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, TableError};
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, ErrorKind};

/// The format of the data folder. A folder of a later one is refused.
///
/// 1: bindings and pushed batches. 2: and configurations, and ticks of replays.
pub const FORMAT: u64 = 2;

/// How much of its hash stands before a binding.
const CHECK_BYTES: usize = 16;

/// How many bindings are removed in one transaction.
const REMOVED_AT_ONCE: usize = 256;

const BINDINGS: TableDefinition<u64, &[u8]> = TableDefinition::new("bindings");
const PUSHED: TableDefinition<(&str, &str), u64> = TableDefinition::new("pushed_batches");
const CONFIGURATIONS: TableDefinition<&str, &str> = TableDefinition::new("configurations");
const CONFIGURED: TableDefinition<u64, &str> = TableDefinition::new("configured");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Everything that one tick took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// How far each partition was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound: Vec<Bound>,
    /// The start or the end of a run of the engine, which takes a tick of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunEvent>,
    /// Whether this is the tick of a replay that has not come to its end. Such a tick is the last one, and nothing of it has
    /// been shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// A replay that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Its run.
    pub(crate) run: RunEvent,
    /// Its tick and what that took so far, once there is something.
    pub(crate) open: Option<(Tick, Binding)>,
}

impl Unfinished {
    /// The tick from which on it is all there is.
    pub(crate) fn since(&self) -> Tick {
        self.run.started
    }

    /// What it was asked for.
    pub(crate) fn asked(&self) -> &str {
        self.run.replay.as_deref().unwrap_or_default()
    }
}

/// How far a partition of a source was read: up to but not including `upper`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The source.
    pub source: String,
    /// Its partition.
    pub partition: Arc<str>,
    /// One more than the last offset.
    pub upper: u64,
}

/// The start or the end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEvent {
    /// The tick at which the run started: its identity.
    pub started: Tick,
    /// The version of the program.
    pub version: String,
    /// The hash of the configuration.
    pub configuration: String,
    /// How many workers it ran with.
    pub workers: u64,
    /// Whether this is its orderly end.
    pub ended: bool,
    /// What was asked for, if it is a replay that is one tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

/// What a run is configured with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Tells configurations apart that give other views.
    pub hash: String,
    /// All that is needed to run it again.
    pub text: String,
}

/// Which configuration holds, from which tick on, and from what it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// The first tick at which it holds.
    #[serde(skip)]
    pub since: Tick,
    /// Its hash.
    pub hash: String,
    /// The tick of the snapshot, of the configuration before, whose records it goes on from. `None` if it has read the
    /// whole past itself.
    pub base: Option<Tick>,
}

impl Configured {
    fn read((since, written): (redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, &str>)) -> Result<Self, EngineError> {
        let since = since.value();
        let configured = serde_json::from_str::<Configured>(written.value()).map_err(|error| {
            let what = format!("the configuration since tick {since} cannot be read: {error}");
            EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
        });
        Ok(Configured { since, ..configured? })
    }
}

/// A batch that a client pushed under an id.
pub struct PushedBatch<'a> {
    /// The source.
    pub source: &'a str,
    /// The client's id.
    pub batch_id: &'a str,
}

/// The bindings of a data folder. Cheap to clone.
#[derive(Clone)]
pub struct Bindings {
    database: Arc<Database>,
}

impl Bindings {
    /// Opens the bindings at `path`, or makes them.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        readable(|| {
            let database = Database::create(path).map_err(|error| cannot_open(path, error))?;
            let bindings = Bindings { database: Arc::new(database) };
            bindings.check_format(path)?;
            bindings.last()?;
            Ok(bindings)
        })
    }

    /// Opens bindings that are only looked at, with what keeps every change from the file at `path`; and tells the format
    /// that they had there. `None` if another process has them open.
    pub(crate) fn look<B: StorageBackend>(
        path: &Path,
        over: impl FnOnce() -> Result<B, DatabaseError>,
    ) -> Result<Option<(Self, u64)>, EngineError> {
        readable(|| {
            let database = match over().and_then(|over| Database::builder().create_with_backend(over)) {
                Ok(database) => database,
                Err(DatabaseError::DatabaseAlreadyOpen) => return Ok(None),
                Err(error) => return Err(cannot_open(path, error)),
            };
            let bindings = Bindings { database: Arc::new(database) };
            let format = bindings.format()?;
            bindings.check_format(path)?;
            bindings.last()?;
            Ok(Some((bindings, format)))
        })
    }

    /// The format in which they are written; the present one if nothing is.
    fn format(&self) -> Result<u64, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        match read.open_table(META) {
            Ok(meta) => Ok(meta.get("format").map_err(failed)?.map_or(FORMAT, |format| format.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(FORMAT),
            Err(error) => Err(failed(error)),
        }
    }

    fn check_format(&self, path: &Path) -> Result<(), EngineError> {
        let write = self.database.begin_write().map_err(failed)?;
        {
            write.open_table(BINDINGS).map_err(failed)?;
            write.open_table(PUSHED).map_err(failed)?;
            write.open_table(CONFIGURATIONS).map_err(failed)?;
            write.open_table(CONFIGURED).map_err(failed)?;
            let mut meta = write.open_table(META).map_err(failed)?;
            let format = meta.get("format").map_err(failed)?.map(|format| format.value());
            match format {
                Some(format) if format > FORMAT => {
                    let what = format!("{} has format {format}; this version reads up to {FORMAT}", path.display());
                    let help = "start it with the version that wrote it, or a later one";
                    return Err(EngineError::new(ErrorKind::Damaged, what, help));
                }
                // What an earlier one lacks has just been added.
                None | Some(_) => drop(meta.insert("format", FORMAT).map_err(failed)?),
            }
        }
        write.commit().map_err(failed)
    }

    /// Makes a binding durable, with the ids of the pushed batches that it takes.
    pub fn bind(&self, tick: Tick, binding: &Binding, pushed: &[PushedBatch<'_>]) -> Result<(), EngineError> {
        let bytes = encode_binding(binding)?;
        let write = self.database.begin_write().map_err(failed)?;
        {
            let mut bindings = write.open_table(BINDINGS).map_err(failed)?;
            bindings.insert(tick, bytes.as_bytes()).map_err(failed)?;
            let mut batches = write.open_table(PUSHED).map_err(failed)?;
            for batch in pushed {
                batches.insert((batch.source, batch.batch_id), tick).map_err(failed)?;
            }
        }
        crash_point!("bindings.unwritten");
        write.commit().map_err(failed)?;
        crash_point!("bindings.written");
        Ok(())
    }

    /// Makes the start of a run durable; and what holds from then on, if that is new, with the text of its configuration.
    pub fn begin(
        &self,
        tick: Tick,
        run: &RunEvent,
        configured: Option<(&Configured, &str)>,
    ) -> Result<Binding, EngineError> {
        let binding = Binding { run: Some(run.clone()), ..Binding::default() };
        let bytes = encode_binding(&binding)?;
        let write = self.database.begin_write().map_err(failed)?;
        {
            write.open_table(BINDINGS).map_err(failed)?.insert(tick, bytes.as_bytes()).map_err(failed)?;
            if let Some((configured, text)) = configured {
                let hash = configured.hash.as_str();
                write.open_table(CONFIGURATIONS).map_err(failed)?.insert(hash, text).map_err(failed)?;
                let written = encode(configured)?;
                write.open_table(CONFIGURED).map_err(failed)?.insert(tick, written.as_str()).map_err(failed)?;
            }
        }
        write.commit().map_err(failed)?;
        Ok(binding)
    }

    /// The configuration that holds at a tick; `None` before the first that was recorded.
    pub fn configured_at(&self, tick: Tick) -> Result<Option<Configured>, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let configured = read.open_table(CONFIGURED).map_err(failed)?;
        let last = configured.range(..=tick).map_err(failed)?.next_back().transpose().map_err(failed)?;
        last.map(Configured::read).transpose()
    }

    /// The first configuration that began to hold after a tick.
    pub fn configured_after(&self, tick: Tick) -> Result<Option<Configured>, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let configured = read.open_table(CONFIGURED).map_err(failed)?;
        let first = configured.range(tick + 1..).map_err(failed)?.next().transpose().map_err(failed)?;
        first.map(Configured::read).transpose()
    }

    /// The text of the configuration with this hash.
    pub fn configuration(&self, hash: &str) -> Result<String, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let configurations = read.open_table(CONFIGURATIONS).map_err(failed)?;
        let text = configurations.get(hash).map_err(failed)?.map(|text| text.value().to_owned());
        text.ok_or_else(|| {
            let what = format!("the data folder has no text of the configuration {hash}");
            EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
        })
    }

    /// Makes durable that every tick up to `tick` may have been shown as complete.
    pub fn reach(&self, tick: Tick) -> Result<(), EngineError> {
        let write = self.database.begin_write().map_err(failed)?;
        write.open_table(META).map_err(failed)?.insert("reached", tick).map_err(failed)?;
        write.commit().map_err(failed)
    }

    /// The tick up to which the past has been removed; 0 if none has.
    pub fn removed(&self) -> Result<Tick, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let meta = read.open_table(META).map_err(failed)?;
        Ok(meta.get("removed").map_err(failed)?.map_or(0, |tick| tick.value()))
    }

    /// Removes all bindings up to a tick, of which there is a snapshot. That they are gone is durable before they are.
    pub fn remove_up_to(&self, tick: Tick) -> Result<(), EngineError> {
        let write = self.database.begin_write().map_err(failed)?;
        {
            let mut meta = write.open_table(META).map_err(failed)?;
            let removed = meta.get("removed").map_err(failed)?.map_or(0, |removed| removed.value());
            meta.insert("removed", removed.max(tick)).map_err(failed)?;
            // The last tick must not be forgotten with its binding.
            let reached = meta.get("reached").map_err(failed)?.map_or(0, |reached| reached.value());
            meta.insert("reached", reached.max(tick)).map_err(failed)?;
        }
        write.commit().map_err(failed)?;
        crash_point!("past.marked");
        // Some at a time: the next tick waits for each.
        loop {
            let write = self.database.begin_write().map_err(failed)?;
            let removed = {
                let mut bindings = write.open_table(BINDINGS).map_err(failed)?;
                let range = bindings.range(..=tick).map_err(failed)?.take(REMOVED_AT_ONCE);
                let ticks = range.map(|entry| entry.map(|(tick, _)| tick.value()));
                let ticks = ticks.collect::<Result<Vec<_>, _>>().map_err(failed)?;
                for tick in &ticks {
                    bindings.remove(tick).map_err(failed)?;
                }
                ticks.len()
            };
            write.commit().map_err(failed)?;
            if removed < REMOVED_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// The tick at which a pushed batch was bound, if it was.
    pub fn pushed_at(&self, source: &str, batch_id: &str) -> Result<Option<Tick>, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let batches = read.open_table(PUSHED).map_err(failed)?;
        Ok(batches.get((source, batch_id)).map_err(failed)?.map(|tick| tick.value()))
    }

    /// The last tick that was bound or may have been shown as complete; 0 when the folder is new.
    pub fn last(&self) -> Result<Tick, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let reached =
            read.open_table(META).map_err(failed)?.get("reached").map_err(failed)?.map_or(0, |tick| tick.value());
        let bindings = read.open_table(BINDINGS).map_err(failed)?;
        let bound = bindings.last().map_err(failed)?.map_or(0, |(tick, _)| tick.value());
        Ok(reached.max(bound))
    }

    /// The replay that was interrupted, if one was: it is always the last thing that was bound.
    pub(crate) fn unfinished(&self) -> Result<Option<Unfinished>, EngineError> {
        let Some((tick, binding)) = self.last_that(|_| true)? else { return Ok(None) };
        if binding.open {
            return Ok(self.last_run()?.map(|run| Unfinished { run, open: Some((tick, binding)) }));
        }
        let begun = binding.run.filter(|run| run.replay.is_some() && !run.ended);
        Ok(begun.map(|run| Unfinished { run, open: None }))
    }

    /// The last run that began or ended. Looks at all that was bound since.
    pub(crate) fn last_run(&self) -> Result<Option<RunEvent>, EngineError> {
        Ok(self.last_that(|binding| binding.run.is_some())?.and_then(|(_, binding)| binding.run))
    }

    /// The last tick that took input.
    pub(crate) fn last_of_input(&self) -> Result<Option<Tick>, EngineError> {
        Ok(self.last_that(|binding| !binding.bound.is_empty())?.map(|(tick, _)| tick))
    }

    fn last_that(&self, is_it: impl Fn(&Binding) -> bool) -> Result<Option<(Tick, Binding)>, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let bindings = read.open_table(BINDINGS).map_err(failed)?;
        for entry in bindings.iter().map_err(failed)?.rev() {
            let (tick, bytes) = entry.map_err(failed)?;
            let binding = decode_binding(tick.value(), bytes.value())?;
            if is_it(&binding) {
                return Ok(Some((tick.value(), binding)));
            }
        }
        Ok(None)
    }

    /// How far each source is bound in the partition of this name.
    pub fn bound_in(&self, partition: &str) -> Result<BTreeMap<String, u64>, EngineError> {
        let mut uppers = BTreeMap::new();
        let mut last = 0;
        loop {
            let bindings = self.after(last, 1024)?;
            let Some((tick, _)) = bindings.last() else { return Ok(uppers) };
            last = *tick;
            for bound in bindings.into_iter().flat_map(|(_, binding)| binding.bound) {
                if &*bound.partition == partition {
                    uppers.insert(bound.source, bound.upper);
                }
            }
        }
    }

    /// All bindings after `after`, in order, at most `limit` of them.
    pub fn after(&self, after: Tick, limit: usize) -> Result<Vec<(Tick, Binding)>, EngineError> {
        readable(|| self.read_after(after, limit))
    }

    fn read_after(&self, after: Tick, limit: usize) -> Result<Vec<(Tick, Binding)>, EngineError> {
        let read = self.database.begin_read().map_err(failed)?;
        let bindings = read.open_table(BINDINGS).map_err(failed)?;
        let mut list = Vec::new();
        for entry in bindings.range(after + 1..).map_err(failed)?.take(limit) {
            let (tick, bytes) = entry.map_err(failed)?;
            list.push((tick.value(), decode_binding(tick.value(), bytes.value())?));
        }
        Ok(list)
    }
}

/// A binding as it is written: JSON after the beginning of its hash. The first format had no hash.
fn encode_binding(binding: &Binding) -> Result<String, EngineError> {
    let json = encode(binding)?;
    Ok(format!("{}{json}", check_of(json.as_bytes())))
}

fn decode_binding(tick: Tick, bytes: &[u8]) -> Result<Binding, EngineError> {
    let damaged = |why: &str| {
        let what = format!("the binding of tick {tick} cannot be read: {why}");
        EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
    };
    let json = match bytes.split_at_checked(CHECK_BYTES) {
        Some((check, json)) if !bytes.starts_with(b"{") => {
            if check != check_of(json).as_bytes() {
                return Err(damaged("it is not what was written"));
            }
            json
        }
        _ => bytes,
    };
    serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))
}

/// What damage of a binding is noticed by.
fn check_of(json: &[u8]) -> String {
    blake3::hash(json).to_hex()[..CHECK_BYTES].to_owned()
}

fn encode(written: &impl Serialize) -> Result<String, EngineError> {
    serde_json::to_string(written).map_err(|error| EngineError::new(ErrorKind::Invalid, error.to_string(), ""))
}

/// The database panics where a page of its file is damaged: that is an error like any other damage.
pub(crate) fn readable<T>(read: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let what = "the bindings of the data folder are damaged";
        Err(EngineError::new(
            ErrorKind::Damaged,
            what,
            "restore the data folder from a backup, or start with a new one",
        ))
    })
}

fn failed(error: impl Into<redb::Error>) -> EngineError {
    let error: redb::Error = error.into();
    let help = "check the disk of the data folder (space, permissions) and start again: what was acknowledged is there";
    EngineError::new(ErrorKind::Unavailable, format!("the bindings cannot be written or read: {error}"), help)
}

fn cannot_open(path: &Path, error: DatabaseError) -> EngineError {
    let path_text = path.display();
    match error {
        DatabaseError::DatabaseAlreadyOpen => EngineError::new(
            ErrorKind::Unavailable,
            format!("the data folder {} is in use by another process", path.parent().unwrap_or(path).display()),
            "stop the other one, or give this one a data folder of its own",
        ),
        DatabaseError::UpgradeRequired(version) => EngineError::new(
            ErrorKind::Damaged,
            format!("{path_text} was written by another version of its database (file format {version})"),
            "start it with the version that wrote it",
        ),
        // A file that is no database comes as an error of reading it.
        DatabaseError::Storage(redb::StorageError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
            EngineError::io("open the bindings", path, &error)
        }
        error => EngineError::new(
            ErrorKind::Damaged,
            format!("cannot open the bindings {path_text}: {error}"),
            "restore the data folder from a backup, or start with a new one",
        ),
    }
}
