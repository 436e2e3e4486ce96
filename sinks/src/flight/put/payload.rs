//! A pushed batch as it is kept: one Arrow IPC stream, whatever messages it came in.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use engine::journal::ENTRY_BYTES_MAX;
use engine::{EngineError, ErrorKind};

/// How large a batch may be: what the journal takes, less room for what it writes beside it.
pub(in crate::flight) const BATCH_BYTES_MAX: usize = ENTRY_BYTES_MAX - 4096;

/// A batch that is being gathered.
pub(super) struct Payload {
    writer: StreamWriter<Vec<u8>>,
    records: u64,
}

impl Payload {
    /// An empty batch.
    pub(super) fn new(schema: &Schema) -> Result<Self, EngineError> {
        Ok(Payload { writer: StreamWriter::try_new(Vec::new(), schema).map_err(unwritable)?, records: 0 })
    }

    /// Adds rows.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.writer.write(batch).map_err(unwritable)?;
        self.records += batch.num_rows() as u64;
        if self.writer.get_ref().len() > BATCH_BYTES_MAX {
            return Err(too_large());
        }
        Ok(())
    }

    /// The bytes, and how many records they hold.
    pub(super) fn finish(self) -> Result<(Vec<u8>, u64), EngineError> {
        let records = self.records;
        self.writer.into_inner().map(|bytes| (bytes, records)).map_err(unwritable)
    }
}

/// A batch that the journal would not take.
pub(super) fn too_large() -> EngineError {
    let what = format!("the batch is larger than {} MiB", ENTRY_BYTES_MAX >> 20);
    EngineError::new(ErrorKind::Invalid, what, "split it into smaller batches, each pushed under an id of its own")
}

fn unwritable(error: ArrowError) -> EngineError {
    EngineError::new(
        ErrorKind::Invalid,
        format!("the batch cannot be kept: {error}"),
        "send plain Arrow record batches of one schema",
    )
}
