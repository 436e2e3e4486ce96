//! Arrow columns as the rows of a view again: the way back from [`ViewSpec::arrays`].

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};

use crate::row::{Cell, ColumnKind, Row, ViewSpec};

impl ViewSpec {
    /// The rows of a batch that has the view's columns, by their names. Texts come as texts, never as symbols.
    ///
    /// Says what a column is and what it should be, where it is missing or of another type.
    pub fn rows_of(&self, batch: &RecordBatch) -> Result<Vec<Row>, String> {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("the rows have no column `{name}`"));
        let columns = self.columns.iter().map(|own| Ok((column(&own.name)?.as_ref(), own.kind)));
        let columns = columns.collect::<Result<Vec<_>, String>>()?;
        let row = |index: usize| {
            let cells = columns.iter().map(|(array, kind)| cell(*array, *kind, index));
            Ok(Row::new(cells.collect::<Result<Vec<_>, _>>()?))
        };
        (0..batch.num_rows()).map(row).collect()
    }
}

fn cell(array: &dyn Array, kind: ColumnKind, index: usize) -> Result<Cell, String> {
    if array.is_null(index) {
        return Ok(Cell::Null);
    }
    let cell = match kind {
        ColumnKind::Bool => array.as_boolean_opt().map(|array| Cell::Bool(array.value(index))),
        ColumnKind::Int => array.as_primitive_opt::<Int64Type>().map(|array| Cell::Int(array.value(index))),
        ColumnKind::Fixed(_) => array.as_primitive_opt::<Decimal128Type>().map(|array| Cell::fixed(array.value(index))),
        ColumnKind::Date => array.as_primitive_opt::<Date32Type>().map(|array| Cell::Date(array.value(index))),
        ColumnKind::Time => {
            array.as_primitive_opt::<TimestampMicrosecondType>().map(|array| Cell::Time(array.value(index)))
        }
        ColumnKind::Text => array.as_string_opt::<i32>().map(|array| Cell::text(array.value(index))),
    };
    cell.ok_or_else(|| format!("a value is a {}, not one of {kind}", array.data_type()))
}
