//! Replay: the input of ticks that were bound, read again from the sources, the journal and the archive.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::archive::Archive;
use crate::bindings::Bound;
use crate::error::{EngineError, ErrorKind};
use crate::journal::Journal;
use crate::push::{PUSHED_PARTITION, shifted};
use crate::source::{Batch, Decoder, SourceReader, SourceSpec};

/// Reads bound ticks again, each partition through one reader that goes on where the tick before ended.
pub(crate) struct Replay<R> {
    journal: Journal,
    archive: Archive,
    readers: BTreeMap<(u16, Arc<str>), Rereader<R>>,
}

impl<R: 'static> Replay<R> {
    /// Nothing read yet.
    pub(crate) fn new(journal: Journal, archive: Archive) -> Self {
        Replay { journal, archive, readers: BTreeMap::new() }
    }

    /// Gives what a tick took, read again. Ticks are asked for in their order. `from` tells, for each bound, how much of its
    /// partition there is already: it is read from there when it is opened.
    pub(crate) fn read(
        &mut self,
        bounds: &[Bound],
        sources: &[SourceSpec<R>],
        from: &[u64],
        mut give: impl FnMut(u16, Batch<R>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        for (bound, from) in bounds.iter().zip(from) {
            let index = sources.iter().position(|source| source.name == bound.source);
            let index = index.ok_or_else(|| gone(&bound.source))?;
            let reader = match self.readers.entry((index as u16, Arc::clone(&bound.partition))) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    entry.insert(open(&sources[index], &bound.partition, *from, &self.journal, &self.archive)?)
                }
            };
            reader.read_up_to(bound, |batch| give(index as u16, batch))?;
        }
        Ok(())
    }
}

/// What to say of a source that ticks are bound to and that is no longer there.
pub(crate) fn gone(source: &str) -> EngineError {
    let what = format!("ticks are bound to the source `{source}`, which the configuration no longer has");
    EngineError::new(ErrorKind::Invalid, what, "put the source back, or start with a new data folder")
}

fn open<R: 'static>(
    spec: &SourceSpec<R>,
    partition: &str,
    from: u64,
    journal: &Journal,
    archive: &Archive,
) -> Result<Rereader<R>, EngineError> {
    let reader: Box<dyn SourceReader<R>> = match (&spec.pull, &spec.push) {
        (_, Some(decoder)) if partition == PUSHED_PARTITION => Box::new(JournalReader {
            source: spec.name.clone(),
            journal: journal.clone(),
            decoder: Arc::clone(decoder),
            next: from,
        }),
        (Some(source), _) => source.open(partition, from, archive)?,
        (None, _) => {
            let what =
                format!("ticks are bound to partition {partition} of `{}`, which has no such partition", spec.name);
            return Err(EngineError::new(
                ErrorKind::Invalid,
                what,
                "give the source back its kind, or use a new data folder",
            ));
        }
    };
    Ok(Rereader { reader, rest: None, position: from })
}

/// Reads a partition again, cut at the bounds of the ticks that took it.
struct Rereader<R> {
    reader: Box<dyn SourceReader<R>>,
    rest: Option<Batch<R>>,
    /// Every offset before this has been read.
    position: u64,
}

impl<R> Rereader<R> {
    fn read_up_to(
        &mut self,
        bound: &Bound,
        mut take: impl FnMut(Batch<R>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        // A batch without records moves nothing, and there may be nothing left to read that would show it.
        while self.position < bound.upper {
            let Some(mut batch) = self.rest.take().map_or_else(|| self.reader.next(), |rest| Ok(Some(rest)))? else {
                let what = format!(
                    "the source `{}` has fewer records in partition {} than were bound to ticks ({})",
                    bound.source, bound.partition, bound.upper
                );
                let help = "the past cannot be reproduced from it: restore its data, or start with a new data folder";
                return Err(EngineError::new(ErrorKind::Damaged, what, help));
            };
            if batch.upper <= bound.upper {
                self.position = batch.upper;
                take(batch)?;
                continue;
            }
            let later_events = batch.events.split_off(batch.events.partition_point(|event| event.offset < bound.upper));
            let later_refusals =
                batch.refusals.split_off(batch.refusals.partition_point(|refusal| refusal.offset < bound.upper));
            let partition = Arc::clone(&batch.partition);
            self.rest = Some(Batch {
                partition,
                upper: batch.upper,
                events: later_events,
                refusals: later_refusals,
                continues: false,
            });
            batch.upper = bound.upper;
            self.position = bound.upper;
            take(batch)?;
        }
        Ok(())
    }
}

/// Reads what was pushed to a source again.
struct JournalReader<R> {
    source: String,
    journal: Journal,
    decoder: Arc<dyn Decoder<R>>,
    next: u64,
}

impl<R: 'static> SourceReader<R> for JournalReader<R> {
    fn next(&mut self) -> Result<Option<Batch<R>>, EngineError> {
        let Some((head, payload)) = self.journal.read(&self.source, self.next)? else { return Ok(None) };
        self.next = head.first_offset + head.records;
        Ok(Some(shifted(self.decoder.decode(&payload)?, head.first_offset)))
    }
}
