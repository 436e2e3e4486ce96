//! Arrow columns as records: each column is read at once, by its type, then spread over the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::*;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use engine::Batch;
use model::{Dictionary, Record, SourceId, Symbol};

use super::decimal::Decimal;
use super::draft::{At, Draft, FieldDescription, Place, at_place};
use super::fault::Fault;
use super::header::{Found, Header};
use super::plan::Plan;
use super::value::{FieldValue, Reading, SchemaVersion};

/// Makes records of batches.
pub(crate) trait ColumnDecoder: Send {
    /// Appends the records of the rows, the first of which is at the batch's `upper`, and the refusals.
    fn decode(&self, rows: &RecordBatch, into: &mut Batch<Record>);

    /// Leaves out the columns that are not used: batches will come with only those that are returned.
    fn keep_only_used(&mut self) -> Vec<usize>;
}

/// Batches with the columns of one schema, as records of one kind.
pub(crate) struct Columns<D: 'static> {
    plan: Plan<D>,
    found: Found,
    names: Vec<String>,
    member: u16,
}

impl<D: Draft> Columns<D> {
    pub(crate) fn new(plan: Plan<D>, schema: &Schema) -> Result<Columns<D>, Fault> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let found = Found::new(&plan, &Header::of(names.clone()))?;
        for column in found.used() {
            check_type(schema.field(column))?;
        }
        let member = plan.template.clone().finish().member();
        Ok(Columns { plan, found, names, member })
    }

    /// Reads a column, and spreads its values over the drafts.
    fn fill(&self, index: usize, rows: &RecordBatch, drafts: &mut [D], faults: &mut Faults) {
        let (field, column) = (&self.plan.fields[index], self.found.fields[index]);
        let array = rows.column(column);
        faults.enter(&self.names[column], index < self.plan.identity);
        at_place!(field.place, at => spread(read_column(array, &field.reading, faults), at, drafts), index => {
            let texts: Vec<Option<Arc<str>>> = read_column(array, &field.reading, faults);
            drafts.iter_mut().zip(texts).for_each(|(draft, text)| draft.set_attribute(index, text));
        });
    }

    fn deleted(&self, rows: &RecordBatch, faults: &mut Faults) -> Vec<bool> {
        let (Some(tombstone), Some(column)) = (&self.plan.tombstone, self.found.tombstone) else { return Vec::new() };
        faults.enter(&self.names[column], true);
        let values: Vec<Symbol> = read_column(rows.column(column), &tombstone.reading, faults);
        values.iter().map(|value| tombstone.values.contains(value)).collect()
    }

    fn check_versions(&self, rows: &RecordBatch, faults: &mut Faults) {
        let (Some(versions), Some(column)) = (&self.plan.schema_version, self.found.schema_version) else { return };
        faults.enter(&self.names[column], true);
        let values: Vec<SchemaVersion> = read_column(rows.column(column), &versions.reading, faults);
        for (row, version) in values.into_iter().enumerate() {
            if let Err(fault) = versions.check(version) {
                faults.add(row, fault);
            }
        }
    }

    fn emit(&self, drafts: Vec<D>, rows: &RecordBatch, mut faults: Faults, into: &mut Batch<Record>) {
        let first = into.upper;
        into.upper += drafts.len() as u64;
        into.events.reserve(drafts.len());
        for (row, draft) in drafts.into_iter().enumerate() {
            let offset = first + row as u64;
            let deleted = faults.is_deleted(row);
            let event = match faults.take(row) {
                None => self.plan.event(draft, deleted, self.member, offset),
                Some(fault) => Err(fault),
            };
            match event {
                Ok(event) => into.events.push(event),
                Err(fault) => into.refusals.push(fault.refuse(offset, None, shown_row(rows, row).as_bytes())),
            }
        }
    }
}

impl<D: Draft> ColumnDecoder for Columns<D> {
    fn decode(&self, rows: &RecordBatch, into: &mut Batch<Record>) {
        let mut faults = Faults::default();
        self.check_versions(rows, &mut faults);
        faults.deleted = self.deleted(rows, &mut faults);
        let mut drafts = vec![self.plan.template.clone(); rows.num_rows()];
        for index in 0..self.plan.fields.len() {
            self.fill(index, rows, &mut drafts, &mut faults);
        }
        self.emit(drafts, rows, faults, into);
    }

    fn keep_only_used(&mut self) -> Vec<usize> {
        let used = self.found.used();
        self.found.keep_only(&used);
        self.names = used.iter().map(|column| std::mem::take(&mut self.names[*column])).collect();
        used
    }
}

