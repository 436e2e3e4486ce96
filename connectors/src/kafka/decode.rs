//! A message as a record: one JSON object, one line of CSV, one value of Avro, or no payload at all.

use std::sync::Arc;
use std::time::Duration;

use encoding_rs::Encoding;
use engine::{Archive, Batch, EngineError, Event};
use model::Record;
use rdkafka::Message;

use super::avro::{Answer, AvroDecoder, AvroLayout, Schemas, Stand};
use super::config::{KafkaConfig, MessageFormat};
use super::message::{MessageRow, key_text, told_headers};
use crate::ConfigError;
use crate::files::{
    Bounds, CsvConfig, Dialect, Members, RECORD_BYTES_MAX, SeparatedRow, dialect, encoding, not_a_row, split,
    wrong_width,
};
use crate::layout::{Beside, ColumnName, Fault, Header, Layout, RowDecoder, Scope, TextRow};

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
    Avro(Arc<AvroLayout>),
}

impl MessageLayout {
    pub(crate) fn new(config: &KafkaConfig, scope: &Scope<'_>) -> Result<MessageLayout, ConfigError> {
        let key = scope.key();
        let layout = Layout::of_messages(&config.layout, scope)?;
        if config.avro.is_some() && config.format != MessageFormat::Avro {
            let help = "set format = \"avro\", or take the table out";
            return Err(ConfigError::new(format!("{key}.avro"), "messages are not in Avro", help));
        }
        let form = match config.format {
            MessageFormat::Json => Form::Json,
            MessageFormat::Avro => {
                let avro = config.avro.clone().unwrap_or_default();
                Form::Avro(Arc::new(AvroLayout::new(&avro, &layout, &divided(&layout).0, scope)?))
            }
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
            (Form::Avro(_), _, Some(number)) => {
                let what = format!("the fields of Avro records have names, not numbers such as {number}");
                Err(ConfigError::new(key, what, "write the name of the field"))
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
        let (columns, beside) = divided(&self.layout);
        let named = || columns.iter().map(ColumnName::to_string).collect();
        let (names, shape) = match &self.form {
            Form::Json => (named(), Shape::Json(Members::new(&columns))),
            Form::Avro(layout) => (named(), Shape::Avro(AvroDecoder::new(layout)?)),
            Form::Csv { dialect, encoding, header } => {
                let number = |column: &ColumnName| if let ColumnName::Number(number) = column { *number } else { 0 };
                let width_min = columns.iter().map(number).max().map_or(0, |last| last + 1);
                let width = (!header.is_empty()).then_some(header.len());
                let numbered = || (0..width_min).map(|column| format!("column {column}")).collect();
                let names = if header.is_empty() { numbered() } else { header.to_vec() };
                (names, Shape::Csv { dialect: *dialect, encoding, width, width_min, fields: Vec::new() })
            }
        };
        let header = Header { names, beside };
        let rows = self.layout.rows(&header)?;
        Ok(MessageDecoder { rows: Rows { rows, width: header.names.len(), beside: header.beside }, shape })
    }

    /// What a data folder knows of the schemas of messages, and how it learns more; `None` where no registry is asked.
    pub(crate) fn schemas(&self, source: &str, archive: &Archive) -> Option<Schemas> {
        if let Form::Avro(layout) = &self.form { layout.schemas(source, archive) } else { None }
    }

    /// Asks the registry whether it answers, if there is one: gives its address.
    pub(crate) fn look_at_registry(&self) -> Option<Result<String, EngineError>> {
        if let Form::Avro(layout) = &self.form { Some(layout.registry()?.look()) } else { None }
    }
}

/// The columns of the payload, and what stands beside it.
fn divided(layout: &Layout) -> (Vec<ColumnName>, Vec<Beside>) {
    let (mut columns, mut beside) = (Vec::new(), Vec::new());
    for column in layout.column_names() {
        match column {
            ColumnName::Beside(part) => beside.push(part),
            column => columns.push(column),
        }
    }
    (columns, beside)
}

/// Decodes messages.
pub(crate) struct MessageDecoder {
    rows: Rows,
    shape: Shape,
}

/// Makes records of what the payload has, and of what stands beside it.
struct Rows {
    rows: Box<dyn RowDecoder>,
    /// How many columns the payload has.
    width: usize,
    beside: Vec<Beside>,
}

impl Rows {
    fn decode<M: Message>(&self, payload: &dyn TextRow, message: &M, offset: u64) -> Result<Event<Record>, Fault> {
        if self.beside.is_empty() {
            return self.rows.decode(payload, offset);
        }
        self.rows.decode(&MessageRow { payload, width: self.width, beside: &self.beside, message }, offset)
    }
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
    Avro(AvroDecoder),
}

impl MessageDecoder {
    /// The id of the schema that must be learnt before a message can be decoded. Of an id that the registry did not know it
    /// is asked again after a while, if a while is given.
    pub(crate) fn needs(&self, payload: Option<&[u8]>, ask_again: Option<Duration>) -> Option<u32> {
        if let Shape::Avro(decoder) = &self.shape { decoder.needs(payload, ask_again) } else { None }
    }

    /// Takes note of what the registry says of an id.
    pub(crate) fn learn(&mut self, id: u32, answer: Answer) {
        if let Shape::Avro(decoder) = &mut self.shape {
            decoder.learn(id, answer);
        }
    }

    /// Adds what became of the message at `offset` to a batch: an event or a refusal.
    pub(crate) fn decode<M: Message>(&mut self, message: &M, offset: u64, into: &mut Batch<Record>) {
        let (key, payload) = (message.key(), message.payload());
        let decoded = match payload {
            None => self.delete(key, offset),
            Some(payload) if payload.len() > RECORD_BYTES_MAX => Err(too_long(payload.len())),
            Some(payload) => self.record(payload, message, Stand { partition: &into.partition, offset }),
        };
        match decoded {
            Ok(event) => into.events.push(event),
            Err(mut fault) => {
                fault.what.push_str(&told_headers(message));
                into.refusals.push(fault.refuse(offset, None, payload.or(key).unwrap_or_default()));
            }
        }
        into.upper = offset + 1;
    }

    fn record<M: Message>(&mut self, payload: &[u8], message: &M, stand: Stand<'_>) -> Result<Event<Record>, Fault> {
        let (rows, offset) = (&self.rows, stand.offset);
        match &mut self.shape {
            Shape::Avro(decoder) => decoder.decode(payload, stand, |row| rows.decode(row, message, offset)),
            Shape::Json(members) => {
                let text = std::str::from_utf8(payload).map_err(|error| not_text(error.valid_up_to(), "utf-8"))?;
                let row = members.parse(text).map_err(|error| not_an_object(&error))?;
                rows.decode(&row, message, offset)
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
                rows.decode(&SeparatedRow { text: &text, fields, dialect: *dialect }, message, offset)
            }
        }
    }

    /// A message without a payload deletes the record whose id is its key.
    fn delete(&self, key: Option<&[u8]>, offset: u64) -> Result<Event<Record>, Fault> {
        let key = key.filter(|key| !key.is_empty()).ok_or_else(no_key)?;
        let id = key_text(key).map_err(|fault| fault.in_field("key"))?;
        self.rows.rows.delete(id, offset).map_err(|fault| fault.in_field("key"))
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
