//! How a row of texts or of Arrow columns becomes a `model::Record`, or a refusal.
//!
//! ```text
//!  LayoutConfig ──checked──▶ Layout ──bound to a header or schema──▶ rows | columns ──▶ Event<Record> | Refusal
//!                              │
//!                             plan: which column fills which place of a draft, and how its value is read
//! ```
//! Exact or refused: no value is rounded, guessed or dropped. What was wrong is told with the field as the file names
//! it, what was expected and what to do, in the file or in the configuration.
//!
//! # Values
//!
//! | field holds | read from text, JSON | read from Arrow columns |
//! |---|---|---|
//! | a symbol | as it is; `isin`, `uti` and `venue` are checked, others if `identifiers` says so | text, whole numbers, decimals, floats, truth values, dates |
//! | a number | as `numbers` says; JSON numbers with all their digits | whole numbers (in units of 10^-`scale`), decimals; floats by their shortest decimal |
//! | a date | as `dates` says | dates; timestamps at midnight UTC; text and whole numbers as `dates` says |
//! | a time | as `times` says, UTC without an offset | timestamps, those without a zone in UTC; dates |
//! | a code | its own or usual texts, and what `values` says | text, whole numbers, truth values, as `values` says |
//! | lots, several ids | `LOT1:100;LOT2:50`, `T-17;T-18`; an array of JSON | text |
//!
//! Of a message also what stands beside its payload can be a column: `{ header = "name" }`, or `{ message = "key" }`
//! (`key`, `timestamp`, `topic`, `partition`, `offset`).
//!
//! Nothing is known of a field whose text is empty or whose value is null. A record without a field that no record of
//! its kind is of use without is refused: which these are stands in the table of the kinds, [`RecordKind`], where also
//! a kind is added.
//!
//! # Configuration
//!
//! ```
//! # let configuration = r##"
//! record = "trade"                                      # or another kind, such as transaction or market_price
//! numbers = { decimal = ",", grouping = ".", parentheses_negative = true }
//! dates = ["%d/%m/%Y", "%Y%m%d"]                        # tried in order; by default %Y-%m-%d
//! times = ["%d/%m/%Y %H:%M:%S"]                         # by default ISO 8601, with or without an offset
//! constants = { product = "equity" }                    # what all records have in common
//! values = { side = { BOT = "buy", SLD = "sell" }, price = { "N/A" = "" } }
//! identifiers = { counterparty = "lei", venue = "text" } # isin lei cusip sedol figi mic bic uti text
//! scale = { price = 4 }                                 # whole numbers in `price` count ten-thousandths
//! tombstone = { column = "status", values = ["CANCELLED", "X"] }  # such a row deletes the record with its id
//! schema_version = { column = "version", max = 3 }      # rows of a greater version are refused
//!
//! [columns]                                             # field = column, by name, or by number from 0; in JSON also
//! id = "trade_id"                                       # by path, such as `instrument.isin`. Without this table, each
//! side = "buy_sell"                                     # field is read from the column of its name
//! price = "px"
//! counterparty = "cpty_lei"
//! attributes.given_name = "first_name"
//! # "##;
//! # let config: connectors::layout::LayoutConfig = toml::from_str(configuration).unwrap();
//! # let dictionary = model::Dictionary::new();
//! # let (attributes, folder) = (["given_name".to_owned()], std::path::Path::new(""));
//! # let scope = connectors::Scope {
//! #     name: "internal", source: model::SourceId(0), attributes: &attributes, dictionary: &dictionary, folder,
//! # };
//! # connectors::layout::Layout::new(&config, &scope).unwrap();
//! ```

#[cfg(test)]
pub(crate) mod any_record;
mod columns;
mod config;
mod decimal;
mod draft;
mod fault;
mod fund_aum;
mod header;
mod kinds;
mod lists;
mod plan;
mod rows;
mod template;
#[cfg(test)]
mod tests;
mod trade;
mod transaction;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Schema;
use model::{Dictionary, SourceId, Trade};

pub use config::{
    Beside, ByField, ColumnName, LayoutConfig, MessagePart, SchemaVersionConfig, Scheme, Text, TombstoneConfig,
};
pub use draft::{FieldDescription, Need};
pub use kinds::RecordKind;
pub use template::{field_table, template};
pub use value::ValueType;

pub(crate) use columns::ColumnDecoder;
pub(crate) use config::refuse_unknown;
pub(crate) use decimal::Decimal;
pub(crate) use fault::{Fault, guarded};
pub(crate) use header::Header;
pub(crate) use rows::{Given, RowDecoder, TextRow};

use crate::ConfigError;
use draft::Draft;
use kinds::Drafting;
use plan::Basis;

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

impl Scope<'_> {
    /// The path of the source's configuration.
    pub(crate) fn key(&self) -> String {
        format!("source.{}", self.name)
    }
}

/// A layout that was checked: how the rows of one source are read. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Layout(Arc<Basis>);

