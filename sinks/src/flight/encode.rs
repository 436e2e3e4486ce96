//! Rows of a view as Flight messages.
//!
//! Beside the view's own columns each row has `_tick` (of the snapshot or the change), `_diff` (how many times it is
//! there, is added or, below zero, taken away) and `_key` (the row's key as one text). Messages without rows are record
//! batches too: some clients break at a message that has only metadata.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::{FlightData, SchemaAsIpc};
use engine::view::Rows;
use engine::{Row, Texts, Tick, ViewSpec};

use super::metadata::{Kind, Metadata};

/// How many rows one message may have.
pub(super) const MESSAGE_ROWS_MAX: usize = 8192;

/// How large a message should be: clients refuse large ones (gRPC's own limit is 4 MiB). A single row may be larger.
pub(super) const MESSAGE_BYTES_MAX: usize = 2 << 20;

/// The schema of what is sent of a view.
pub(super) fn wire_schema(spec: &ViewSpec) -> SchemaRef {
    let tick = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let own = spec.schema();
    let mut fields: Vec<FieldRef> = vec![
        Arc::new(Field::new("_tick", tick, false)),
        Arc::new(Field::new("_diff", DataType::Int64, false)),
        Arc::new(Field::new("_key", DataType::Utf8, false)),
    ];
    fields.extend(own.fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

/// The first message of a stream.
pub(super) fn schema_message(schema: &Schema) -> FlightData {
    SchemaAsIpc::new(schema, &IpcWriteOptions::default()).into()
}

/// A record batch as a message.
pub(super) fn message(batch: &RecordBatch, app_metadata: Vec<u8>) -> Result<FlightData, ArrowError> {
    // No column is a dictionary, so the tracker has nothing to track from one message to the next.
    let (_, encoded) = IpcDataGenerator::default().encode(
        batch,
        &mut DictionaryTracker::new(false),
        &IpcWriteOptions::default(),
        &mut IpcWriteContext::default(),
    )?;
    Ok(FlightData::from(encoded).with_app_metadata(app_metadata))
}

/// How a view's rows are written.
pub(super) struct Layout {
    spec: ViewSpec,
    schema: SchemaRef,
    texts: Arc<dyn Texts>,
}

impl Layout {
    /// The layout of a view.
    pub(super) fn new(spec: &ViewSpec, texts: &Arc<dyn Texts>) -> Self {
        Layout { schema: wire_schema(spec), spec: spec.clone(), texts: Arc::clone(texts) }
    }

    /// What is sent.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The view's name.
    pub(super) fn view(&self) -> &str {
        &self.spec.name
    }

    fn batch(&self, tick: Tick, rows: &[(Row, isize)]) -> Result<RecordBatch, ArrowError> {
        let own: Vec<&Row> = rows.iter().map(|(row, _)| row).collect();
        let keys = own.iter().map(|row| self.spec.key_text(row, self.texts.as_ref()));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from_value(tick as i64, rows.len()).with_timezone("UTC")),
            Arc::new(rows.iter().map(|(_, diff)| *diff as i64).collect::<Int64Array>()),
            Arc::new(StringArray::from_iter_values(keys)),
        ];
        columns.extend(self.spec.arrays(&own, self.texts.as_ref()));
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// The messages of one update, made one at a time as they are sent.
pub(super) struct Messages {
    kind: Kind,
    tick: Tick,
    rows: Rows,
    sent: usize,
    rows_max: usize,
    is_done: bool,
}

impl Messages {
    /// The messages of an update of this kind at this tick.
    pub(super) fn new(kind: Kind, tick: Tick, rows: Rows) -> Self {
        Messages { kind, tick, rows, sent: 0, rows_max: MESSAGE_ROWS_MAX, is_done: false }
    }

    /// The next message, and how many rows it has.
    pub(super) fn next(&mut self, layout: &Layout) -> Result<Option<(FlightData, usize)>, ArrowError> {
        if self.is_done {
            return Ok(None);
        }
        loop {
            let count = self.rows_max.min(self.rows.len() - self.sent);
            let metadata = self.metadata(count);
            let batch = layout.batch(self.tick, &self.rows[self.sent..self.sent + count])?;
            let message = message(&batch, metadata.to_json())?;
            if message.data_body.len() > MESSAGE_BYTES_MAX && count > 1 {
                self.rows_max = count / 2;
                continue;
            }
            self.sent += count;
            self.is_done = metadata.last;
            return Ok(Some((message, count)));
        }
    }

    /// A snapshot ends with a message of its own; anything else with its last rows.
    fn metadata(&self, count: usize) -> Metadata {
        let is_last = self.sent + count == self.rows.len();
        match self.kind {
            Kind::Snapshot if count == 0 => Metadata::whole(Kind::SnapshotEnd, self.tick),
            Kind::Snapshot => Metadata::open(Kind::Snapshot, self.tick),
            kind if is_last => Metadata::whole(kind, self.tick),
            kind => Metadata::open(kind, self.tick),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Cell, Column, ColumnKind, NoTexts};

    fn layout() -> Layout {
        let spec = ViewSpec {
            name: "notes".into(),
            about: String::new(),
            columns: vec![Column::new("note", ColumnKind::Text)],
            key: vec![],
        };
        let texts: Arc<dyn Texts> = Arc::new(NoTexts);
        Layout::new(&spec, &texts)
    }

    fn notes(sizes: impl IntoIterator<Item = usize>) -> Rows {
        sizes.into_iter().map(|size| (Row::new([Cell::text("x".repeat(size))]), 1)).collect()
    }

    fn all(mut messages: Messages) -> Vec<(usize, usize, Metadata)> {
        let layout = layout();
        let next = || messages.next(&layout).unwrap();
        let read = |message: &FlightData| serde_json::from_slice(&message.app_metadata).unwrap();
        std::iter::from_fn(next).map(|(message, rows)| (rows, message.data_body.len(), read(&message))).collect()
    }

    #[test]
    fn wide_rows_are_sent_in_messages_of_bounded_size() {
        let messages = all(Messages::new(Kind::Changes, 5, notes(vec![10_000; 1000])));
        assert_eq!(messages.iter().map(|(rows, ..)| rows).sum::<usize>(), 1000);
        assert!(messages.len() >= 5 && messages.iter().all(|(_, bytes, _)| *bytes <= MESSAGE_BYTES_MAX));
        let (last, before) = messages.split_last().unwrap();
        assert_eq!(last.2, Metadata::whole(Kind::Changes, 5));
        assert!(before.iter().all(|(.., metadata)| *metadata == Metadata::open(Kind::Changes, 5)));
    }

    #[test]
    fn a_row_that_is_larger_than_a_message_is_sent_by_itself() {
        let messages = all(Messages::new(Kind::Snapshot, 5, notes([1, MESSAGE_BYTES_MAX + 1, 1])));
        assert_eq!(messages.iter().map(|(rows, ..)| *rows).collect::<Vec<_>>(), [1, 1, 1, 0]);
        assert_eq!(messages[3].2, Metadata::whole(Kind::SnapshotEnd, 5));
    }

    #[test]
    fn changes_that_cancelled_out_still_end_their_tick() {
        let messages = all(Messages::new(Kind::Changes, 5, Rows::new()));
        assert_eq!(
            messages.iter().map(|(rows, _, metadata)| (*rows, *metadata)).collect::<Vec<_>>(),
            [(0, Metadata::whole(Kind::Changes, 5))]
        );
    }
}
