//! How what is kept becomes columns, and is read back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, StringBuilder, TimestampMicrosecondArray,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use operators::Tick;
use operators::episodes::Episode;

use crate::episode::{Remembered, texts_of};
use crate::row::{Key, NoTexts, Row, Texts};
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
    let fields =
        vec![Field::new("key", DataType::FixedSizeBinary(16), false), Field::new("first_seen", moment(), false)];
    Arc::new(Schema::new(fields))
}

/// The type of ticks.
fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, String> {
    rows.column_by_name(name).ok_or_else(|| format!("there is no column `{name}`"))
}

/// The keys of all rows.
fn keys_of(rows: &RecordBatch) -> Result<Vec<Key>, String> {
    const NO_KEY: &str = "`key` is not 16 bytes";
    let keys = column(rows, "key")?.as_fixed_size_binary_opt().ok_or(NO_KEY)?;
    let key = |row| <[u8; 16]>::try_from(keys.value(row)).map(Key::from_bytes).map_err(|_| NO_KEY.to_owned());
    (0..rows.num_rows()).map(key).collect()
}

fn ticks_of<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a TimestampMicrosecondArray, String> {
    column(rows, name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| format!("`{name}` is no time"))
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
    let (keys, ticks) = (keys_of(rows)?, ticks_of(rows, "first_seen")?);
    Ok(keys.into_iter().zip(ticks.values().iter().map(|tick| *tick as Tick)).collect())
}

/// The table of episodes.
pub(super) const EPISODES: &str = "episodes";

/// The columns of episodes. The cells of the worst row are JSON: an object by the names of their columns. So are the texts that
/// they name: a list.
fn episodes_schema() -> SchemaRef {
    let fields = vec![
        Field::new("key", DataType::FixedSizeBinary(16), false),
        Field::new("first", moment(), false),
        Field::new("last", moment(), true),
        Field::new("worst", DataType::Utf8, false),
        Field::new("texts", DataType::Utf8, false),
    ];
    Arc::new(Schema::new(fields))
}

pub(super) fn encode_episodes(episodes: &[Remembered], texts: &dyn Texts) -> Result<RecordBatch, ArrowError> {
    let json = |error: serde_json::Error| ArrowError::JsonError(error.to_string());
    let mut keys = FixedSizeBinaryBuilder::with_capacity(episodes.len(), 16);
    let mut first = TimestampMicrosecondBuilder::with_capacity(episodes.len()).with_timezone("UTC");
    let mut last = TimestampMicrosecondBuilder::with_capacity(episodes.len()).with_timezone("UTC");
    let (mut worst, mut named) = (StringBuilder::new(), StringBuilder::new());
    for (key, episode) in episodes {
        keys.append_value(key.bytes())?;
        first.append_value(episode.first as i64);
        last.append_option(episode.last.map(|last| last as i64));
        worst.append_value(serde_json::to_string(&episode.worst).map_err(json)?);
        named.append_value(serde_json::to_string(&texts_of(&episode.worst, texts)).map_err(json)?);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.finish()),
        Arc::new(first.finish()),
        Arc::new(last.finish()),
        Arc::new(worst.finish()),
        Arc::new(named.finish()),
    ];
    RecordBatch::try_new(episodes_schema(), columns)
}

/// The episodes, and the texts that they name.
pub(super) fn decode_episodes(rows: &RecordBatch) -> Result<(Vec<Remembered>, Vec<Arc<str>>), String> {
    let text = |name: &str| column(rows, name)?.as_string_opt::<i32>().ok_or_else(|| format!("`{name}` is no text"));
    let (first, last) = (ticks_of(rows, "first")?, ticks_of(rows, "last")?);
    let (worst, texts) = (text("worst")?, text("texts")?);
    let (mut episodes, mut named) = (Vec::new(), Vec::new());
    for (row, key) in keys_of(rows)?.into_iter().enumerate() {
        let unreadable = |error: serde_json::Error| format!("episode {row}: {error}");
        let own: Vec<Arc<str>> = serde_json::from_str(texts.value(row)).map_err(unreadable)?;
        named.extend(own);
        let episode = Episode {
            first: first.value(row) as Tick,
            last: last.is_valid(row).then(|| last.value(row) as Tick),
            worst: serde_json::from_str(worst.value(row)).map_err(unreadable)?,
        };
        episodes.push((key, episode));
    }
    Ok((episodes, named))
}

/// Rows of one of the engine's own views.
pub(super) fn encode_system(view: SystemView, rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let spec = view.spec();
    let rows: Vec<&Row> = rows.iter().collect();
    let arrays: Vec<ArrayRef> = spec.arrays(&rows, &NoTexts);
    RecordBatch::try_new(spec.schema(), arrays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Cell;

    /// Knows one symbol.
    struct OneText;

    const TEXT: &str = "a text that is longer than a symbol";

    impl Texts for OneText {
        fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
            (symbol == [7; 16]).then(|| Arc::from(TEXT))
        }
    }

    #[test]
    fn episodes_are_read_as_they_were_with_the_texts_that_they_name() {
        let cells = [Cell::Symbol([7; 16]), Cell::Null, Cell::fixed(-5), Cell::Int(3), Cell::text("said \"so\"")];
        let worst = cells.into_iter().enumerate().map(|(number, cell)| (Arc::from(format!("c{number}")), cell));
        let going_on = Episode { first: 10, last: None, worst: worst.collect() };
        let over = Episode { last: Some(20), ..going_on.clone() };
        let episodes = vec![(Key::from_bytes([1; 16]), going_on), (Key::from_bytes([2; 16]), over)];
        let encoded = encode_episodes(&episodes, &OneText).unwrap();
        assert_eq!(decode_episodes(&encoded), Ok((episodes, vec![Arc::from(TEXT), Arc::from(TEXT)])));
    }

    #[test]
    fn a_table_that_holds_no_episodes_is_told_of() {
        let keys = encode_first_seen(&[(Key::from_bytes([1; 16]), 5)]).unwrap();
        assert_eq!(decode_episodes(&keys).unwrap_err(), "there is no column `first`");
    }
}
