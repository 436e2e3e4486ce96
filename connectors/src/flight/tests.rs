//! Pushed batches.

use std::sync::Arc;

use arrow::array::*;
use engine::{Archive, Batch, EngineError, Key, Source, SourceContext, SourceReader};
use model::{Dictionary, Price, Record, SourceId, Symbol};

use super::{FlightConfig, FlightSource, encode};
use crate::layout::Scope;
use crate::suite;

fn source(config: &str) -> FlightSource {
    let config: FlightConfig = toml::from_str(config).unwrap();
    let scope = Scope {
        name: "pushed",
        source: SourceId(1),
        attributes: &[],
        dictionary: &Dictionary::new(),
        folder: std::path::Path::new(""),
    };
    FlightSource::new(&config, &scope).unwrap()
}

fn rows(ids: &[&str], prices: Vec<Option<f64>>) -> RecordBatch {
    let ids: ArrayRef = Arc::new(StringArray::from(ids.to_vec()));
    let prices: ArrayRef = Arc::new(Float64Array::from(prices));
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("price", prices, true)]).unwrap()
}

fn decode(payload: &[u8], first_offset: u64) -> Batch<Record> {
    source("").decode(payload, &Arc::from("journal"), first_offset)
}

#[test]
fn a_pushed_batch_comes_back_as_records_with_offsets_from_the_given_one() {
    let payload = encode(&[rows(&["T1", "T2"], vec![Some(1.5), None]), rows(&["T3"], vec![Some(0.25)])]).unwrap();
    let batch = decode(&payload, 40);
    assert_eq!((batch.upper, batch.refusals.len(), &*batch.partition), (43, 0, "journal"));
    let offsets: Vec<u64> = batch.events.iter().map(|event| event.offset).collect();
    assert_eq!(offsets, [40, 41, 42]);
    let Some(Record::Trade(trade)) = &batch.events[2].record else { panic!("a trade was expected") };
    assert_eq!((trade.id, trade.price), (Symbol::of("T3"), Price::from_scaled(25_000_000)));
    assert_eq!(batch.events[2].key, Key::from_bytes(Symbol::of("T3").bytes()));
}

#[test]
fn pushed_transactions_bring_their_lots_as_text() {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(StringArray::from(vec!["T1", "T2"]))),
        ("quantity", Arc::new(Int64Array::from(vec![5, 6]))),
        ("lots", Arc::new(StringArray::from(vec![Some("L1:2;L2:3"), Some(":1")]))),
    ];
    let payload =
        encode(&[RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()]);
    let batch = source("record = \"transaction\"").decode(&payload.unwrap(), &Arc::from("journal"), 0);
    let Some(Record::Transaction(transaction)) = &batch.events[0].record else { panic!("a transaction was expected") };
    let lots = &transaction.detail.as_ref().unwrap().lots;
    assert_eq!((lots.len(), lots[1].lot, lots[1].quantity.to_string()), (2, Symbol::of("L2"), "3".to_owned()));
    assert_eq!((batch.refusals[0].offset, batch.refusals[0].field.as_deref()), (1, Some("lots")));
}

#[test]
fn a_bad_row_is_refused_and_the_others_are_kept() {
    let payload = encode(&[rows(&["T1", "", "T3"], vec![Some(1.0), Some(1.0), Some(f64::NAN)])]).unwrap();
    let batch = decode(&payload, 7);
    assert_eq!((batch.upper, batch.events.len()), (10, 1));
    let refused: Vec<(u64, Option<&str>)> =
        batch.refusals.iter().map(|refusal| (refusal.offset, refusal.field.as_deref())).collect();
    assert_eq!(refused, [(8, Some("id")), (9, Some("price"))]);
}

#[test]
fn a_payload_that_is_cut_off_gives_the_whole_batches_then_one_refusal() {
    let payload = encode(&[rows(&["T1"], vec![None]), rows(&["T2"], vec![None])]).unwrap();
    for length in 0..payload.len() {
        let batch = decode(&payload[..length], 5);
        assert_eq!(batch.refusals.len(), 1, "cut at {length}");
        assert_eq!(batch.upper, 6 + batch.events.len() as u64);
        assert_eq!(batch.refusals[0].offset, batch.upper - 1);
    }
    let batch = decode(b"nothing like it", 5);
    assert!(batch.refusals[0].what.contains("not a whole Arrow IPC stream"));
}

#[test]
fn a_schema_is_checked_before_its_batches_are_kept() {
    let mapped = source("columns = { id = \"trade\", price = \"price\" }");
    let refusal = mapped.check(&rows(&[], vec![]).schema()).unwrap_err();
    assert!(refusal.what.contains("there is no column `trade`"), "{}", refusal.what);
    source("").check(&rows(&[], vec![]).schema()).unwrap();
}

#[test]
fn batches_of_different_schemas_are_not_encoded_as_one() {
    let other = rows(&["T1"], vec![None]).project(&[0]).unwrap();
    let error = encode(&[rows(&["T1"], vec![None]), other]).unwrap_err();
    assert!(error.what.contains("different schemas"));
    encode(&[]).unwrap_err();
}

#[test]
fn unknown_settings_are_refused() {
    let config: FlightConfig = toml::from_str("colums = { id = \"a\" }").unwrap();
    let dictionary = Dictionary::new();
    let folder = std::path::Path::new("");
    let scope = Scope { name: "pushed", source: SourceId(1), attributes: &[], dictionary: &dictionary, folder };
    let error = FlightSource::new(&config, &scope).unwrap_err();
    assert_eq!(error.key, "source.pushed.colums");
}

/// Payloads in a journal, as the engine keeps them.
struct Journal {
    source: FlightSource,
    payloads: Vec<Vec<u8>>,
}

impl Journal {
    fn batches(&self, from: u64) -> std::vec::IntoIter<Batch<Record>> {
        let partition = Arc::from("journal");
        let mut upper = 0;
        let mut batches = Vec::new();
        for payload in &self.payloads {
            let mut batch = self.source.decode(payload, &partition, upper);
            upper = batch.upper;
            batch.events.retain(|event| event.offset >= from);
            batch.refusals.retain(|refusal| refusal.offset >= from);
            if upper > from {
                batches.push(batch);
            }
        }
        batches.into_iter()
    }
}

struct JournalReader(std::vec::IntoIter<Batch<Record>>);

impl SourceReader<Record> for JournalReader {
    fn next(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        Ok(self.0.next())
    }
}

impl Source<Record> for Journal {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn open(
        &self,
        _partition: &str,
        from: u64,
        _archive: &Archive,
    ) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        Ok(Box::new(JournalReader(self.batches(from))))
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        let from = context.positions.get("journal").copied().unwrap_or(0);
        for batch in self.batches(from) {
            if context.stop.is_stopped() || context.outlet.send(batch).is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[test]
fn journaled_pushes_satisfy_the_specification() {
    let folder = tempfile::TempDir::new().unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let journal = || -> Box<dyn Source<Record>> {
        let payload =
            |row: usize| encode(&[rows(&["T1", "", "T2"], vec![Some(row as f64), None, Some(f64::INFINITY)])]).unwrap();
        let mut payloads: Vec<Vec<u8>> = (0..5).map(payload).collect();
        payloads[2].truncate(20);
        Box::new(Journal { source: source(""), payloads })
    };
    suite::satisfies_the_specification(journal, &archive);
}
