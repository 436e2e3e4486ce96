//! Avro: messages whose schema stands in a file, or in a registry under an id that each message begins with.
//!
//! ```text
//!  message ──id──▶ known? ──no──▶ kept in the data folder? ──no──▶ registry ──▶ kept
//!     │              │                      │                                    │
//!     └──bytes──▶ prepared schema ◀─────────┴────────────────────────────────────┘
//!                    │ value, by the writer's schema
//!                 routes: where in it each column is, by the names, aliases and defaults of the reader's ──▶ row
//! ```
//! The library decodes; where a column is in what it decoded is found once for each schema. Resolution by the library itself
//! is not used: it takes the default of a field that has only been renamed, and refuses decimals of few bytes. Values keep
//! the type they were written with, so nothing is lost on the way from a writer's type to a reader's.
//!
//! An answer of the registry is kept in the data folder before a message is read with it, also the answer that it does not
//! know an id: so a replay gives the same records, whatever has become of the registry.

mod config;
mod leaf;
mod prepared;
mod registry;
mod route;
mod schemas;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use apache_avro::types::Value;

pub use config::{AvroConfig, SchemaFile};
pub(crate) use schemas::{Answer, Schemas};

use crate::ConfigError;
use crate::layout::{ColumnName, Fault, Given, Layout, Scope, TextRow};
use engine::Archive;
use prepared::{Prepared, ReaderSchema};
use registry::Registry;
use route::Route;

/// How many schemas are held ready at once. Those beyond are prepared anew from what is kept.
const SCHEMAS_MAX: usize = 256;

/// How much the decoding of one value may ask for: that a message is longer than it is, is found out before.
const ALLOCATION_BYTES_MAX: usize = 32 << 20;

/// How messages in Avro are read: checked.
pub(crate) struct AvroLayout {
    /// The paths of the columns that are in the payload.
    columns: Vec<String>,
    /// Whether columns are found by the names of fields: then a schema need not have all of them.
    is_by_name: bool,
    schema: Option<ReaderSchema>,
    registry: Option<Arc<Registry>>,
}

impl AvroLayout {
    /// Checks a configuration. `columns` are those of the payload.
    pub(crate) fn new(
        config: &AvroConfig,
        layout: &Layout,
        columns: &[ColumnName],
        scope: &Scope<'_>,
    ) -> Result<AvroLayout, ConfigError> {
        let key = format!("{}.avro", scope.key());
        // Set once for the whole process: whoever sets it first.
        apache_avro::util::max_allocation_bytes(ALLOCATION_BYTES_MAX);
        let registry = Registry::new(config, &key, scope)?.map(Arc::new);
        let schema = config.schema.as_ref().map(|file| ReaderSchema::new(file, &key, scope.folder)).transpose()?;
        if schema.is_none() && registry.is_none() {
            let help = "write avro = { schema = \"trade.avsc\" } for messages that are nothing but Avro, or avro = { registry = \
                        \"http://host:8081\" } for messages that begin with the id of their schema";
            return Err(ConfigError::new(key, "nothing says by which schema messages are written", help));
        }
        let columns_of = |column: &ColumnName| column.to_string();
        let avro = AvroLayout {
            columns: columns.iter().map(columns_of).collect(),
            is_by_name: layout.is_by_name(),
            schema,
            registry,
        };
        avro.check_columns(layout, columns, scope)?;
        Ok(avro)
    }

    /// What is known of the schema before there is a message can be told before there is one.
    fn check_columns(&self, layout: &Layout, columns: &[ColumnName], scope: &Scope<'_>) -> Result<(), ConfigError> {
        let Some(schema) = &self.schema else { return Ok(()) };
        let routes = schema.routes(&self.columns, self.is_by_name);
        let routes =
            routes.map_err(|fault| ConfigError::new(format!("{}.avro.schema", scope.key()), fault.what, fault.help))?;
        let named = columns.iter().zip(&routes).filter(|(column, _)| matches!(column, ColumnName::Name(_)));
        for (column, route) in named {
            if let Some(fault) = route.problem() {
                let key = format!("{}.{}", scope.key(), layout.setting_of(column));
                return Err(ConfigError::new(key, fault.what.clone(), fault.help.clone()));
            }
        }
        Ok(())
    }

    /// The registry, if one is configured.
    pub(crate) fn registry(&self) -> Option<&Arc<Registry>> {
        self.registry.as_ref()
    }

    /// What is known of schemas by a data folder, and how it learns more.
    pub(crate) fn schemas(&self, source: &str, archive: &Archive) -> Option<Schemas> {
        Some(Schemas::new(Arc::clone(self.registry.as_ref()?), source, archive.clone()))
    }
}

/// Decodes messages in Avro.
pub(crate) struct AvroDecoder {
    layout: Arc<AvroLayout>,
    /// The one schema of messages without an id.
    plain: Option<Prepared>,
    /// By their ids.
    known: HashMap<u32, Known>,
}

