//! An engine for a bench: in a folder of its own, with the views of a configuration.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dataflows::{DataflowsConfig, Graphs};
use engine::{
    Archive, Batch, Cell, Decoder, Engine, EngineConfig, EngineError, Program, Request, Source, SourceContext,
    SourceReader, SourceSpec, Subscription, Texts, Update,
};
use model::{Dictionary, Record, Symbol};

use crate::w1::event;

/// The texts of symbols, for those who look at rows.
pub struct Symbols(pub Dictionary);

impl Texts for Symbols {
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
        let symbol = Symbol::from_bytes(symbol);
        symbol.inline_text().map(Arc::from).or_else(|| self.0.text(symbol))
    }
}

/// The graphs that these rules describe, for sources of these names.
pub fn graphs(rules: &str, sources: &[&str], dictionary: &Dictionary, model: &str) -> Graphs {
    let config: DataflowsConfig = toml::from_str(rules).unwrap();
    let sources: Vec<String> = sources.iter().map(|name| (*name).to_owned()).collect();
    Graphs::new(&config, &sources, dictionary, &|_| Ok(model.to_owned())).unwrap()
}

/// Starts an engine, and waits until it has read all that it reads once.
pub async fn loaded(
    folder: &Path,
    workers: usize,
    graphs: Graphs,
    sources: Vec<SourceSpec<Record>>,
    dictionary: &Dictionary,
) -> Engine {
    let config = EngineConfig { workers, ..EngineConfig::new(folder) };
    let engine = Engine::start(config, Program::new(graphs, sources, Arc::new(Symbols(dictionary.clone())))).unwrap();
    let complete = engine.reader().status().complete().await.unwrap();
    engine.reader().reached(complete).await;
    engine
}

/// How many breaks there are of each type.
pub async fn breaks_by_type(engine: &Engine) -> BTreeMap<String, i64> {
    let spec = engine.reader().view("break_summary").unwrap().clone();
    let [kind, count] = ["type", "breaks"].map(|name| spec.column(name).unwrap());
    let snapshot =
        engine.reader().snapshot(&Request { view: "break_summary".into(), ..Request::default() }).await.unwrap();
    let mut breaks = BTreeMap::new();
    for (row, _) in snapshot.rows {
        if let (Cell::Text(kind), Cell::Int(count)) = (&row.cells()[kind], &row.cells()[count]) {
            *breaks.entry(kind.to_string()).or_default() += count;
        }
    }
    breaks
}

/// Records that are all there from the start, as a source that is read once.
pub struct Fixed {
    /// The name of the source.
    pub name: &'static str,
    /// The records.
    pub records: Vec<Record>,
}

impl Source<Record> for Fixed {
    fn name(&self) -> &str {
        self.name
    }

    fn is_one_shot(&self) -> bool {
        true
    }

    fn open(&self, _: &str, _: u64, _: &Archive) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        Err(EngineError::stopped())
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        context.outlet.send(batch(self.name, std::mem::take(&mut self.records)))
    }
}

/// Makes the records of a pushed batch from the numbers that were pushed.
pub struct Made<F>(pub F);

impl<F: Fn(&[u64]) -> Vec<Record> + Send + Sync + 'static> Decoder<Record> for Made<F> {
    fn decode(&self, payload: &[u8]) -> Result<Batch<Record>, EngineError> {
        let numbers: Vec<u64> =
            payload.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect();
        Ok(batch("pushed", (self.0)(&numbers)))
    }
}

/// Numbers as they are pushed.
pub fn payload(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn batch(partition: &str, records: Vec<Record>) -> Batch<Record> {
    let upper = records.len() as u64;
    let events = (0..).zip(records).map(|(offset, record)| event(record, offset)).collect();
    Batch { partition: Arc::from(partition), upper, events, refusals: Vec::new(), continues: false }
}

/// A follower of a view, which has everything until now.
pub async fn follower(engine: &Engine, view: &str) -> Subscription {
    let mut following = engine.reader().subscribe(&Request { view: view.into(), ..Request::default() }).await.unwrap();
    while !matches!(following.next().await.unwrap(), Some(Update::Progress(_))) {}
    following
}

/// Pushes a batch, and waits until a follower has the changes of its tick in hand; gives how long that took.
pub async fn push_and_see(
    engine: &Engine,
    following: &mut Subscription,
    source: &str,
    id: &str,
    payload: Vec<u8>,
) -> Duration {
    let begun = Instant::now();
    let receipt = engine.ingest().push(source, id, payload).await.unwrap();
    loop {
        match following.next().await.unwrap() {
            Some(Update::Changes(tick, _)) if tick >= receipt.tick => return begun.elapsed(),
            Some(Update::Progress(tick)) if tick > receipt.tick => return begun.elapsed(),
            _ => {}
        }
    }
}
