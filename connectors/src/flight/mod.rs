//! Flight: batches pushed as Arrow, kept in the engine's journal.

mod config;
mod decode;
mod source;
#[cfg(test)]
mod tests;

pub use config::FlightConfig;
pub use decode::{decode_payload, encode};
pub use source::FlightSource;
