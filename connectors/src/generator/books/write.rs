//! Writing books to files: CSV, and JSON lines where there are few records, with a configuration that reads them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use engine::EngineError;
use model::{Dictionary, Record, SourceId, Value};

use super::{Books, BooksSpec};
use crate::generator::Summary;
use crate::generator::write::{AtomicFile, push_csv_texts, push_json_line, value_text};
use crate::layout::{FieldDescription, RecordKind};

/// Writes books to a folder, which is made if it is not there: a file for each kind of record, two for what is told
/// later, and `books.toml`, last. A file has its name only when it is whole. Equal specifications give equal files.
pub fn write_books(spec: &BooksSpec, folder: &Path) -> Result<Summary, EngineError> {
    let dictionary = Dictionary::new();
    let books = Books::new(spec, &dictionary)?;
    fs::create_dir_all(folder).map_err(|error| EngineError::io("make the folder", folder, &error))?;
    let source = SourceId(0);
    let file = |name: &str, kind, records: &mut dyn Iterator<Item = Record>| {
        write(&folder.join(name), kind, records, &dictionary)
    };
    let files = vec![
        file("instruments.jsonl", RecordKind::Instrument, &mut books.instruments(source))?,
        file("portfolios.jsonl", RecordKind::Portfolio, &mut books.portfolios(source))?,
        file("transactions.csv", RecordKind::Transaction, &mut books.transactions(source))?,
        file("transactions_late.csv", RecordKind::Transaction, &mut books.late_transactions(source))?,
        file("prices.csv", RecordKind::MarketPrice, &mut books.prices(source))?,
        file("prices_corrected.csv", RecordKind::MarketPrice, &mut books.price_corrections(source))?,
        file("fx_rates.csv", RecordKind::FxRate, &mut books.fx_rates(source))?,
        file("benchmark_levels.csv", RecordKind::BenchmarkLevel, &mut books.benchmark_levels(source))?,
        file("risk_free_rates.jsonl", RecordKind::RiskFreeRate, &mut books.risk_free_rates(source))?,
        file("sensitivities.jsonl", RecordKind::Sensitivity, &mut books.sensitivities(source))?,
    ];
    let configuration = folder.join("books.toml");
    let mut toml = AtomicFile::create(configuration.clone())?;
    toml.write_all(configured(spec).as_bytes()).map_err(|error| EngineError::io("write", &configuration, &error))?;
    toml.keep()?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| EngineError::io("write", folder, &error))?;
    Ok(Summary { files, outcomes: Default::default(), configuration })
}

/// Which files each source reads. What is told later must be of the same source as what it corrects.
const SOURCES: [(&str, &str, RecordKind); 8] = [
    ("instruments", "instruments.jsonl", RecordKind::Instrument),
    ("portfolios", "portfolios.jsonl", RecordKind::Portfolio),
    ("transactions", "transactions*.csv", RecordKind::Transaction),
    ("prices", "prices*.csv", RecordKind::MarketPrice),
    ("fx_rates", "fx_rates.csv", RecordKind::FxRate),
    ("benchmark_levels", "benchmark_levels.csv", RecordKind::BenchmarkLevel),
    ("risk_free_rates", "risk_free_rates.jsonl", RecordKind::RiskFreeRate),
    ("sensitivities", "sensitivities.jsonl", RecordKind::Sensitivity),
];

fn configured(spec: &BooksSpec) -> String {
    let BooksSpec { seed, days, portfolios } = spec;
    let mut text = format!(
        "# Books: {portfolios} portfolios over {days} business days. Made by\n\
         #\n\
         #   tieout generate --pack books --seed {seed} --days {days} --portfolios {portfolios} --out FOLDER\n\
         #\n\
         # transactions_late.csv holds a purchase that is told long after it was agreed, prices_corrected.csv the price that is\n\
         # ten times too high in prices.csv. A record replaces an earlier one of its source only: so both files are read by the\n\
         # source that reads what they correct, after it, since files are read in the order of their names.\n\
         #\n\
         # Names of firms, people and securities are invented. Columns are named like the fields.\n\
         \n\
         [books]\n\
         stale_after_days = 4    # over a long weekend a price is not stale\n\
         \n\
         [books.stress.storm]    # what if shares fell by a fifth, and volatility rose by ten points\n\
         dimensions = [\"product\", \"counterparty\"]\n\
         volatility = 10\n\
         price = [{{ percent = -20, of = {{ product = [\"EQUITY\", \"FUND\"] }} }}]\n"
    );
    for (name, path, kind) in SOURCES {
        text += &format!("\n[source.{name}]\nkind = \"files\"\npath = \"{path}\"\nrecord = \"{}\"\n", kind.name());
    }
    text
}

/// Writes the records to a file of all fields that any of them has.
fn write(
    path: &Path,
    kind: RecordKind,
    records: &mut dyn Iterator<Item = Record>,
    dictionary: &Dictionary,
) -> Result<(PathBuf, u64), EngineError> {
    let failed = |error: std::io::Error| EngineError::io("write", path, &error);
    let fields = written_fields(kind);
    let is_csv = path.extension().is_some_and(|extension| extension == "csv");
    let mut file = BufWriter::new(AtomicFile::create(path.to_owned())?);
    let mut line = String::new();
    if is_csv {
        push_csv_texts(&mut line, fields.iter().map(|field| field.name));
    }
    let mut rows = 0;
    for record in records {
        let values: Vec<Value> = fields.iter().map(|field| (field.read)(&record, dictionary)).collect();
        if is_csv {
            let texts: Vec<String> = values.iter().map(|value| value_text(value, dictionary)).collect();
            push_csv_texts(&mut line, texts.iter().map(String::as_str));
        } else {
            let cells = fields.iter().map(|field| field.name).zip(&values);
            push_json_line(&mut line, cells, |line, value| line.push_str(&value_text(value, dictionary)));
        }
        file.write_all(line.as_bytes()).map_err(failed)?;
        line.clear();
        rows += 1;
    }
    file.write_all(line.as_bytes()).map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok((file.keep()?, rows))
}

/// The fields of a kind without those that no record of books has.
fn written_fields(kind: RecordKind) -> Vec<FieldDescription> {
    const NEVER: [&str; 2] = ["isin", "fund"];
    kind.fields().into_iter().filter(|field| !NEVER.contains(&field.name)).collect()
}
