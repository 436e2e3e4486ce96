//! How what is kept becomes columns, and is read back.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use operators::Tick;

use crate::row::{Key, NoTexts, Row};
use crate::source::Event;
use crate::system::SystemView;

/// How records become columns, and are read back. What is written by one version must be read by later ones: so columns
/// are found by their names, and a column that is missing means that nothing is known.
pub trait Codec<R>: Send + Sync + 'static {
    /// The columns.
    fn schema(&self) -> SchemaRef;

    /// Records as rows.
    fn encode(&self, records: &[R]) -> Result<RecordBatch, ArrowError>;

    /// Rows as records again, under the keys that they were given by their sources; offsets do not matter. Says what is
    /// wrong with a row that is no record.
    fn decode(&self, rows: &RecordBatch) -> Result<Vec<Event<R>>, String>;
}

/// The columns of keys and when they first appeared.
pub(super) fn first_seen_schema() -> SchemaRef {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = vec![Field::new("key", DataType::FixedSizeBinary(16), false), Field::new("first_seen", moment, false)];
    Arc::new(Schema::new(fields))
}

pub(super) fn encode_first_seen(entries: &[(Key, Tick)]) -> Result<RecordBatch, ArrowError> {
    let mut keys = FixedSizeBinaryBuilder::with_capacity(entries.len(), 16);
    let mut ticks = TimestampMicrosecondBuilder::with_capacity(entries.len()).with_timezone("UTC");
    for (key, tick) in entries {
        keys.append_value(key.bytes())?;
        ticks.append_value(*tick as i64);
    }
    RecordBatch::try_new(first_seen_schema(), vec![Arc::new(keys.finish()), Arc::new(ticks.finish())])
}

pub(super) fn decode_first_seen(rows: &RecordBatch) -> Result<Vec<(Key, Tick)>, String> {
    let column = |name: &str| rows.column_by_name(name).ok_or_else(|| format!("there is no column `{name}`"));
    let keys = column("key")?.as_fixed_size_binary_opt().ok_or("`key` is not 16 bytes")?;
    let ticks =
        column("first_seen")?.as_primitive_opt::<TimestampMicrosecondType>().ok_or("`first_seen` is no time")?;
    let key = |row| <[u8; 16]>::try_from(keys.value(row)).map(Key::from_bytes).map_err(|_| "`key` is not 16 bytes");
    (0..rows.num_rows()).map(|row| Ok((key(row)?, ticks.value(row) as Tick))).collect()
}

/// Rows of one of the engine's own views.
pub(super) fn encode_system(view: SystemView, rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let spec = view.spec();
    let rows: Vec<&Row> = rows.iter().collect();
    let arrays: Vec<ArrayRef> = spec.arrays(&rows, &NoTexts);
    RecordBatch::try_new(spec.schema(), arrays)
}
