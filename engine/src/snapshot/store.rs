//! Where snapshots are: an object store, used by threads that wait for it.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use operators::Tick;
use tokio::runtime::Runtime;

use super::manifest::{Manifest, Part};
use crate::error::{EngineError, ErrorKind};
use crate::source::Stop;

/// The file without which there is no snapshot.
const MANIFEST: &str = "manifest.json";

/// A folder of an object store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    folder: Path,
    /// How people call the place.
    name: String,
    waiting: Arc<Waiting>,
    /// Nobody waits any more when it is time to stop.
    stop: Stop,
}

/// What threads wait with. It is let go of without waiting: that may happen where waiting is not allowed.
struct Waiting(Option<Runtime>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Store {
    /// A folder of an object store. `name` is how people call the place: a path or a URL.
    pub fn new(objects: Arc<dyn ObjectStore>, folder: &str, name: impl Into<String>) -> Result<Self, EngineError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| {
            let what = format!("cannot start the thread that waits for the object store: {error}");
            EngineError::new(ErrorKind::Unavailable, what, "raise the limit on threads")
        })?;
        let (folder, waiting) = (Path::from(folder), Arc::new(Waiting(Some(runtime))));
        Ok(Store { objects, folder, name: name.into(), waiting, stop: Stop::default() })
    }

    /// The same place, for which nobody waits when it is time to stop: one that is out of reach is tried again for minutes.
    pub(crate) fn until(self, stop: Stop) -> Self {
        Store { stop, ..self }
    }

    /// A folder of this machine, which is made if it is not there. What is put there is durable.
    pub fn local(folder: &std::path::Path) -> Result<Self, EngineError> {
        std::fs::create_dir_all(folder).map_err(|error| EngineError::io("make the folder", folder, &error))?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(folder);
        let objects = objects.map_err(|error| unavailable("open", &folder.display().to_string(), &error))?;
        Store::new(Arc::new(objects.with_fsync(true).with_automatic_cleanup(true)), "", folder.display().to_string())
    }

    /// How people call the place.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ticks of what may be snapshots, the newest first.
    pub fn ticks(&self) -> Result<Vec<Tick>, EngineError> {
        let list = self.wait(self.objects.list_with_delimiter(Some(&self.folder)));
        let list = list.map_err(|error| self.unavailable("list the snapshots in", &error))?;
        let tick = |path: &Path| path.filename().and_then(|name| name.parse().ok());
        let mut ticks: Vec<Tick> = list.common_prefixes.iter().filter_map(tick).collect();
        ticks.sort_unstable_by(|one, other| other.cmp(one));
        Ok(ticks)
    }

    /// The manifest of the snapshot of a tick.
    pub fn manifest(&self, tick: Tick) -> Result<Manifest, EngineError> {
        let bytes = self.get(tick, MANIFEST)?;
        let manifest = Manifest::parse(&bytes).map_err(|why| self.damaged(tick, &why))?;
        if manifest.tick != tick {
            return Err(self.damaged(tick, &format!("its manifest is of tick {}", manifest.tick)));
        }
        Ok(manifest)
    }

    /// The manifest of the snapshot of a tick, of which every part is what was written.
    pub(super) fn whole(&self, tick: Tick) -> Result<Manifest, EngineError> {
        let manifest = self.manifest(tick)?;
        self.check(&manifest)?;
        Ok(manifest)
    }

    /// Whether every part is what was written.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), EngineError> {
        manifest.parts.iter().try_for_each(|part| self.part(manifest.tick, part).map(drop))
    }

    /// Makes the snapshot of a tick whole.
    pub(super) fn put_manifest(&self, manifest: &Manifest) -> Result<(), EngineError> {
        let bytes = manifest.to_json().map_err(|error| EngineError::new(ErrorKind::Invalid, error.to_string(), ""))?;
        self.put(manifest.tick, MANIFEST, bytes)
    }

    /// The bytes of a part, which are those that were written.
    pub(super) fn part(&self, tick: Tick, part: &Part) -> Result<bytes::Bytes, EngineError> {
        let bytes = self.get(tick, &part.name)?;
        if bytes.len() as u64 != part.size_bytes || blake3::hash(&bytes).to_hex().as_str() != part.blake3 {
            return Err(self.damaged(tick, &format!("{} is not what was written", part.name)));
        }
        Ok(bytes)
    }

    pub(super) fn put(&self, tick: Tick, name: &str, bytes: Vec<u8>) -> Result<(), EngineError> {
        let path = self.path(tick, name);
        let put = self.wait(self.objects.put(&path, PutPayload::from(bytes)));
        put.map(drop).map_err(|error| self.unavailable("write a snapshot to", &error))
    }

    /// Removes the snapshot of a tick: first what makes it one.
    pub fn remove(&self, tick: Tick) -> Result<(), EngineError> {
        let folder = self.folder.clone().join(tick_name(tick));
        let list = self.wait(self.objects.list_with_delimiter(Some(&folder)));
        let failed = |error| self.unavailable("remove a snapshot from", &error);
        let mut paths: Vec<Path> = list.map_err(failed)?.objects.into_iter().map(|object| object.location).collect();
        paths.sort_by_key(|path| path.filename() != Some(MANIFEST));
        for path in paths {
            self.wait(self.objects.delete(&path)).map_err(failed)?;
        }
        Ok(())
    }

    fn get(&self, tick: Tick, name: &str) -> Result<bytes::Bytes, EngineError> {
        let path = self.path(tick, name);
        let bytes = self.wait(async { self.objects.get(&path).await?.bytes().await });
        bytes.map_err(|error| match error {
            object_store::Error::NotFound { .. } => self.damaged(tick, &format!("it has no {name}")),
            error => self.unavailable("read a snapshot from", &error),
        })
    }

    fn unavailable(&self, doing: &str, error: &object_store::Error) -> EngineError {
        if self.stop.is_stopped() { EngineError::stopped() } else { unavailable(doing, &self.name, error) }
    }

    fn path(&self, tick: Tick, name: &str) -> Path {
        self.folder.clone().join(tick_name(tick)).join(name)
    }

    pub(super) fn damaged(&self, tick: Tick, what: &str) -> EngineError {
        let what = format!("the snapshot of tick {tick} in {} is not whole: {what}", self.name);
        EngineError::new(ErrorKind::Damaged, what, "restore it from a backup, or let an earlier one be used")
    }

    fn wait<T>(&self, work: impl Future<Output = Answer<T>>) -> Answer<T> {
        let answer = async {
            tokio::select! {
                answer = work => answer,
                () = self.stop.asked() => {
                    Err(object_store::Error::Generic { store: "snapshots", source: "it is time to stop".into() })
                }
            }
        };
        match &self.waiting.0 {
            Some(runtime) => runtime.block_on(answer),
            // Only while it is dropped, and then nobody holds a store.
            None => unreachable!("a store that is held has its runtime"),
        }
    }
}

/// What an object store answers.
type Answer<T> = Result<T, object_store::Error>;

fn tick_name(tick: Tick) -> String {
    format!("{tick:020}")
}

fn unavailable(doing: &str, place: &str, error: &object_store::Error) -> EngineError {
    let what = format!("cannot {doing} {place}: {error}");
    EngineError::new(
        ErrorKind::Unavailable,
        what,
        "check that it can be reached, that it has space, and your rights there",
    )
}
