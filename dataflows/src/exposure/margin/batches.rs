//! The latest batch of each source: what was loaded together, and last.
//!
//! Assets under management, exposures, submissions and validations come in batches, each whole. The latest is the one
//! with the greatest `loaded_at`. If all of its rows go, the one before it is the latest again.

use std::sync::Arc;

use engine::{Cell, ColumnKind, Key, Row, ViewSpec, Views};
use model::{FundAum, FundExposure, MarginSubmission, MarginValidation, Record, SourceId, Timestamp};
use operators::derive::derive_rows;
use operators::lookup::lookup;
use operators::sum_by::{arrange_sums, tally};
use operators::top_n::top_n;
use operators::{Arranged, Collection, Sums, arrange};

use crate::table::{self, Sources, time_cell};

/// A batch: the kind of its records and their source as one number, and when it was loaded.
type Batch = (u16, Timestamp);

/// When a record was loaded, if it comes in batches.
pub fn loaded_at(record: &Record) -> Option<Timestamp> {
    match record {
        Record::FundAum(aum) => Some(aum.loaded_at),
        Record::MarginSubmission(submission) => Some(submission.loaded_at),
        Record::FundExposure(exposure) => Some(exposure.loaded_at),
        Record::MarginValidation(validation) => Some(validation.loaded_at),
        _ => None,
    }
}

/// What a record says, whenever it was loaded: a batch that says the same as the one before changes nothing.
pub fn content(record: &Record) -> Record {
    let loaded_at = Timestamp::NONE;
    match record {
        Record::FundAum(aum) => Arc::new(FundAum { loaded_at, ..FundAum::clone(aum) }).into(),
        Record::MarginSubmission(submission) => {
            Arc::new(MarginSubmission { loaded_at, ..MarginSubmission::clone(submission) }).into()
        }
        Record::FundExposure(exposure) => Arc::new(FundExposure { loaded_at, ..FundExposure::clone(exposure) }).into(),
        Record::MarginValidation(validation) => {
            Arc::new(MarginValidation { loaded_at, ..MarginValidation::clone(validation) }).into()
        }
        other => other.clone(),
    }
}

fn batch_of(record: &Record) -> Option<Batch> {
    Some((record.member(), loaded_at(record)?))
}

/// What the latest batches say; registers `margin_batches`.
pub fn latest<'scope>(
    records: &Arranged<'scope, Key, Record>,
    sources: &Sources,
    views: &mut Views,
) -> Collection<'scope, Record> {
    let counted = tally(records, "batches counted", |record| Some((batch_of(record)?, 0)));
    let counts = arrange_sums(counted, "batches", |batch: &Batch| *batch);
    let batches = derive_rows(&counts, "batches there", |batch, _rows, out| out.row(*batch));
    let latest = top_n(
        &arrange(batches, "batches by source"),
        1,
        "latest batches",
        |_| 0,
        |member, top, out| {
            out.extend(top.greatest.iter().map(|(at, _)| (Key::of(&(*member, **at)), ())));
        },
    );
    let rows = records.clone().flat_map_ref(|_id, record| Some((Key::of(&batch_of(record)?), record.clone())));
    let sources = sources.clone();
    views.sums(spec(), &counts, move |batch, sums| row(batch, sums, &sources));
    lookup(&arrange(rows, "rows by batch"), &arrange(latest, "latest batch"), "latest rows", |_batch, row, ()| {
        content(row)
    })
}

fn row((member, at): &Batch, sums: &Sums, sources: &Sources) -> Row {
    let rows = Cell::Int(i64::try_from(sums.0[0]).unwrap_or(i64::MAX));
    let kind = Record::kind_of(*member).map_or(Cell::Null, Cell::text);
    Row::new([kind, sources.cell(SourceId(*member as u8)), time_cell(*at), rows])
}

fn spec() -> ViewSpec {
    use ColumnKind::{Int, Text, Time};
    let columns = [("kind", Text), ("source", Text), ("loaded_at", Time), ("rows", Int)];
    let about = "Every batch that was loaded, and how many rows it has. The latest of each kind and source counts.";
    table::spec("margin_batches", about, &columns, 3)
}
