//! Rows of texts, such as lines of CSV or JSON, as records.

use std::borrow::Cow;
use std::sync::Arc;

use engine::{Event, Key};
use model::{Record, Symbol};

use super::decimal::Decimal;
use super::draft::{Draft, Place, at_place};
use super::fault::Fault;
use super::header::{Found, Header};
use super::plan::Plan;
use super::value::{Reading, SchemaVersion};

/// One value of a row.
pub(crate) enum Given<'a> {
    /// A text, in the format that the configuration says; empty when nothing is known.
    Text(Cow<'a, str>),
    /// A number as JSON writes it.
    Number(&'a str),
    /// An array or an object of JSON.
    Json(&'a str),
    /// A whole number.
    Integer(i64),
    /// A float, which stands for its shortest decimal.
    Float(f64),
    /// A decimal.
    Decimal(Decimal),
    /// A date: days from 1970-01-01.
    Date(i32),
    /// A time: microseconds from 1970-01-01, UTC; `None` if they are more than can be counted.
    Time(Option<i64>),
}

impl Given<'_> {
    /// Nothing is known.
    pub(crate) const NOTHING: Given<'static> = Given::Text(Cow::Borrowed(""));
}

/// A row that values can be asked of.
pub(crate) trait TextRow {
    /// The value of a column that the header names.
    fn value(&self, column: usize) -> Result<Given<'_>, Fault>;
}

/// Makes records of rows.
pub(crate) trait RowDecoder: Send {
    /// The record, or why there is none.
    fn decode(&self, row: &dyn TextRow, offset: u64) -> Result<Event<Record>, Fault>;

    /// The deletion of the record with this id, as the source writes it; where several fields say which record it is, a
    /// JSON object of their columns.
    fn delete(&self, id: &str, offset: u64) -> Result<Event<Record>, Fault>;
}

/// Rows with the columns of one header, as records of one kind.
pub(crate) struct Rows<D: 'static> {
    plan: Plan<D>,
    found: Found,
    names: Vec<String>,
    member: u16,
}

impl<D: Draft> Rows<D> {
    pub(crate) fn new(plan: Plan<D>, header: &Header) -> Result<Rows<D>, Fault> {
        let found = Found::new(&plan, header)?;
        let member = plan.template.clone().finish().member();
        Ok(Rows { plan, found, names: header.all_names(), member })
    }

    fn check_version(&self, row: &dyn TextRow) -> Result<(), Fault> {
        let (Some(versions), Some(column)) = (&self.plan.schema_version, self.found.schema_version) else {
            return Ok(());
        };
        let read = row.value(column).and_then(|value| read(&value, &versions.reading));
        read.and_then(|version| versions.check(version)).map_err(|fault| fault.in_field(&self.names[column]))
    }

    fn is_deleted(&self, row: &dyn TextRow) -> Result<bool, Fault> {
        let (Some(tombstone), Some(column)) = (&self.plan.tombstone, self.found.tombstone) else { return Ok(false) };
        let read = row.value(column).and_then(|value| read::<Symbol>(&value, &tombstone.reading));
        let value = read.map_err(|fault| fault.in_field(&self.names[column]))?;
        Ok(tombstone.values.contains(&value))
    }
}

impl<D: Draft> RowDecoder for Rows<D> {
    fn decode(&self, row: &dyn TextRow, offset: u64) -> Result<Event<Record>, Fault> {
        self.check_version(row)?;
        let deleted = self.is_deleted(row)?;
        let mut draft = self.plan.template.clone();
        // Of a record that is deleted it only matters which one it is, and what says that comes first.
        let needed = if deleted { self.plan.identity } else { self.plan.fields.len() };
        for (field, &column) in self.plan.fields.iter().zip(&self.found.fields).take(needed) {
            let value = row.value(column).and_then(|value| set(field.place, &mut draft, &value, &field.reading));
            value.map_err(|fault| fault.in_field(&self.names[column]))?;
        }
        self.plan.event(draft, deleted, self.member, offset)
    }

