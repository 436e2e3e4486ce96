//! Arrow Flight: views read and followed, batches pushed; metrics and health on the same port.
//!
//! | method | what it does |
//! |---|---|
//! | `ListFlights` | the catalogue: one entry a view, with its schema, its ticket and (`app_metadata`) what it is about |
//! | `GetFlightInfo`, `GetSchema` | one entry: by the path `[view]`, or a ticket as the command |
//! | `DoGet` | a view as of a tick, or followed: see [`Ticket`] |
//! | `DoPut` | pushes record batches to a source, acknowledged when durable: see [`PutReceipt`] |
//! | `DoAction` | `health`, `frontier`, `origins` |
//! | `Handshake` | gives the token that goes with a name and a secret |
//!
//! Every request passes the guard: its caller is known and may ask (see [`crate::access`]), and it has a correlation id,
//! which is in its answer and in the log.
//!
//! A stream begins with the rows as of a tick, ended by a message of kind `snapshot_end`; a subscription goes on with the
//! changes of each tick, and tells every time that it is complete up to a later tick, also when nothing changed. What
//! each message is, and from which tick to resume after it, is in its `app_metadata`: see [`Metadata`].
//!
//! Guarantees: ticks come in order, and none is missing, repeated or split between two `resume` points. A client that
//! does not read holds back only itself: the engine keeps a bounded number of pending changes for it, first merges them
//! into fewer ticks, and at last ends the stream with `RESOURCE_EXHAUSTED` and the tick to resume from. Limits: 8,192
//! rows and 2 MiB a message, 64 MiB a pushed batch, 32 batches of a stream on their way to be durable, 100 progress
//! messages a second.
//!
//! ```toml
//! [flight]
//! listen = "127.0.0.1:8815"
//! ```

mod action;
mod call;
mod catalogue;
pub mod client;
mod config;
mod correlation;
mod encode;
mod feed;
mod guard;
mod handshake;
mod http;
mod metadata;
mod metrics;
mod put;
mod server;
mod sink;
mod status;
#[cfg(test)]
mod tests;
mod ticket;

pub use action::{Health, OriginTold, OriginsAsked};
pub use config::{FlightConfig, LISTEN_DEFAULT};
pub use metadata::{Kind, Metadata, VERSION};
pub use put::PutReceipt;
pub use server::{Listening, Security, bind, serve};
pub use ticket::Ticket;
