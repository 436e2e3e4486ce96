//! Rows of views: their cells, their columns, and how they become Arrow.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

/// 16 bytes by which records are spread and indexed. Compared as two integers: records are sorted by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(u64, u64);

impl Key {
    /// The key with these bytes; the order of keys is the order of their bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Key((number >> 64) as u64, number as u64)
    }

    /// The key's bytes.
    pub fn bytes(self) -> [u8; 16] {
        (u128::from(self.0) << 64 | u128::from(self.1)).to_be_bytes()
    }

    /// A key for anything that hashes. Not secret and not persistent: rows that share a key by chance stay apart,
    /// because their values differ.
    pub fn of(value: &impl Hash) -> Self {
        let half = |seed: u64| {
            // SipHash with fixed keys: the same in every process of one version.
            let mut hasher = std::collections::hash_map::DefaultHasher::new();
            seed.hash(&mut hasher);
            value.hash(&mut hasher);
            hasher.finish()
        };
        Key(half(1), half(2))
    }
}

// One multiplication for the exchange between workers instead of sixteen.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0 ^ self.1.rotate_left(32));
    }
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A count or a number without decimals.
    Int(i64),
    /// A fixed-point number with the scale of its column.
    Fixed(Wide),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01, UTC: also how ticks are shown.
    Time(i64),
    /// A text by its symbol; it is looked up where people look.
    Symbol([u8; 16]),
    /// An identity of 16 bytes, shown as 32 hexadecimal digits.
    Hash([u8; 16]),
    /// A text.
    Text(Arc<str>),
}

/// A 128-bit integer that is aligned like a 64-bit one: cells are many, and an `i128` would make each a third larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wide(i64, u64);

impl From<i128> for Wide {
    fn from(value: i128) -> Self {
        Wide((value >> 64) as i64, value as u64)
    }
}

impl From<Wide> for i128 {
    fn from(Wide(high, low): Wide) -> i128 {
        i128::from(high) << 64 | i128::from(low)
    }
}

impl Cell {
    /// A fixed-point cell, scaled as its column says.
    pub fn fixed(scaled: i128) -> Self {
        Cell::Fixed(scaled.into())
    }

    /// A text cell.
    pub fn text(text: impl AsRef<str>) -> Self {
        Cell::Text(Arc::from(text.as_ref()))
    }

    /// A tick, shown as a time.
    pub fn tick(tick: operators::Tick) -> Self {
        Cell::Time(tick as i64)
    }
}

/// A row of a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row(Arc<[Cell]>);

impl Row {
    /// A row of these cells.
    pub fn new(cells: impl Into<Arc<[Cell]>>) -> Self {
        Row(cells.into())
    }

    /// The cells, in the order of the view's columns.
    pub fn cells(&self) -> &[Cell] {
        &self.0
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A fixed-point number with this many decimals.
    Fixed(u8),
    /// A date.
    Date,
    /// A moment, UTC.
    Time,
    /// A text, given as one or by its symbol.
    Text,
}

impl ColumnKind {
    /// The Arrow type of the column.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnKind::Bool => DataType::Boolean,
            ColumnKind::Int => DataType::Int64,
            ColumnKind::Fixed(scale) => DataType::Decimal128(38, scale as i8),
            ColumnKind::Date => DataType::Date32,
            ColumnKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnKind::Text => DataType::Utf8,
        }
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnKind::Bool => f.write_str("true or false"),
            ColumnKind::Int => f.write_str("whole numbers"),
            ColumnKind::Fixed(scale) => write!(f, "numbers with at most {scale} decimals"),
            ColumnKind::Date => f.write_str("dates, such as \"2026-03-16\""),
            ColumnKind::Time => f.write_str("times, such as \"2026-03-16T09:31:00Z\""),
            ColumnKind::Text => f.write_str("texts"),
        }
    }
}

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: the same in configuration, column, type and metric.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Column { name: name.into(), kind }
    }
}

/// What a view is called, what its columns are, and which of them tell its rows apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewSpec {
    /// Its name.
    pub name: String,
    /// One sentence for the catalogue.
    pub about: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns, by index, that make its key.
    pub key: Vec<usize>,
}

impl ViewSpec {
    /// The view's Arrow schema, without `_tick`, `_diff` and `_key`.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| Field::new(&column.name, column.kind.data_type(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The key under which a row is kept: a hash of its key columns.
    pub fn key_of(&self, row: &Row) -> Key {
        let key: Vec<_> = self.key.iter().map(|column| &row.cells()[*column]).collect();
        Key::of(&key)
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The row's key as one text: the key columns joined by `|`, with `\` before a `|` or `\` of their own.
    pub fn key_text(&self, row: &Row, texts: &dyn Texts) -> String {
        let mut key = String::new();
        for (place, column) in self.key.iter().enumerate() {
            if place > 0 {
                key.push('|');
            }
            let start = key.len();
            let shown = Shown { cell: &row.cells()[*column], kind: self.columns[*column].kind, texts };
            // Writing into a text does not fail.
            let _ = fmt::Write::write_fmt(&mut key, format_args!("{shown}"));
            if key[start..].contains(['|', '\\']) {
                let escaped = key[start..].replace('\\', "\\\\").replace('|', "\\|");
                key.replace_range(start.., &escaped);
            }
        }
        key
    }

    /// The rows' columns as Arrow arrays.
    pub fn arrays(&self, rows: &[&Row], texts: &dyn Texts) -> Vec<ArrayRef> {
        let column =
            |index: usize| array(self.columns[index].kind, rows.iter().map(move |row| &row.cells()[index]), texts);
        (0..self.columns.len()).map(column).collect()
    }
}

/// Where the texts of symbols are found.
pub trait Texts: Send + Sync {
    /// The text of a symbol; `None` if it was never seen.
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>>;

