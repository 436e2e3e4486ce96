//! Flight: batches pushed as Arrow, kept in the engine's journal.
//!
//! ```text
//!  client ──DoPut──▶ schema checked ──▶ encoded ──▶ journal (durable: acknowledged) ──▶ decoded ──▶ batch
//!                                                      │                                 ▲
//!                                                      └──────────── replay ─────────────┘
//! ```
//!
//! # Reads
//!
//! Payloads: Arrow IPC streams as [`encode`] writes them. Every type of column that `layout` reads.
//!
//! # Guarantees
//!
//! - The same payload gives the same records. An offset is the number of a row in its payload, counted from where the
//!   journal says that the payload starts.
//! - A row that cannot be used is refused with its columns as JSON. What cannot be read of a payload is one refusal after
//!   the rows before it. A schema that cannot be read is refused when it is pushed, if [`FlightSource::check`] is asked.
//!
//! # Limits
//!
//! A payload is decoded whole, into one batch: the face that takes pushes bounds its rows.
//!
//! # Example
//!
//! Without `columns`, each column is read as the field, or the attribute, of its name.
//!
//! ```
//! # let configuration = r##"
//! [source.orders]
//! kind = "flight"
//! record = "trade"
//! scale = { price = 4 }                 # whole numbers in `price` count ten-thousandths
//! # "##;
//! # #[derive(serde::Deserialize)]
//! # struct Configuration { source: std::collections::BTreeMap<String, connectors::SourceConfig> }
//! # let configuration: Configuration = toml::from_str(configuration).unwrap();
//! # let dictionary = model::Dictionary::new();
//! # let folder = std::path::Path::new("");
//! # let scope = connectors::Scope {
//! #     name: "orders", source: model::SourceId(0), attributes: &[], dictionary: &dictionary, folder,
//! # };
//! # configuration.source["orders"].source(&scope).unwrap();
//! ```

mod config;
mod decode;
mod source;
#[cfg(test)]
mod tests;

pub use config::FlightConfig;
pub use decode::{decode_payload, encode};
pub use source::FlightSource;