impl Layout {
    /// Checks a configuration.
    pub fn new(config: &LayoutConfig, scope: &Scope<'_>) -> Result<Layout, ConfigError> {
        let layout = Layout::of_messages(config, scope)?;
        match layout.column_names().into_iter().find(|column| matches!(column, ColumnName::Beside(_))) {
            None => Ok(layout),
            Some(column) => {
                let what = format!("there is no {column}: the rows of this source are no messages");
                Err(ConfigError::new(format!("{}.columns", scope.key()), what, "name a column, or take it out"))
            }
        }
    }

    /// Checks the configuration of a source of messages: they have more than their payload.
    pub(crate) fn of_messages(config: &LayoutConfig, scope: &Scope<'_>) -> Result<Layout, ConfigError> {
        let layout = Layout(Arc::new(Basis {
            key: Arc::from(scope.key()),
            source: scope.source,
            attributes: scope.attributes.into(),
            dictionary: scope.dictionary.clone(),
            config: config.clone(),
        }));
        layout.0.check()?;
        let every_column = layout.columns_of(None);
        (layout.drafting(&every_column).check)(&layout.0, &every_column)?;
        Ok(layout)
    }

    /// The names of all columns that are looked for.
    pub(crate) fn column_names(&self) -> Vec<ColumnName> {
        let config = &self.0.config;
        let columns = self.columns_of(None);
        let fields = columns.fields.values().chain(columns.attributes.values());
        let others = config.tombstone.iter().map(|tombstone| &tombstone.column);
        let others = others.chain(config.schema_version.iter().map(|version| &version.column));
        let mut names: Vec<ColumnName> = Vec::new();
        for name in fields.chain(others) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The setting that names a column, such as `columns.isin`.
    pub(crate) fn setting_of(&self, column: &ColumnName) -> String {
        let ByField { fields, attributes } = &self.0.config.columns;
        let field = fields.iter().find(|(_, known)| *known == column).map(|(name, _)| format!("columns.{name}"));
        let attribute = || attributes.iter().find(|(_, known)| *known == column);
        let attribute = || attribute().map(|(name, _)| format!("columns.attributes.{name}"));
        field.or_else(attribute).unwrap_or_else(|| "columns".to_owned())
    }

    /// Whether columns are found by the names of the fields, because the configuration names none.
    pub(crate) fn is_by_name(&self) -> bool {
        self.0.config.columns.is_empty()
    }

    /// What makes records of rows of texts with these columns.
    pub(crate) fn rows(&self, header: &Header) -> Result<Box<dyn RowDecoder>, Fault> {
        let columns = self.columns_of(Some(header));
        (self.drafting(&columns).rows)(&self.0, &columns, header)
    }

    /// What makes records of batches with this schema.
    pub(crate) fn columns(&self, schema: &Schema) -> Result<Box<dyn ColumnDecoder>, Fault> {
        let header = Header::of(schema.fields().iter().map(|field| field.name().clone()).collect());
        let columns = self.columns_of(Some(&header));
        (self.drafting(&columns).columns)(&self.0, &columns, schema)
    }

    /// What can be done with records of this layout, of which these columns are known.
    fn drafting(&self, columns: &ByField<ColumnName>) -> Drafting {
        match self.0.config.record {
            RecordKind::Trade if self.needs_no_detail(columns) => Drafting::TRADES_WITHOUT_DETAIL,
            kind => kind.drafting(),
        }
    }

    fn needs_no_detail(&self, columns: &ByField<ColumnName>) -> bool {
        let constants = &self.0.config.constants;
        let is_hot = |name: &String| <Trade as Draft>::field(name).is_some();
        let fields = columns.fields.keys().chain(constants.fields.keys());
        columns.attributes.is_empty() && constants.attributes.is_empty() && fields.clone().all(is_hot)
    }

    /// The columns of the configuration or, when it names none, those that are named like a field or an attribute: of
    /// the header, or all there could be. A field that cannot be done without is looked for in any case.
    fn columns_of(&self, header: Option<&Header>) -> Cow<'_, ByField<ColumnName>> {
        let Basis { config, attributes, .. } = &*self.0;
        if !self.is_by_name() {
            return Cow::Borrowed(&config.columns);
        }
        let is_there = |name: &str| header.is_none_or(|header| header.names.iter().any(|known| known == name));
        let named = |name: &str| (name.to_owned(), ColumnName::Name(name.to_owned()));
        let drafting = config.record.drafting();
        let is_wanted = |field: &FieldDescription| {
            let is_constant = config.constants.fields.contains_key(field.name);
            !is_constant && (field.need.is_needed() || is_there(field.name))
        };
        let fields = (drafting.fields)().into_iter().filter(is_wanted).map(|field| named(field.name)).collect();
        let is_wanted = |name: &&String| {
            drafting.has_attributes && !config.constants.attributes.contains_key(*name) && is_there(name)
        };
        let attributes: BTreeMap<_, _> = attributes.iter().filter(is_wanted).map(|name| named(name)).collect();
        Cow::Owned(ByField { attributes, fields })
    }
}