/// The records of rows that hold them exactly, each of its source. What a column is called depends on the field; of a
/// field without a column nothing is known.
pub(crate) fn restored<D: Draft>(
    rows: &RecordBatch,
    sources: &[SourceId],
    dictionary: &Dictionary,
    name: &dyn Fn(&FieldDescription) -> String,
) -> Result<Vec<Record>, String> {
    let mut drafts: Vec<D> = sources.iter().map(|source| D::new(*source)).collect();
    let mut faults = Faults { matters: true, ..Faults::default() };
    for field in D::fields() {
        let description = field.description();
        let (name, expected) = (name(&description), description.value_type.data_type());
        let Some(array) = rows.column_by_name(&name).filter(|column| column.null_count() < column.len()) else {
            continue;
        };
        if *array.data_type() != expected {
            return Err(format!("column `{name}` holds {}, not {expected}", array.data_type()));
        }
        let reading = Reading::plain("", &name, dictionary);
        at_place!(field.place, at => spread(read_column(array, &reading, &mut faults), at, &mut drafts), _index => ());
        if let Some((row, fault)) = faults.by_row.pop_first() {
            return Err(format!("row {row}, column `{name}`: {}", fault.what));
        }
    }
    Ok(drafts.into_iter().map(D::finish).collect())
}

fn spread<D, T>(values: Vec<T>, at: At<D, T>, drafts: &mut [D]) {
    drafts.iter_mut().zip(values).for_each(|(draft, value)| *at(draft) = value);
}

/// The first fault of each row.
#[derive(Default)]
struct Faults {
    by_row: BTreeMap<usize, Fault>,
    /// Which rows delete their record; empty when none can.
    deleted: Vec<bool>,
    column: String,
    /// Whether the column at hand matters for rows that delete.
    matters: bool,
}

impl Faults {
    fn enter(&mut self, column: &str, matters: bool) {
        column.clone_into(&mut self.column);
        self.matters = matters;
    }

    #[cold]
    fn add(&mut self, row: usize, fault: Fault) {
        if self.matters || !self.is_deleted(row) {
            let column = &self.column;
            self.by_row.entry(row).or_insert_with(|| fault.in_field(column));
        }
    }

    #[inline]
    fn is_deleted(&self, row: usize) -> bool {
        self.deleted.get(row).copied().unwrap_or(false)
    }

    #[inline]
    fn take(&mut self, row: usize) -> Option<Fault> {
        if self.by_row.is_empty() { None } else { self.by_row.remove(&row) }
    }
}

fn check_type(field: &Field) -> Result<(), Fault> {
    if is_readable(field.data_type()) {
        return Ok(());
    }
    let what = format!("column `{}` holds {}", field.name(), field.data_type());
    Err(Fault::new(what, "write it as text, whole numbers, decimals, floats, dates, timestamps or truth values")
        .in_field(field.name()))
}

fn is_readable(data_type: &DataType) -> bool {
    use DataType::*;
    match data_type {
        Dictionary(_, values) => !matches!(**values, Dictionary(..)) && is_readable(values),
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Timestamp(..) => true,
        Null | Utf8 | LargeUtf8 | Utf8View | Boolean | Date32 | Date64 | Float32 | Float64 => true,
        data_type => data_type.is_integer(),
    }
}

/// Reads a column whose type was checked. Where a value is missing or at fault, nothing is known.
fn read_column<T: FieldValue>(array: &ArrayRef, reading: &Reading, faults: &mut Faults) -> Vec<T> {
    use DataType as D;
    macro_rules! integers {
        ($type:ty) => {
            read_each(array.as_primitive::<$type>(), faults, |number| reading.integer(number.into()))
        };
    }
    macro_rules! timestamps {
        ($type:ty, $micros:expr) => {
            read_each(array.as_primitive::<$type>(), faults, |moment: i64| reading.time($micros(moment)))
        };
    }
    match array.data_type() {
        D::Utf8 => read_texts(array.as_string::<i32>().iter(), faults, reading),
        D::LargeUtf8 => read_texts(array.as_string::<i64>().iter(), faults, reading),
        D::Utf8View => read_texts(array.as_string_view().iter(), faults, reading),
        D::Boolean => read_texts(array.as_boolean().iter().map(|truth| truth.map(truth_text)), faults, reading),
        D::Int8 => integers!(Int8Type),
        D::Int16 => integers!(Int16Type),
        D::Int32 => integers!(Int32Type),
        D::Int64 => integers!(Int64Type),
        D::UInt8 => integers!(UInt8Type),
        D::UInt16 => integers!(UInt16Type),
        D::UInt32 => integers!(UInt32Type),
        D::UInt64 => read_each(array.as_primitive::<UInt64Type>(), faults, |number| match i64::try_from(number) {
            Ok(number) => reading.integer(number),
            Err(_) => reading.decimal(Decimal { mantissa: number.into(), scale: 0 }),
        }),
        D::Float32 => {
            read_each(array.as_primitive::<Float32Type>(), faults, |number| reading.number(&number.to_string()))
        }
        D::Float64 => read_each(array.as_primitive::<Float64Type>(), faults, |number| reading.float(number)),
        D::Decimal128(_, scale) => {
            let scale = i32::from(*scale);
            let array = array.as_primitive::<Decimal128Type>();
            read_each(array, faults, |mantissa| reading.decimal(Decimal { mantissa, scale }))
        }
        D::Decimal32(_, scale) | D::Decimal64(_, scale) => read_as(array, &D::Decimal128(38, *scale), reading, faults),
        D::Date32 => read_each(array.as_primitive::<Date32Type>(), faults, |days| reading.date(days)),
        D::Date64 => timestamps!(Date64Type, |millis: i64| millis.checked_mul(1000)),
        D::Timestamp(TimeUnit::Second, _) => {
            timestamps!(TimestampSecondType, |seconds: i64| seconds.checked_mul(1_000_000))
        }
        D::Timestamp(TimeUnit::Millisecond, _) => {
            timestamps!(TimestampMillisecondType, |millis: i64| millis.checked_mul(1000))
        }
        D::Timestamp(TimeUnit::Microsecond, _) => timestamps!(TimestampMicrosecondType, Some),
        D::Timestamp(TimeUnit::Nanosecond, _) => {
            timestamps!(TimestampNanosecondType, |nanos: i64| Some(nanos.div_euclid(1000)))
        }
        D::Dictionary(..) => read_dictionary(array, reading, faults),
        _ => nothing(array),
    }
}

