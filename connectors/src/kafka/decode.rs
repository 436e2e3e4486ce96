//! A message as a record: one JSON object, one line of CSV, or no payload at all.

use std::sync::Arc;

use encoding_rs::Encoding;
use engine::{Batch, Event};
use model::Record;

use super::config::{KafkaConfig, MessageFormat};
use crate::ConfigError;
use crate::files::{
    Bounds, CsvConfig, Dialect, Members, RECORD_BYTES_MAX, SeparatedRow, dialect, encoding, not_a_row, split,
    wrong_width,
};
use crate::layout::{ColumnName, Fault, Header, Layout, RowDecoder, Scope};

/// How messages become records: checked, and cheap to clone.
#[derive(Clone)]
pub(crate) struct MessageLayout {
    layout: Layout,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Json,
    Csv {
        dialect: Dialect,
        encoding: &'static Encoding,
        /// The names of the columns; empty: they are numbered.
        header: Arc<[String]>,
    },
}

impl MessageLayout {
    pub(crate) fn new(config: &KafkaConfig, scope: &Scope<'_>) -> Result<MessageLayout, ConfigError> {
        let key = scope.key();
        let layout = Layout::new(&config.layout, scope)?;
        let form = match config.format {
            MessageFormat::Json => Form::Json,
            MessageFormat::Csv => {
                let csv = CsvConfig {
                    delimiter: Some(config.csv.delimiter.clone()),
                    quote: config.csv.quote.clone(),
                    trim: config.csv.trim,
                    ..CsvConfig::default()
                };
                Form::Csv {
                    dialect: dialect(&key, &csv, None)?,
                    encoding: encoding(&key, &config.csv.encoding)?,
                    header: config.csv.header.clone().into(),
                }
            }
        };
        let messages = MessageLayout { layout, form };
        messages.check_column_names(&key)?;
        match messages.decoder() {
            Ok(_) => Ok(messages),
            Err(fault) => Err(ConfigError::new(format!("{key}.columns"), fault.what, fault.help)),
        }
    }

    /// Columns can only be named where names are, and numbered where they come in an order.
    fn check_column_names(&self, key: &str) -> Result<(), ConfigError> {
        let names = self.layout.column_names();
        let named = names.iter().find(|name| matches!(name, ColumnName::Name(_)));
        let numbered = names.iter().find(|name| matches!(name, ColumnName::Number(_)));
        let key = format!("{key}.columns");
        match (&self.form, named, numbered) {
            (Form::Json, _, Some(number)) => {
                let what = format!("the members of JSON objects have names, not numbers such as {number}");
                Err(ConfigError::new(key, what, "write the name of the member"))
            }
            (Form::Csv { header, .. }, Some(name), _) if header.is_empty() => {
                let what = format!("nothing says which column `{name}` is: messages have no header");
                Err(ConfigError::new(
                    key,
                    what,
                    "write the number of the column, from 0, or set csv.header to the names",
                ))
            }
            _ => Ok(()),
        }
    }

    /// What decodes messages.
    pub(crate) fn decoder(&self) -> Result<MessageDecoder, Fault> {
        let columns = self.layout.column_names();
        let (names, shape) = match &self.form {
            Form::Json => (columns.iter().map(ColumnName::to_string).collect(), Shape::Json(Members::new(&columns))),
            Form::Csv { dialect, encoding, header } => {
                let number = |column: &ColumnName| if let ColumnName::Number(number) = column { *number } else { 0 };
                let width_min = columns.iter().map(number).max().map_or(0, |last| last + 1);
                let width = (!header.is_empty()).then_some(header.len());
                let numbered = || (0..width_min).map(|column| format!("column {column}")).collect();
                let names = if header.is_empty() { numbered() } else { header.to_vec() };
                (names, Shape::Csv { dialect: *dialect, encoding, width, width_min, fields: Vec::new() })
            }
        };
        Ok(MessageDecoder { rows: self.layout.rows(&Header { names })?, shape })
    }
}