/// What is known of an id.
struct Known {
    asked: Instant,
    /// How to read its messages; `None` if the registry does not know it.
    reading: Option<Result<Prepared, Fault>>,
    /// Messages of these partitions before these offsets were refused, because the registry did not know the id yet.
    refused_below: BTreeMap<String, u64>,
}

/// Where a message stands.
#[derive(Clone, Copy)]
pub(crate) struct Stand<'a> {
    pub(crate) partition: &'a str,
    pub(crate) offset: u64,
}

impl AvroDecoder {
    pub(crate) fn new(layout: &Arc<AvroLayout>) -> Result<AvroDecoder, Fault> {
        let plain = match (&layout.schema, &layout.registry) {
            (Some(schema), None) => Some(Prepared::new(schema.texts(), None, layout)?),
            _ => None,
        };
        Ok(AvroDecoder { layout: Arc::clone(layout), plain, known: HashMap::new() })
    }

    /// The id of the schema that must be learnt before a message can be decoded. Of an id that the registry did not know it
    /// is asked again after a while, if a while is given.
    pub(crate) fn needs(&self, payload: Option<&[u8]>, ask_again: Option<Duration>) -> Option<u32> {
        if self.plain.is_some() {
            return None;
        }
        let (id, _) = divided(payload?).ok()?;
        let is_needed = |known: &Known| {
            known.reading.is_none() && ask_again.is_some_and(|ask_again| known.asked.elapsed() > ask_again)
        };
        self.known.get(&id).is_none_or(is_needed).then_some(id)
    }

    /// Takes note of what the registry says of an id.
    pub(crate) fn learn(&mut self, id: u32, answer: Answer) {
        if self.known.len() >= SCHEMAS_MAX {
            self.known.clear();
        }
        let reading = answer.schema.map(|texts| {
            Prepared::new(&texts, self.layout.schema.as_ref(), &self.layout).map_err(|fault| of_schema(id, fault))
        });
        self.known.insert(id, Known { asked: Instant::now(), reading, refused_below: answer.refused_below });
    }

    /// Decodes a message, the schema of which was learnt.
    pub(crate) fn decode<T>(
        &self,
        payload: &[u8],
        stand: Stand<'_>,
        row: impl FnOnce(&dyn TextRow) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (prepared, datum) = match &self.plain {
            Some(plain) => (plain, payload),
            None => {
                let (id, datum) = divided(payload)?;
                (self.reading(id, stand)?, datum)
            }
        };
        let value = prepared.read(datum).map_err(|fault| match &self.plain {
            Some(_) if divided(payload).is_ok() => seems_registered(fault),
            _ => fault,
        })?;
        row(&AvroRow { value: &value, routes: prepared.routes() })
    }

    fn reading(&self, id: u32, stand: Stand<'_>) -> Result<&Prepared, Fault> {
        let known = self.known.get(&id).ok_or_else(|| unknown(id))?;
        let was_refused = known.refused_below.get(stand.partition).is_some_and(|below| stand.offset < *below);
        match &known.reading {
            Some(reading) if !was_refused => reading.as_ref().map_err(Clone::clone),
            _ => Err(unknown(id)),
        }
    }
}

/// One value, and where in it the columns are.
struct AvroRow<'a> {
    value: &'a Value,
    routes: &'a [Route],
}

impl TextRow for AvroRow<'_> {
    fn value(&self, column: usize) -> Result<Given<'_>, Fault> {
        self.routes.get(column).map_or(Ok(Given::NOTHING), |route| route.read(self.value))
    }
}

/// The id of a message's schema, and the rest of it.
fn divided(payload: &[u8]) -> Result<(u32, &[u8]), Fault> {
    match payload {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ => Err(not_registered()),
    }
}

#[cold]
fn not_registered() -> Fault {
    let what = "the message does not begin with a zero byte and the four bytes of the id of its schema";
    let help = "send it with the serializer of the registry; for messages that are nothing but Avro name the file of their \
                schema in `avro.schema`, and leave `avro.registry` out";
    Fault::new(what, help)
}

#[cold]
fn seems_registered(fault: Fault) -> Fault {
    let help = "check that it was written by the schema in `avro.schema`; it begins as messages do whose schema is in a \
                registry: if it is one of them, set `avro.registry`";
    Fault { help: help.to_owned(), ..fault }
}

#[cold]
fn unknown(id: u32) -> Fault {
    let help = "check that `avro.registry` is the registry of those who send, and register the schema there: messages that \
                come after that are read";
    Fault::new(format!("the schema registry does not know schema {id}, by which the message was written"), help)
}

#[cold]
fn of_schema(id: u32, fault: Fault) -> Fault {
    Fault { what: format!("the message was written by schema {id} of the registry: {}", fault.what), ..fault }
}
