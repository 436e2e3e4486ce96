//! The trades of sources, read once and outside an engine.

use std::collections::BTreeMap;
use std::thread;

use crossbeam_channel::bounded;
use engine::source::Arrival;
use engine::{Archive, EngineError, ErrorKind, Outlet, Positions, Source, SourceContext, Stop};
use model::{Record, Trade};

use crate::config::Config;
use crate::process::Failure;

/// How many batches wait to be taken.
const BATCHES_WAITING_MAX: usize = 4;

/// All trades of some sources, as they are told last.
pub(super) fn of_sources(config: &mut Config, names: &[String]) -> Result<Vec<Trade>, Failure> {
    let mut trades = Vec::new();
    for name in names {
        let pull = config.sources.iter_mut().find(|source| source.name == *name).and_then(|source| source.pull.take());
        let source = pull.filter(|_| !config.endless.contains(name)).ok_or_else(|| {
            let help =
                "only sources that end can be learned from: write its trades to a file, and configure that as a source";
            Failure::Usage(EngineError::new(
                ErrorKind::Invalid,
                format!("source `{name}` cannot be read to its end"),
                help,
            ))
        })?;
        trades.extend(read(source)?);
    }
    Ok(trades)
}

fn read(mut source: Box<dyn Source<Record>>) -> Result<impl Iterator<Item = Trade>, EngineError> {
    let folder =
        tempfile::tempdir().map_err(|error| EngineError::io("make a folder in", &std::env::temp_dir(), &error))?;
    let (sender, arrivals) = bounded(BATCHES_WAITING_MAX);
    let archive = Archive::open(folder.path())?;
    let context = SourceContext::new(Positions::new(), Outlet::new(0, sender), archive, Stop::default());
    let mut trades = BTreeMap::new();
    let running = thread::spawn(move || source.run(context));
    for arrival in arrivals {
        let Arrival::Batch(_, batch) = arrival else { continue };
        for event in batch.events {
            match event.record {
                Some(Record::Trade(trade)) => drop(trades.insert((event.key, event.member), trade)),
                Some(_) => {}
                None => drop(trades.remove(&(event.key, event.member))),
            }
        }
    }
    running.join().map_err(|_| EngineError::stopped())??;
    Ok(trades.into_values())
}