/// Decodes messages.
pub(crate) struct MessageDecoder {
    rows: Box<dyn RowDecoder>,
    shape: Shape,
}

enum Shape {
    Json(Members),
    Csv {
        dialect: Dialect,
        encoding: &'static Encoding,
        /// How many fields a line has, where that is known.
        width: Option<usize>,
        /// How many fields a line needs for every column that is used.
        width_min: usize,
        /// Where the fields of the line at hand are.
        fields: Vec<Bounds>,
    },
}

impl MessageDecoder {
    /// Adds what became of the message at `offset` to a batch: an event or a refusal.
    pub(crate) fn decode(&mut self, key: Option<&[u8]>, payload: Option<&[u8]>, offset: u64, into: &mut Batch<Record>) {
        let decoded = match payload {
            None => self.delete(key, offset),
            Some(payload) if payload.len() > RECORD_BYTES_MAX => Err(too_long(payload.len())),
            Some(payload) => self.record(payload, offset),
        };
        match decoded {
            Ok(event) => into.events.push(event),
            Err(fault) => into.refusals.push(fault.refuse(offset, None, payload.or(key).unwrap_or_default())),
        }
        into.upper = offset + 1;
    }

    fn record(&mut self, payload: &[u8], offset: u64) -> Result<Event<Record>, Fault> {
        match &mut self.shape {
            Shape::Json(members) => {
                let text = std::str::from_utf8(payload).map_err(|error| not_text(error.valid_up_to(), "utf-8"))?;
                let row = members.parse(text).map_err(|error| not_an_object(&error))?;
                self.rows.decode(&row, offset)
            }
            Shape::Csv { dialect, encoding, width, width_min, fields } => {
                let text = encoding
                    .decode_without_bom_handling_and_without_replacement(payload)
                    .ok_or_else(|| not_text(Encoding::utf8_valid_up_to(payload), encoding.name()))?;
                let length = split(text.as_bytes(), dialect, fields).map_err(not_a_row)?;
                if !text.get(length..).unwrap_or_default().trim().is_empty() {
                    return Err(more_than_a_line());
                }
                let expected = width.unwrap_or(*width_min);
                if fields.len() < expected || width.is_some_and(|width| fields.len() > width) {
                    return Err(wrong_width(fields.len(), expected, dialect));
                }
                self.rows.decode(&SeparatedRow { text: &text, fields, dialect: *dialect }, offset)
            }
        }
    }

    /// A message without a payload deletes the record whose id is its key.
    fn delete(&self, key: Option<&[u8]>, offset: u64) -> Result<Event<Record>, Fault> {
        let key = key.filter(|key| !key.is_empty()).ok_or_else(no_key)?;
        let id = std::str::from_utf8(key).map_err(|error| not_text(error.valid_up_to(), "utf-8").in_field("key"))?;
        self.rows.delete(id, offset).map_err(|fault| fault.in_field("key"))
    }
}

#[cold]
fn too_long(bytes: usize) -> Fault {
    let what = format!("the message has {bytes} bytes: at most {RECORD_BYTES_MAX} were expected");
    Fault::new(what, "send one record a message")
}

#[cold]
fn not_text(position: usize, encoding: &str) -> Fault {
    let what = format!("byte {position} is not text in the encoding {encoding}");
    Fault::new(what, "check that the messages of this topic are text, and the encoding they are written in")
}

#[cold]
fn not_an_object(error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let reason = message.split(" at line ").next().unwrap_or(&message);
    let what =
        format!("the message is not a JSON object: {reason}, at line {}, column {}", error.line(), error.column());
    Fault::new(what, "send one whole object a message, such as {\"id\": \"T1\", \"price\": 12.5}")
}

#[cold]
fn more_than_a_line() -> Fault {
    Fault::new("the message has more than one line", "send one line a message, without a header")
}

#[cold]
fn no_key() -> Fault {
    let what = "a message without a payload deletes the record whose id is its key, and this one has no key";
    Fault::new(what, "send the id of the record as the key")
}
