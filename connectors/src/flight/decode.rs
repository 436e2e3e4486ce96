//! Pushed batches as bytes, and back.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use engine::error::ErrorKind;
use engine::{Batch, EngineError};
use model::Record;

use crate::layout::{Fault, Layout, guarded};

/// What a whole stream ends with. Readers take a stream without it for one that has fewer batches.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// The records of one payload (an Arrow IPC stream), numbered from `first_offset`. Rows that cannot be used become
/// refusals, and so does what cannot be read of the payload.
pub fn decode_payload(payload: &[u8], partition: &Arc<str>, first_offset: u64, layout: &Layout) -> Batch<Record> {
    let (events, refusals) = (Vec::new(), Vec::new());
    let mut batch = Batch { partition: partition.clone(), upper: first_offset, events, refusals, continues: false };
    if let Err(fault) = decode_into(&mut batch, payload, layout) {
        batch.refusals.push(fault.refuse(batch.upper, None, payload));
        batch.upper += 1;
    }
    batch
}

fn decode_into(batch: &mut Batch<Record>, payload: &[u8], layout: &Layout) -> Result<(), Fault> {
    let first = batch.upper;
    let reader = || StreamReader::try_new(Cursor::new(payload), None).map_err(|error| error.to_string());
    let mut reader = guarded(reader).map_err(|reason| unreadable(&reason, 0))?;
    let decoder = layout.columns(&reader.schema())?;
    loop {
        let rows = guarded(|| reader.next().transpose().map_err(|error| error.to_string()));
        match rows.map_err(|reason| unreadable(&reason, batch.upper - first))? {
            Some(rows) => decoder.decode(&rows, batch),
            None if payload.ends_with(&END) => return Ok(()),
            None => return Err(unreadable("its end is missing", batch.upper - first)),
        }
    }
}

#[cold]
fn unreadable(reason: &str, records: u64) -> Fault {
    let what = format!("the payload is not a whole Arrow IPC stream, {records} records could be read: {reason}");
    Fault::new(what, "push the batch again")
}

/// The batches as one payload. They must share a schema.
pub fn encode(batches: &[RecordBatch]) -> Result<Vec<u8>, EngineError> {
    let Some(first) = batches.first() else {
        return Err(EngineError::new(
            ErrorKind::Invalid,
            "there is no batch to keep",
            "push at least one, if only with no rows",
        ));
    };
    let failed = |error: arrow::error::ArrowError| {
        let help = "push batches that all have the schema of the first";
        EngineError::new(ErrorKind::Invalid, format!("the batches cannot be written as Arrow IPC: {error}"), help)
    };
    if let Some(other) = batches.iter().find(|batch| batch.schema() != first.schema()) {
        let what = format!("the batches have different schemas: {} and {}", first.schema(), other.schema());
        return Err(EngineError::new(ErrorKind::Invalid, what, "push them one by one"));
    }
    let mut writer = StreamWriter::try_new(Vec::new(), &first.schema()).map_err(failed)?;
    batches.iter().try_for_each(|batch| writer.write(batch)).map_err(failed)?;
    writer.into_inner().map_err(failed)
}