    /// Every text that is kept, and then each new one: what the other processes of a cluster are told. A text is among them
    /// before a record that names it is given to the engine.
    fn follow(&self) -> Receiver<Arc<str>> {
        channel().1
    }

    /// Keeps a text that another process has told.
    fn keep(&self, _text: &str) {}
}

/// For rows that hold texts and no symbols.
pub struct NoTexts;

impl Texts for NoTexts {
    fn text(&self, _symbol: [u8; 16]) -> Option<Arc<str>> {
        None
    }
}

/// A cell as people read it: the same in keys, CSV and terminals.
pub struct Shown<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// What its column holds.
    pub kind: ColumnKind,
    /// Where symbols are looked up.
    pub texts: &'a dyn Texts,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cell, self.kind) {
            (Cell::Null, _) => Ok(()),
            (Cell::Bool(value), _) => write!(f, "{value}"),
            (Cell::Int(value), _) => write!(f, "{value}"),
            (Cell::Fixed(value), ColumnKind::Fixed(scale)) => write_fixed(f, (*value).into(), scale),
            (Cell::Fixed(value), _) => write!(f, "{}", i128::from(*value)),
            (Cell::Hash(hash), _) => write_hexadecimal(f, hash),
            (Cell::Date(days), _) => write!(
                f,
                "{}",
                arrow::temporal_conversions::date32_to_datetime(*days)
                    .map(|d| d.date().to_string())
                    .unwrap_or_default()
            ),
            (Cell::Time(micros), _) => {
                let moment = arrow::temporal_conversions::timestamp_us_to_datetime(*micros);
                write!(f, "{}", moment.map(|m| m.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()).unwrap_or_default())
            }
            (Cell::Symbol(symbol), _) => match self.texts.text(*symbol) {
                Some(text) => f.write_str(&text),
                None => write_unknown(f, symbol),
            },
            (Cell::Text(text), _) => f.write_str(text),
        }
    }
}

fn write_fixed(f: &mut impl fmt::Write, value: i128, scale: u8) -> fmt::Result {
    let unit = 10u128.pow(u32::from(scale));
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    if part == 0 {
        return write!(f, "{sign}{whole}");
    }
    let decimals = format!("{part:0width$}", width = usize::from(scale));
    write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
}

/// Keys of breaks are written like this, a thousand at a time: so without the detours of formatting.
fn write_hexadecimal(f: &mut impl fmt::Write, bytes: &[u8; 16]) -> fmt::Result {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    let mut digits = [0; 32];
    for (place, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        place.copy_from_slice(&[digit(byte >> 4), digit(*byte)]);
    }
    f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
}

// A symbol whose text was never seen is shown by its bytes, never as nothing: two of them must not look the same.
fn write_unknown(f: &mut impl fmt::Write, symbol: &[u8; 16]) -> fmt::Result {
    f.write_char('#')?;
    symbol.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn array<'a>(kind: ColumnKind, cells: impl ExactSizeIterator<Item = &'a Cell>, texts: &dyn Texts) -> ArrayRef {
    let count = cells.len();
    match kind {
        ColumnKind::Bool => {
            let mut builder = BooleanBuilder::with_capacity(count);
            cells
                .for_each(|cell| builder.append_option(if let Cell::Bool(value) = cell { Some(*value) } else { None }));
            Arc::new(builder.finish())
        }
        ColumnKind::Int => {
            let mut builder = Int64Builder::with_capacity(count);
            cells.for_each(|cell| builder.append_option(if let Cell::Int(value) = cell { Some(*value) } else { None }));
            Arc::new(builder.finish())
        }
        ColumnKind::Fixed(_) => {
            let mut builder = Decimal128Builder::with_capacity(count).with_data_type(kind.data_type());
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Fixed(value) = cell { Some((*value).into()) } else { None })
            });
            Arc::new(builder.finish())
        }
        ColumnKind::Date => {
            let mut builder = Date32Builder::with_capacity(count);
            cells
                .for_each(|cell| builder.append_option(if let Cell::Date(value) = cell { Some(*value) } else { None }));
            Arc::new(builder.finish())
        }
        ColumnKind::Time => {
            let mut builder = TimestampMicrosecondBuilder::with_capacity(count).with_timezone("UTC");
            cells
                .for_each(|cell| builder.append_option(if let Cell::Time(value) = cell { Some(*value) } else { None }));
            Arc::new(builder.finish())
        }
        ColumnKind::Text => {
            let mut builder = StringBuilder::with_capacity(count, count * 12);
            cells.for_each(|cell| match cell {
                Cell::Null => builder.append_null(),
                Cell::Text(text) => builder.append_value(text),
                cell => builder.append_value(Shown { cell, kind, texts }.to_string()),
            });
            Arc::new(builder.finish())
        }
    }
}