fn nothing<T: FieldValue>(array: &ArrayRef) -> Vec<T> {
    vec![T::default(); array.len()]
}

fn read_each<T: FieldValue, A: ArrowPrimitiveType>(
    array: &PrimitiveArray<A>,
    faults: &mut Faults,
    read: impl Fn(A::Native) -> Result<T, Fault>,
) -> Vec<T> {
    let mut read_at = |row: usize, value: A::Native| {
        read(value).unwrap_or_else(|fault| {
            faults.add(row, fault);
            T::default()
        })
    };
    let values = array.values().iter().enumerate();
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.map(|(row, value)| read_at(row, *value)).collect(),
        Some(nulls) => {
            values.map(|(row, value)| if nulls.is_valid(row) { read_at(row, *value) } else { T::default() }).collect()
        }
    }
}

fn read_texts<'a, T: FieldValue>(
    texts: impl Iterator<Item = Option<&'a str>>,
    faults: &mut Faults,
    reading: &Reading,
) -> Vec<T> {
    let read_at = |(row, text): (usize, Option<&str>)| match text.map(|text| reading.text(text)) {
        None => T::default(),
        Some(Ok(value)) => value,
        Some(Err(fault)) => {
            faults.add(row, fault);
            T::default()
        }
    };
    texts.enumerate().map(read_at).collect()
}

fn truth_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

fn read_as<T: FieldValue>(array: &ArrayRef, data_type: &DataType, reading: &Reading, faults: &mut Faults) -> Vec<T> {
    match cast(array, data_type) {
        Ok(array) => read_column(&array, reading, faults),
        Err(_) => nothing(array),
    }
}

/// Each distinct value is read once.
fn read_dictionary<T: FieldValue>(array: &ArrayRef, reading: &Reading, faults: &mut Faults) -> Vec<T> {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return nothing(array) };
    let mut distinct_faults = Faults { matters: true, ..Faults::default() };
    let distinct: Vec<T> = read_column(dictionary.values(), reading, &mut distinct_faults);
    let keys = dictionary.normalized_keys();
    let mut values = Vec::with_capacity(keys.len());
    for (row, key) in keys.into_iter().enumerate() {
        if dictionary.is_null(row) {
            values.push(T::default());
            continue;
        }
        values.push(distinct.get(key).cloned().unwrap_or_default());
        if let Some(fault) = distinct_faults.by_row.get(&key) {
            faults.add(row, Fault { field: None, ..fault.clone() });
        }
    }
    values
}

/// A row as a JSON object, for the person who mends it.
pub(crate) fn shown_row(rows: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default();
    let show = |(field, array): (&Arc<Field>, &ArrayRef)| {
        let text = match ArrayFormatter::try_new(array, &options) {
            Ok(formatter) if array.is_valid(row) => serde_json::Value::from(formatter.value(row).to_string()),
            _ => serde_json::Value::Null,
        };
        (field.name().clone(), text)
    };
    let schema = rows.schema();
    let values: serde_json::Map<_, _> = schema.fields().iter().zip(rows.columns()).map(show).collect();
    serde_json::Value::Object(values).to_string()
}
