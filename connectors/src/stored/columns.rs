//! The columns that hold the fields of all kinds of records.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;
use model::{Dictionary, Record, Symbol, Value};

use crate::layout::{FieldDescription, RecordKind, ValueType};

/// The names of columns that hold no field, or the version of a model.
const TAKEN: [&str; 3] = ["kind", "source", "version"];

/// The value of a field in a record.
pub(super) type Read = fn(&Record, &Dictionary) -> Value;

/// A column of fields of the same name and type.
pub(super) struct FieldColumn {
    pub(super) name: String,
    pub(super) data_type: DataType,
    /// By the number of the kind.
    reads: Vec<Option<Read>>,
}

impl FieldColumn {
    /// Whether records of any of these kinds have such a field.
    pub(super) fn is_of(&self, kinds: &BTreeSet<u16>) -> bool {
        kinds.iter().any(|kind| self.reads.get(usize::from(*kind)).is_some_and(Option::is_some))
    }

    /// The value in a record; none if records of its kind have no such field.
    pub(super) fn value(&self, record: &Record, dictionary: &Dictionary) -> Value {
        let read = self.reads.get(usize::from(record.number())).copied().flatten();
        read.map_or(Value::None, |read| read(record, dictionary))
    }
}

/// The columns, in the order of the kinds and their fields.
#[derive(Default)]
pub(super) struct FieldColumns {
    columns: Vec<FieldColumn>,
    /// The type of the first field of a name: its column has just the name.
    first: BTreeMap<&'static str, DataType>,
}

impl FieldColumns {
    pub(super) fn of_all_kinds() -> FieldColumns {
        let mut columns = FieldColumns::default();
        for kind in RecordKind::ALL {
            for field in kind.fields() {
                columns.add(field.name, field.value_type, kind.number(), field.read);
            }
        }
        // No row becomes a model, so that it is no kind of a layout.
        columns.add("id", ValueType::Symbol, MODEL, |record, _| id_of_model(record));
        columns.add("text", ValueType::Text, MODEL, |record, _| text_of_model(record));
        columns
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &FieldColumn> {
        self.columns.iter()
    }

    /// The name of the column that a field is in.
    pub(super) fn name_of(&self, field: &FieldDescription) -> String {
        self.name(field.name, field.value_type)
    }

    fn name(&self, field: &str, value_type: ValueType) -> String {
        let is_first = self.first.get(field).is_none_or(|first| *first == value_type.data_type());
        if is_first && !TAKEN.contains(&field) { field.to_owned() } else { format!("{field}_{}", value_type.name()) }
    }

    fn add(&mut self, field: &'static str, value_type: ValueType, kind: u16, read: Read) {
        let name = self.name(field, value_type);
        self.first.entry(field).or_insert_with(|| value_type.data_type());
        let place = self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.columns.push(FieldColumn { name, data_type: value_type.data_type(), reads: Vec::new() });
            self.columns.len() - 1
        });
        let (reads, kind) = (&mut self.columns[place].reads, usize::from(kind));
        reads.resize(reads.len().max(kind + 1), None);
        reads[kind] = Some(read);
    }
}

/// The number of the kind `model`.
const MODEL: u16 = 3;

fn id_of_model(record: &Record) -> Value {
    match record {
        Record::Model(model) if model.id != Symbol::NONE => Value::Symbol(model.id),
        _ => Value::None,
    }
}

fn text_of_model(record: &Record) -> Value {
    if let Record::Model(model) = record { Value::Text(model.text.clone()) } else { Value::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_share_a_column_only_with_those_of_their_name_and_type() {
        let mut columns = FieldColumns::default();
        let nothing: Read = |_, _| Value::None;
        let fields = [
            ("rate", ValueType::Rate),
            ("rate", ValueType::Price),
            ("rate", ValueType::Rate),
            ("rate", ValueType::Price),
            ("side", ValueType::Symbol),
            ("side", ValueType::Currency),
            ("kind", ValueType::Symbol),
        ];
        for (kind, (field, value_type)) in (0..).zip(fields) {
            columns.add(field, value_type, kind, nothing);
        }
        let names: Vec<(&str, usize)> =
            columns.iter().map(|column| (column.name.as_str(), column.reads.iter().flatten().count())).collect();
        assert_eq!(names, [("rate", 2), ("rate_price", 2), ("side", 2), ("kind_symbol", 1)]);
        assert!(
            columns
                .iter()
                .all(|column| column.name != "rate_price" || column.data_type == ValueType::Price.data_type())
        );
    }

    #[test]
    fn no_two_columns_have_the_same_name() {
        let columns = FieldColumns::of_all_kinds();
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).chain(TAKEN).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
