//! How a row of texts or of Arrow columns becomes a `model::Record`, or a refusal.
//!
//! ```text
//!  LayoutConfig ──checked──▶ Layout ──bound to a header or schema──▶ decoder ──▶ Event<Record> | Refusal
//! ```

mod config;

use std::path::Path;

use model::{Dictionary, SourceId};

pub use config::{ByField, ColumnName, LayoutConfig, RecordKind, SchemaVersionConfig, Scheme, Text, TombstoneConfig};

use crate::ConfigError;

/// What a source needs to know about the engine that it is part of.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The name of the source in the configuration.
    pub name: &'a str,
    /// Its number: by the order of definition.
    pub source: SourceId,
    /// The names of the attributes, by their index.
    pub attributes: &'a [String],
    /// Where the texts of symbols are kept.
    pub dictionary: &'a Dictionary,
    /// Where relative paths start.
    pub folder: &'a Path,
}

/// A layout that was checked: how the rows of one source are read.
#[derive(Clone, Debug)]
pub struct Layout {}

impl Layout {
    /// Checks a configuration.
    pub fn new(config: &LayoutConfig, scope: &Scope<'_>) -> Result<Layout, ConfigError> {
        let _ = (config, scope);
        Ok(Layout {})
    }
}
