//! Writing a day to files: what each side told, the truth, and a configuration that reads them.

mod atomic_file;
mod columns;
mod configuration;
mod parquet_table;
mod table;
mod text;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use engine::EngineError;
use model::{Allocation, Dictionary, Record, Symbol, Value};

use super::day::{Day, Message};
use super::spec::{DaySpec, SIDE_NAMES};
use super::truth::{Truth, truth};
use crate::files::Format;
use columns::{AllocationField, ColumnSource, Dialect};
use table::TableFile;
use text::push_value;

pub(super) use atomic_file::AtomicFile;
pub(super) use table::push_json_line;
pub(crate) use text::push_csv_texts;

/// How many messages are written before the long texts of their records are forgotten.
const MESSAGES_A_DICTIONARY: u64 = 65_536;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Each file and how many rows it has.
    pub files: Vec<(PathBuf, u64)>,
    /// How many rows of the truth have each outcome or, where something is wrong, each break type.
    pub outcomes: BTreeMap<String, u64>,
    /// The configuration that reads the files.
    pub configuration: PathBuf,
}

/// Writes a day to a folder, which is made if it is not there: for each side its trades and its allocations, in the
/// order in which they arrive; `truth.csv`; and `tieout.toml`, last. A file has its name only when it is whole.
pub fn write_files(spec: &DaySpec, folder: &Path, format: Format) -> Result<Summary, EngineError> {
    spec.check()?;
    fs::create_dir_all(folder).map_err(|error| EngineError::io("make the folder", folder, &error))?;
    let mut files = write_sides(spec, folder, format)?;
    let (truth, outcomes) = write_truth(spec, folder)?;
    files.push(truth);
    let configuration = write_text(&folder.join("tieout.toml"), &configuration::text(spec, format))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| EngineError::io("write", folder, &error))?;
    Ok(Summary { files, outcomes, configuration })
}

/// The files of one side.
struct SideFiles {
    trades: TableFile,
    allocations: TableFile,
}

impl SideFiles {
    fn create(folder: &Path, side: u8, format: Format) -> Result<SideFiles, EngineError> {
        let (name, dialect) = (SIDE_NAMES[usize::from(side)], Dialect::of_side(side));
        let create =
            |kind: &str, columns| TableFile::create(folder, &format!("{name}_{kind}"), columns, dialect, format);
        Ok(SideFiles {
            trades: create("trades", columns::of_trades(dialect))?,
            allocations: create("allocations", columns::of_allocations(dialect))?,
        })
    }
}

fn write_sides(spec: &DaySpec, folder: &Path, format: Format) -> Result<Vec<(PathBuf, u64)>, EngineError> {
    let mut sides =
        (0..spec.sides).map(|side| SideFiles::create(folder, side, format)).collect::<Result<Vec<_>, _>>()?;
    let mut dictionary = Dictionary::new();
    let mut day = Day::new(spec, &dictionary)?;
    let mut written = 0;
    let mut row = Vec::new();
    while let Some(message) = day.next() {
        let side = &mut sides[usize::from(message.side)];
        let file = match &message.record {
            Record::Allocation(_) => &mut side.allocations,
            _ => &mut side.trades,
        };
        row.clear();
        row.extend(file.columns().iter().map(|column| value_of(column.source, &message, spec)));
        file.write(&row, &dictionary)?;
        written += 1;
        if written % MESSAGES_A_DICTIONARY == 0 {
            dictionary = Dictionary::new();
            day.set_dictionary(&dictionary);
        }
    }
    let files = sides.into_iter().flat_map(|side| [side.trades, side.allocations]);
    files.map(TableFile::finish).collect()
}

fn value_of(source: ColumnSource, message: &Message, spec: &DaySpec) -> Value {
    match (source, &message.record) {
        (ColumnSource::Action, _) => Value::code(message.kind.code()),
        (ColumnSource::ReceivedAt, _) => Value::Time(spec.moment(message.at_micros_of_day)),
        (ColumnSource::Trade(field), Record::Trade(trade)) => trade.value(field),
        (ColumnSource::Allocation(field), Record::Allocation(allocation)) => allocation_value(allocation, field),
        _ => Value::None,
    }
}

fn allocation_value(allocation: &Allocation, field: AllocationField) -> Value {
    match field {
        AllocationField::Id => Value::Symbol(allocation.id),
        AllocationField::Trade => Value::Symbol(allocation.trade),
        AllocationField::Account => Value::Symbol(allocation.account),
        AllocationField::Quantity => {
            let scale = model::Quantity::SCALE;
            allocation.quantity.scaled().map_or(Value::None, |scaled| Value::Number { scaled, scale })
        }
    }
}

type Written = (PathBuf, u64);

/// Always CSV: it is for people and scripts that grade a reconciliation.
fn write_truth(spec: &DaySpec, folder: &Path) -> Result<(Written, BTreeMap<String, u64>), EngineError> {
    let path = folder.join("truth.csv");
    let mut writer = BufWriter::new(AtomicFile::create(path.clone())?);
    let (mut rows, mut outcomes) = (0, BTreeMap::new());
    let mut line = String::new();
    push_csv_texts(
        &mut line,
        ["internal_trade_id", "other_side", "other_trade_id", "outcome", "break_type", "field", "planted"],
    );
    for truth in truth(spec)? {
        push_truth(&mut line, &truth);
        writer.write_all(line.as_bytes()).map_err(|error| EngineError::io("write", &path, &error))?;
        line.clear();
        rows += 1;
        let counted = if truth.break_type.is_empty() { truth.outcome.name() } else { &truth.break_type };
        match outcomes.get_mut(counted) {
            Some(count) => *count += 1,
            None => drop(outcomes.insert(counted.to_owned(), 1)),
        }
    }
    let file = writer.into_inner().map_err(|error| EngineError::io("write", &path, error.error()))?;
    Ok(((file.keep()?, rows), outcomes))
}

fn push_truth(line: &mut String, truth: &Truth) {
    let other_side = SIDE_NAMES[usize::from(truth.other_side)];
    let (ours, theirs) = (id_text(&truth.internal_trade_id), id_text(&truth.other_trade_id));
    push_csv_texts(
        line,
        [ours, other_side, theirs, truth.outcome.name(), &truth.break_type, truth.field, truth.planted],
    );
}

fn id_text(id: &Symbol) -> &str {
    id.inline_text().unwrap_or_default()
}

fn write_text(path: &Path, text: &str) -> Result<PathBuf, EngineError> {
    let mut file = AtomicFile::create(path.to_owned())?;
    file.write_all(text.as_bytes()).map_err(|error| EngineError::io("write", path, &error))?;
    file.keep()
}

/// The text of a value, as we write it.
pub(super) fn value_text(value: &Value, dictionary: &Dictionary) -> String {
    let mut text = String::new();
    push_value(&mut text, value, Dialect::Ours, dictionary);
    text
}
