//! The configuration of a layout, as it is written.

use std::collections::BTreeMap;
use std::fmt;

use super::kinds::RecordKind;
use crate::ConfigError;
use model::NumberFormat;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// How the fields of a record are found and read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LayoutConfig {
    /// What kind of record each row is.
    pub record: RecordKind,
    /// Field → column. Empty: every column that is named like a field.
    pub columns: ByField<ColumnName>,
    /// Field → text, for what every record of the source has in common.
    pub constants: ByField<Text>,
    /// Field → (text in the file → text that is read instead).
    pub values: ByField<BTreeMap<String, Text>>,
    /// Field → which identifier it must be.
    pub identifiers: ByField<Scheme>,
    /// Field → how many of the digits of its whole numbers are decimals.
    pub scale: ByField<u8>,
    /// How numbers are written.
    pub numbers: NumberFormat,
    /// The formats of dates, tried in order.
    pub dates: Vec<String>,
    /// The formats of times, tried in order.
    pub times: Vec<String>,
    /// Which rows delete their record.
    pub tombstone: Option<TombstoneConfig>,
    /// Which rows are written by a newer producer than this configuration knows.
    pub schema_version: Option<SchemaVersionConfig>,
}

const SETTINGS: &[&str] = &[
    "record",
    "columns",
    "constants",
    "values",
    "identifiers",
    "scale",
    "numbers",
    "dates",
    "times",
    "tombstone",
    "schema_version",
];

/// Refuses settings that neither layouts nor this kind of source has.
pub(crate) fn refuse_unknown(
    key: &str,
    unknown: &BTreeMap<String, de::IgnoredAny>,
    others: &[&str],
) -> Result<(), ConfigError> {
    match unknown.keys().find(|name| name.as_str() != "kind") {
        None => Ok(()),
        Some(name) => {
            let known = others.iter().chain(SETTINGS).copied();
            Err(ConfigError::unknown(format!("{key}.{name}"), "setting", name, known))
        }
    }
}

/// Rows with one of these values in this column delete the record with their id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TombstoneConfig {
    /// The column.
    pub column: ColumnName,
    /// The values, compared exactly.
    pub values: Vec<Text>,
}

/// Rows with a greater whole number in this column are refused.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaVersionConfig {
    /// The column.
    pub column: ColumnName,
    /// The newest version that this configuration was written for.
    pub max: u64,
}

/// Which identifier a symbol must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Any text.
    #[default]
    Text,
    /// ISO 6166.
    Isin,
    /// ISO 17442.
    Lei,
    /// ANSI X9.6.
    Cusip,
    /// London Stock Exchange.
    Sedol,
    /// ANSI X9.145.
    Figi,
    /// ISO 10383.
    Mic,
    /// ISO 9362.
    Bic,
    /// ISO 23897.
    Uti,
}

/// A setting for each of some fields. Attributes are apart, so that their names never clash with those of fields.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ByField<T> {
    /// By the name of the attribute.
    #[serde(default = "BTreeMap::new")]
    pub attributes: BTreeMap<String, T>,
    /// By the name of the field.
    #[serde(flatten)]
    pub fields: BTreeMap<String, T>,
}

impl<T> Default for ByField<T> {
    fn default() -> Self {
        ByField { attributes: BTreeMap::new(), fields: BTreeMap::new() }
    }
}

impl<T> ByField<T> {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.fields.is_empty()
    }
}

/// A column by the name in its header or, where there is none, by its number from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnName {
    /// By name.
    Name(String),
    /// By number.
    Number(usize),
    /// Not in the payload of a message but beside it.
    Beside(Beside),
}

/// What stands beside the payload of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The header of this name.
    Header(String),
    /// Another part of the message.
    Part(MessagePart),
}

/// A part of a message that is neither its payload nor a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessagePart {
    /// Its key, as text.
    Key,
    /// When it was made or appended, to the millisecond, UTC.
    Timestamp,
    /// The topic.
    Topic,
    /// The number of the partition.
    Partition,
    /// The offset in the partition.
    Offset,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Beside::Header(name) => write!(f, "header {name}"),
            Beside::Part(MessagePart::Key) => f.write_str("message key"),
            Beside::Part(MessagePart::Timestamp) => f.write_str("message timestamp"),
            Beside::Part(MessagePart::Topic) => f.write_str("message topic"),
            Beside::Part(MessagePart::Partition) => f.write_str("message partition"),
            Beside::Part(MessagePart::Offset) => f.write_str("message offset"),
        }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnName::Name(name) => f.write_str(name),
            ColumnName::Number(number) => write!(f, "{number}"),
            ColumnName::Beside(beside) => beside.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for ColumnName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = ColumnName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the name of a column, its number from 0, or what stands beside a message: { header = \"name\" } or \
                     { message = \"key\" } (key, timestamp, topic, partition or offset)",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ColumnName, A::Error> {
                let wrong = || de::Error::invalid_type(de::Unexpected::Map, &self);
                let beside = match map.next_key::<String>()?.as_deref() {
                    Some("header") => Beside::Header(map.next_value().map_err(|_: A::Error| wrong())?),
                    Some("message") => Beside::Part(map.next_value().map_err(|_: A::Error| wrong())?),
                    _ => return Err(wrong()),
                };
                if map.next_key::<de::IgnoredAny>()?.is_some() {
                    return Err(wrong());
                }
                Ok(ColumnName::Beside(beside))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ColumnName, E> {
                Ok(ColumnName::Name(name.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ColumnName, E> {
                usize::try_from(number)
                    .map(ColumnName::Number)
                    .map_err(|_| E::custom("there are not that many columns"))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<ColumnName, E> {
                let number = u64::try_from(number).map_err(|_| E::custom("columns are numbered from 0"))?;
                self.visit_u64(number)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A text; a number or a truth value may be written without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Text, E> {
                Ok(Text(truth.to_string()))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
