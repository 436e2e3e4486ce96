//! A data folder looked at without being changed: what a start would find there.
//!
//! It is read as a start reads it. What a start would mend or upgrade is mended and upgraded in memory only. While it is
//! looked at no other process can open it, just as it cannot be looked at while another has it open.

mod overlay;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use operators::Tick;

use crate::bindings::{Bindings, Configured, readable};
use crate::error::EngineError;
use crate::journal::{Contents, Journal};
use crate::push::PUSHED_PARTITION;
use crate::snapshot::{Manifest, Start, Store};
use overlay::Overlay;

/// A data folder that is looked at.
pub struct Inspection {
    bindings: Bindings,
    format: u64,
}

/// How far each partition of each source is.
pub type Uppers = BTreeMap<(String, Arc<str>), u64>;

/// What a start gives to the workers after the snapshot, or from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many ticks.
    pub ticks: u64,
    /// How far each partition is before.
    pub from: Uppers,
    /// How far each partition is after.
    pub upto: Uppers,
}

/// What there is at the path of a data folder.
pub enum Found {
    /// Nothing: no engine has run on it.
    Nothing,
    /// One that another process has open.
    InUse,
    /// One that can be looked at.
    Folder(Inspection),
}

impl Found {
    /// Looks at a path.
    pub fn at(path: &Path) -> Result<Found, EngineError> {
        let path = path.join("bindings.redb");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(EngineError::io("open the bindings", &path, &error)),
        };
        let looked = Bindings::look(&path, || Overlay::new(file))?;
        Ok(looked.map_or(Found::InUse, |(bindings, format)| Found::Folder(Inspection { bindings, format })))
    }
}

impl Inspection {
    /// The format in which it is written.
    pub fn format(&self) -> u64 {
        self.format
    }

    /// The last tick that was bound or shown; 0 if there was none.
    pub fn last(&self) -> Result<Tick, EngineError> {
        readable(|| self.bindings.last())
    }

    /// The last tick that took input.
    pub fn last_bound(&self) -> Result<Option<Tick>, EngineError> {
        readable(|| self.bindings.last_of_input())
    }

    /// The first tick that was bound.
    pub fn first(&self) -> Result<Option<Tick>, EngineError> {
        Ok(self.bindings.after(0, 1)?.first().map(|(tick, _)| *tick))
    }

    /// What a replay that was interrupted was asked for, if there is one: nothing else can be started before it is done.
    pub fn interrupted_replay(&self) -> Result<Option<String>, EngineError> {
        readable(|| Ok(self.bindings.unfinished()?.map(|unfinished| unfinished.asked().to_owned())))
    }

    /// The configuration that held last, and its text as it was recorded.
    pub fn configured(&self) -> Result<Option<(Configured, String)>, EngineError> {
        readable(|| {
            let Some(configured) = self.bindings.configured_at(self.bindings.last()?)? else { return Ok(None) };
            let text = self.bindings.configuration(&configured.hash)?;
            Ok(Some((configured, text)))
        })
    }

    /// What the journal holds, read as a whole.
    pub fn journal(&self, data: &Path) -> Result<Contents, EngineError> {
        Journal::look(&data.join("journal"), || self.bindings.bound_in(PUSHED_PARTITION))
    }

    /// The snapshot from which a start would go on that keeps `retention_ticks` readable.
    pub fn start(&self, store: &Store, configured: &Configured, retention_ticks: Tick) -> Result<Start, EngineError> {
        let last = self.last()?;
        Start::find(store, &self.bindings, last.saturating_sub(retention_ticks), last, configured)
    }

    /// What would be replayed after a snapshot; without one, everything.
    pub fn replayed(&self, snapshot: Option<&Manifest>) -> Result<Replayed, EngineError> {
        let mut replayed = Replayed::default();
        let progress = snapshot.into_iter().flat_map(|manifest| &manifest.progress);
        let place = |source: &str, partition: &Arc<str>| (source.to_owned(), Arc::clone(partition));
        replayed.from = progress.map(|part| (place(&part.source, &part.partition), part.progress.upper)).collect();
        replayed.upto.clone_from(&replayed.from);
        let mut last = snapshot.map_or(0, |manifest| manifest.tick);
        loop {
            let bindings = self.bindings.after(last, 1024)?;
            let Some((tick, _)) = bindings.last() else { return Ok(replayed) };
            last = *tick;
            replayed.ticks += bindings.len() as u64;
            for bound in bindings.into_iter().flat_map(|(_, binding)| binding.bound) {
                replayed.upto.insert((bound.source, bound.partition), bound.upper);
            }
        }
    }
}
