//! The catalogue: what views there are, and how each is asked for.

use arrow::error::ArrowError;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo};
use engine::{EngineError, ErrorKind, ViewSpec};
use serde::{Deserialize, Serialize};

use super::encode::wire_schema;
use super::ticket::Ticket;

/// What the catalogue says of a view: JSON in the `app_metadata` of its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// One sentence.
    pub(super) about: String,
    /// The columns that make its key.
    pub(super) key: Vec<String>,
}

/// A view's entry: its schema, and the ticket that reads it.
pub(super) fn entry(spec: &ViewSpec, ticket: &Ticket) -> Result<FlightInfo, ArrowError> {
    let about = About {
        about: spec.about.clone(),
        key: spec.key.iter().map(|column| spec.columns[*column].name.clone()).collect(),
    };
    // No location: the view is read where the catalogue was.
    let endpoint = FlightEndpoint::new().with_ticket(arrow_flight::Ticket::new(ticket.to_json()));
    let info = FlightInfo::new()
        .try_with_schema(&wire_schema(spec))?
        .with_descriptor(FlightDescriptor::new_path(vec![spec.name.clone()]))
        .with_endpoint(endpoint)
        .with_total_records(-1)
        .with_total_bytes(-1)
        // Texts only: it cannot fail.
        .with_app_metadata(serde_json::to_vec(&about).unwrap_or_default());
    Ok(info)
}

/// The ticket that a descriptor stands for: a path of one name, or a ticket as a command.
pub(super) fn ticket_of(descriptor: &FlightDescriptor) -> Result<Ticket, EngineError> {
    match (descriptor.r#type(), descriptor.path.as_slice()) {
        (DescriptorType::Path, [view]) => Ok(Ticket::snapshot(view)),
        (DescriptorType::Cmd, _) => Ticket::parse(&descriptor.cmd),
        (_, path) => {
            let what = format!("the descriptor does not name a view: its path has {} parts", path.len());
            Err(EngineError::new(ErrorKind::Invalid, what, "give the path [view], or a ticket as the command"))
        }
    }
}
