//! Files as people send them: in order, in every shape, and broken in every way we know.

mod bad;
mod folder;
mod json;
mod kinds;
mod parquet;
mod real;
mod separated;

use std::fs;
use std::io::Write;
use std::sync::Arc;

use engine::{Archive, Batch, Positions, Refusal, Source};
use model::{Dictionary, Record, SourceId, Trade};
use tempfile::TempDir;

use super::{FilesConfig, FilesSource};
use crate::layout::Scope;
use crate::{ConfigError, suite};

const SOURCE: SourceId = SourceId(3);

/// The columns of most tests.
const COLUMNS: &str = r#"
    [columns]
    id = "id"
    instrument = "symbol"
    side = "side"
    quantity = "qty"
    price = "px"
    currency = "ccy"
    trade_date = "date"
"#;
const HEADER: &str = "id,symbol,side,qty,px,ccy,date";

/// A folder with files, and what is needed to read them.
struct Desk {
    folder: TempDir,
    archive: Archive,
    dictionary: Dictionary,
}

impl Desk {
    fn new() -> Desk {
        let folder = TempDir::new().unwrap();
        let archive = Archive::open(folder.path().join("archive")).unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        Desk { folder, archive, dictionary: Dictionary::new() }
    }

    fn inbox(&self) -> std::path::PathBuf {
        self.folder.path().join("in")
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.inbox().join(name), content).unwrap();
    }

    fn try_source(&self, config: &str) -> Result<FilesSource, ConfigError> {
        let config: FilesConfig = toml::from_str(config).unwrap();
        let attributes = ["given_name".to_owned(), "desk_note".to_owned()];
        let scope = Scope {
            name: "internal",
            source: SOURCE,
            attributes: &attributes,
            dictionary: &self.dictionary,
            folder: self.folder.path(),
        };
        FilesSource::new(&config, &scope)
    }

    fn source(&self, config: &str) -> Box<dyn Source<Record>> {
        Box::new(self.try_source(config).unwrap())
    }

    fn read(&self, config: &str) -> Read {
        Read::new(suite::run(self.source(config), Positions::new(), &self.archive))
    }
}

/// What was read from the files of one test.
struct Read {
    batches: Vec<Batch<Record>>,
}

impl Read {
    fn new(batches: Vec<Batch<Record>>) -> Read {
        suite::outcomes(&batches, &Positions::new());
        Read { batches }
    }

    fn records(&self) -> Vec<&Record> {
        self.batches.iter().flat_map(|batch| &batch.events).filter_map(|event| event.record.as_ref()).collect()
    }

    fn trades(&self) -> Vec<&Trade> {
        self.records().into_iter().map(as_trade).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.records().iter().map(|record| record.key().to_string()).collect()
    }

    fn refusals(&self) -> Vec<&Refusal> {
        self.batches.iter().flat_map(|batch| &batch.refusals).collect()
    }

    fn only_refusal(&self) -> &Refusal {
        match &self.refusals()[..] {
            [only] => only,
            refusals => panic!("one refusal was expected: {refusals:#?}"),
        }
    }
}

fn as_trade(record: &Record) -> &Trade {
    match record {
        Record::Trade(trade) => trade,
        record => panic!("{record:?} is not a trade"),
    }
}

/// Reads one file.
fn read(name: &str, content: impl AsRef<[u8]>, settings: &str) -> Read {
    let desk = Desk::new();
    desk.write(name, content);
    desk.read(&config(name, settings))
}

fn config(name: &str, settings: &str) -> String {
    format!("path = \"in/{name}\"\n{settings}")
}

/// Reads lines of CSV with the usual columns; `settings` come before them.
fn read_rows(rows: &[&str], settings: &str) -> Read {
    let content = format!("{HEADER}\n{}\n", rows.join("\n"));
    read("trades.csv", content, &format!("{settings}\n{COLUMNS}"))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn many_rows(count: usize) -> String {
    let row = |row| format!("T{row:06},ABC{},BUY,{},1{}.25,USD,2026-06-12\n", row % 7, row + 1, row % 10);
    let rows: String = (0..count).map(row).collect();
    format!("{HEADER}\n{rows}")
}

fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` was expected in: {text}");
}

fn partitions(batches: &[Batch<Record>]) -> Vec<Arc<str>> {
    let mut partitions: Vec<Arc<str>> = batches.iter().map(|batch| batch.partition.clone()).collect();
    partitions.dedup();
    partitions
}
