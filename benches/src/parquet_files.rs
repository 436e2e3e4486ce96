//! W1 as Parquet files: what peers read too.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::w1::{Numbered, number_at};

/// How the columns of the files become trades, for any kind of source.
pub const LAYOUT: &str = r#"
columns = { id = "id", counterparty = "cpty", instrument = "inst", quantity = "qty", price = "px" }
scale = { price = 4 }
"#;

/// Writes the files of both sides into a folder.
pub fn write(folder: &Path, trades: u64) {
    for (side, name) in ["internal", "broker"].into_iter().enumerate() {
        let numbers = (0..trades).map(|place| number_at(side, place, trades));
        let rows = rows(side, numbers);
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(zstd).build();
        let file = File::create(folder.join(format!("{name}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
    }
}

/// The trades with these numbers, as a side has them; those that it has not are left out.
pub fn rows(side: usize, numbers: impl Iterator<Item = u64>) -> RecordBatch {
    let mut columns: [Vec<i64>; 5] = Default::default();
    for number in numbers {
        let trade = Numbered::new(number);
        let Some(quantity) = trade.quantity[side] else { continue };
        let values = [number as i64, trade.counterparty as i64, trade.instrument as i64, quantity, trade.price[side]];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    let names = ["id", "cpty", "inst", "qty", "px"];
    let arrays = columns.map(|column| Arc::new(Int64Array::from(column)) as ArrayRef);
    RecordBatch::try_from_iter(names.into_iter().zip(arrays)).unwrap()
}