    fn delete(&self, id: &str, offset: u64) -> Result<Event<Record>, Fault> {
        let mut draft = self.plan.template.clone();
        match &self.plan.fields[..self.plan.identity] {
            [field] => set(field.place, &mut draft, &Given::Text(Cow::Borrowed(id)), &field.reading)?,
            fields => {
                let columns: Vec<String> = fields.iter().map(|field| field.column.to_string()).collect();
                let parts: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(id);
                let mut parts = parts.map_err(|_| names_no_record(id, &columns))?;
                for (field, column) in fields.iter().zip(&columns) {
                    let value = parts.remove(column).unwrap_or_default();
                    let value = match value {
                        serde_json::Value::Null => Given::NOTHING,
                        serde_json::Value::String(text) => Given::Text(Cow::Owned(text)),
                        value => Given::Text(Cow::Owned(value.to_string())),
                    };
                    set(field.place, &mut draft, &value, &field.reading)?;
                }
            }
        }
        self.plan.event(draft, true, self.member, offset)
    }
}

/// A key that does not say which record is deleted.
#[cold]
fn names_no_record(key: &str, columns: &[String]) -> Fault {
    let members: Vec<String> = columns.iter().map(|column| format!("\"{column}\": \"...\"")).collect();
    let listed = engine::setting::listed(columns.iter().map(String::as_str));
    let what = format!("`{key}` does not say which record it is: it takes {listed}");
    Fault::new(what, format!("send a JSON object as the key: {{{}}}", members.join(", ")))
}

#[inline]
fn read<T: super::value::FieldValue>(value: &Given<'_>, reading: &Reading) -> Result<T, Fault> {
    match value {
        Given::Text(text) => reading.text(text),
        Given::Number(text) => reading.number(text),
        Given::Json(text) => reading.json(text),
        Given::Integer(number) => reading.integer(*number),
        Given::Float(number) => reading.float(*number),
        Given::Decimal(number) => reading.decimal(*number),
        Given::Date(days) => reading.date(*days),
        Given::Time(micros) => reading.time(*micros),
    }
}

/// Reads a value into its place.
#[inline]
pub(crate) fn set<D: Draft>(place: Place<D>, draft: &mut D, value: &Given<'_>, reading: &Reading) -> Result<(), Fault> {
    at_place!(place, at => *at(draft) = read(value, reading)?, index => {
        let text: Option<Arc<str>> = read(value, reading)?;
        draft.set_attribute(index, text);
    });
    Ok(())
}

impl<D: Draft> Plan<D> {
    /// The record, or its deletion, if it has all without which it is of no use.
    #[inline]
    pub(crate) fn event(&self, mut draft: D, deleted: bool, member: u16, offset: u64) -> Result<Event<Record>, Fault> {
        for field in &self.checked {
            if deleted && !field.need.is_identity() {
                break;
            }
            if field.place.is_empty(&mut draft) {
                if field.need.is_needed() {
                    return Err(self.lacks(field.name));
                }
            } else if let Some(misfit) = field.place.misfit(&mut draft, field.need) {
                return Err(self.does_not_fit(field.name, misfit));
            }
        }
        let record = draft.finish();
        let key = Key::from_bytes(record.key().bytes());
        Ok(Event { key, member, offset, record: (!deleted).then_some(record) })
    }

    #[cold]
    fn lacks(&self, name: &str) -> Fault {
        let what = format!("`{name}` is empty, and no record is of use without it");
        Fault { field: self.column_of(name), ..Fault::new(what, "fill it in where the record comes from") }
    }

    #[cold]
    fn does_not_fit(&self, name: &str, misfit: &str) -> Fault {
        let what = format!("`{name}` {misfit}, so that the record is of no use");
        Fault { field: self.column_of(name), ..Fault::new(what, "correct it where the record comes from") }
    }

    fn column_of(&self, name: &str) -> Option<String> {
        self.fields.iter().find(|field| *field.reading.field == *name).map(|field| field.column.to_string())
    }
}

impl super::plan::SchemaVersions {
    pub(crate) fn check(&self, version: SchemaVersion) -> Result<(), Fault> {
        if version.0 <= self.max {
            return Ok(());
        }
        let what =
            format!("the record is of schema version {}, a future schema: at most {} is known", version.0, self.max);
        let help = format!(
            "adapt the configuration to the new schema, then raise `{}.schema_version.max`",
            self.reading.source
        );
        Err(Fault::new(what, help))
    }
}
