//! Rows of a view as a client receives them, as the engine's own rows again.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, Schema, TimeUnit};
use engine::{Column, ColumnKind, EngineError, Rows, ViewSpec};

use super::foreign;

/// How many columns come before a view's own: `_tick`, `_diff` and `_key`.
const OWN_COLUMNS: usize = 3;

/// A view's columns, and how its rows are read from what was received.
pub(crate) struct Received {
    /// The view.
    pub(crate) spec: ViewSpec,
}

impl Received {
    /// A view of this name with the columns that are sent of it, and of which those of `key` make its key.
    pub(crate) fn new(name: &str, sent: &Schema, key: &[String]) -> Result<Self, EngineError> {
        let own = sent.fields().iter().skip(OWN_COLUMNS);
        let column = |field: &Arc<arrow::datatypes::Field>| {
            let kind = kind_of(field.data_type());
            kind.map(|kind| Column::new(field.name(), kind))
                .ok_or_else(|| foreign(format!("column `{}` is a {}", field.name(), field.data_type())))
        };
        let columns = own.map(column).collect::<Result<Vec<_>, _>>()?;
        let key = key.iter().filter_map(|name| columns.iter().position(|column| column.name == *name)).collect();
        Ok(Received { spec: ViewSpec { name: name.to_owned(), about: String::new(), columns, key } })
    }

    /// The rows of a message: each with its `_tick` and how many times it is there, is added or is taken away.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Result<Rows, EngineError> {
        let diffs = batch.column_by_name("_diff").and_then(|diffs| diffs.as_primitive_opt::<Int64Type>());
        let diffs = diffs.ok_or_else(|| foreign("the rows have no column `_diff` of numbers".to_owned()))?;
        let rows = self.spec.rows_of(batch).map_err(foreign)?;
        Ok(rows.into_iter().zip(diffs.values()).map(|(row, diff)| (row, *diff as isize)).collect())
    }
}

fn kind_of(data_type: &DataType) -> Option<ColumnKind> {
    Some(match data_type {
        DataType::Boolean => ColumnKind::Bool,
        DataType::Int64 => ColumnKind::Int,
        DataType::Decimal128(_, scale) => ColumnKind::Fixed(u8::try_from(*scale).ok()?),
        DataType::Date32 => ColumnKind::Date,
        DataType::Timestamp(TimeUnit::Microsecond, _) => ColumnKind::Time,
        DataType::Utf8 => ColumnKind::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use engine::{Cell, NoTexts, Row};

    use super::*;

    #[test]
    fn rows_come_back_as_they_were_sent() {
        use ColumnKind::{Bool, Date, Fixed, Int, Text, Time};
        let columns = [("b", Bool), ("i", Int), ("f", Fixed(8)), ("d", Date), ("t", Time), ("x", Text)];
        let spec = ViewSpec {
            name: "v".into(),
            about: String::new(),
            columns: columns.map(|(name, kind)| Column::new(name, kind)).to_vec(),
            key: vec![1, 5],
        };
        let full = [
            Cell::Bool(true),
            Cell::Int(-3),
            Cell::fixed(150_000_000),
            Cell::Date(20_000),
            Cell::Time(5),
            Cell::text("a,b"),
        ];
        let rows = [Row::new(full), Row::new(vec![Cell::Null; 6])];
        let [first, second] = &rows;
        let own = spec.arrays(&[first, second], &NoTexts);
        let mut fields: Vec<_> =
            ["_tick", "_diff", "_key"].map(|name| arrow::datatypes::Field::new(name, DataType::Int64, false)).to_vec();
        fields.extend(spec.schema().fields().iter().map(|field| field.as_ref().clone()));
        let numbers: arrow::array::ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1, -1]));
        let arrays = std::iter::repeat_n(numbers, OWN_COLUMNS).chain(own).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        let received = Received::new("v", &batch.schema(), &["i".into(), "x".into()]).unwrap();
        assert_eq!(received.spec, spec);
        assert_eq!(received.rows(&batch).unwrap(), [(rows[0].clone(), 1), (rows[1].clone(), -1)]);
    }
}
