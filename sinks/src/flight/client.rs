//! A client: what the command line and the tests use, and an example of what any client has to do.

mod channel;
mod follow;
mod push;
mod read;

use std::error::Error as _;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::{Action, Criteria, FlightDescriptor, FlightInfo};
use engine::{EngineError, ErrorKind, Tick};

use super::catalogue::About;
use super::metadata::Kind;
use super::status::from_status;
use super::{Health, OriginTold, OriginsAsked, PutReceipt, Ticket};

pub use channel::Identification;
use channel::Service;
pub use follow::Follow;
pub use push::{Pusher, Receipts};
pub use read::{Message, Messages};

/// A connection to a server. Cheap to clone; it connects again by itself.
#[derive(Clone, Debug)]
pub struct Client {
    service: Service,
}

/// A view of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewInfo {
    /// Its name.
    pub name: String,
    /// One sentence about it.
    pub about: String,
    /// The columns that make its key.
    pub key: Vec<String>,
    /// What is sent: `_tick`, `_diff`, `_key` and its own columns.
    pub schema: SchemaRef,
}

impl Client {
    /// Connects to an address such as `127.0.0.1:8815`.
    pub async fn connect(address: &str) -> Result<Client, EngineError> {
        Client::connect_as(address, &Identification::default()).await
    }

    /// Connects to an address such as `grpc+tls://tieout.example.com:8815`, and shows who asks.
    pub async fn connect_as(address: &str, identification: &Identification) -> Result<Client, EngineError> {
        Ok(Client { service: channel::connect(address, identification).await? })
    }

    /// The catalogue.
    pub async fn views(&self) -> Result<Vec<ViewInfo>, EngineError> {
        let mut entries = self.service.clone().list_flights(Criteria::default()).await.map_err(failed)?.into_inner();
        let mut views = Vec::new();
        while let Some(entry) = entries.message().await.map_err(failed)? {
            views.push(view_info(entry)?);
        }
        Ok(views)
    }

    /// One view of the catalogue.
    pub async fn view(&self, name: &str) -> Result<ViewInfo, EngineError> {
        let descriptor = FlightDescriptor::new_path(vec![name.to_owned()]);
        view_info(self.service.clone().get_flight_info(descriptor).await.map_err(failed)?.into_inner())
    }

    /// How the server fares.
    pub async fn health(&self) -> Result<Health, EngineError> {
        let action = Action { r#type: "health".into(), body: Default::default() };
        let mut answers = self.service.clone().do_action(action).await.map_err(failed)?.into_inner();
        let answer = answers.message().await.map_err(failed)?.unwrap_or_default();
        serde_json::from_slice(&answer.body).map_err(|error| foreign(&error.to_string()))
    }

    /// Where the records came from that are asked about.
    pub async fn origins(&self, asked: &OriginsAsked) -> Result<Vec<OriginTold>, EngineError> {
        let body = serde_json::to_vec(asked).map_err(|error| foreign(&error.to_string()))?;
        let action = Action { r#type: "origins".into(), body: body.into() };
        let mut answers = self.service.clone().do_action(action).await.map_err(failed)?.into_inner();
        let answer = answers.message().await.map_err(failed)?.unwrap_or_default();
        serde_json::from_slice(&answer.body).map_err(|error| foreign(&error.to_string()))
    }

    /// Reads what a ticket asks for, as it comes, over this connection and no other.
    pub async fn read(&self, ticket: &Ticket) -> Result<Messages, EngineError> {
        let request = arrow_flight::Ticket::new(ticket.to_json());
        let stream = self.service.clone().do_get(request).await.map_err(failed)?.into_inner();
        Messages::open(stream).await
    }

    /// Reads a view whole: its tick and its rows.
    pub async fn snapshot(&self, ticket: &Ticket) -> Result<(Tick, Vec<RecordBatch>), EngineError> {
        let mut messages = self.read(ticket).await?;
        let mut batches = Vec::new();
        while let Some(message) = messages.next().await? {
            match message.metadata.kind {
                Kind::Snapshot => batches.push(message.batch),
                Kind::SnapshotEnd => return Ok((message.metadata.tick, batches)),
                Kind::Changes | Kind::Progress => break,
            }
        }
        let what = format!("the snapshot of `{}` was cut off", ticket.view);
        Err(EngineError::new(
            ErrorKind::Unavailable,
            what,
            "read it again; a ticket with from_tick asks for no snapshot",
        ))
    }

    /// Follows a view, over as many connections as it takes.
    pub fn follow(&self, ticket: Ticket) -> Follow {
        Follow::new(self.clone(), ticket)
    }

    /// Pushes batches of one schema as one batch with one id; without one the server makes one up, and a repetition is
    /// not noticed.
    pub async fn put(
        &self,
        source: &str,
        batch_id: Option<&str>,
        batches: &[RecordBatch],
    ) -> Result<PutReceipt, EngineError> {
        push::put(self.service.clone(), source, batch_id, batches).await
    }

    /// Opens a stream of pushes, each with an id and a receipt of its own: many can be on their way at once.
    pub async fn pusher(&self, source: &str, schema: &Schema) -> Result<(Pusher, Receipts), EngineError> {
        push::open(self.service.clone(), source, schema).await
    }
}

fn view_info(entry: FlightInfo) -> Result<ViewInfo, EngineError> {
    let about: About = serde_json::from_slice(&entry.app_metadata).map_err(|error| foreign(&error.to_string()))?;
    let name = entry.flight_descriptor.as_ref().and_then(|descriptor| descriptor.path.first()).cloned();
    let name = name.ok_or_else(|| foreign("an entry of the catalogue has no name"))?;
    let schema = Schema::try_from(entry).map_err(|error| foreign(&error.to_string()))?;
    Ok(ViewInfo { name, about: about.about, key: about.key, schema: schema.into() })
}

fn failed(status: tonic::Status) -> EngineError {
    if let Some(id) = status.metadata().get("x-correlation-id").and_then(|id| id.to_str().ok()) {
        tracing::debug!(correlation_id = id, "the server has refused");
    }
    let error = from_status(&status);
    // What has a cause of its own was not said by the server: the connection is broken.
    if status.source().is_some() && error.help.is_empty() {
        let help = "look whether the server runs; if it has [tls], its address is grpc+tls://host:port";
        return EngineError { help: help.to_owned(), ..error };
    }
    error
}

/// The server answers, but not as this one does.
fn foreign(what: &str) -> EngineError {
    let help = "the address may be that of another Flight server, or of another version of tieout";
    EngineError::new(ErrorKind::Damaged, format!("the server's answer cannot be read: {what}"), help)
}
