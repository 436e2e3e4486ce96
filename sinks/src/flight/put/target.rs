//! Whom a pushed batch is for, and what its id is.

use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::{FlightData, FlightDescriptor};
use engine::{EngineError, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::identity;

/// How long the id of a batch may be.
const BATCH_ID_BYTES_MAX: usize = 256;

/// The source that a stream is for, and the id that the stream has as a whole: the JSON of its descriptor's command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::flight) struct Target {
    /// The source.
    pub(in crate::flight) source: String,
    /// The id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::flight) batch_id: Option<String>,
}

/// What a message says of its batch: JSON in its `app_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::flight) struct PutMetadata {
    /// The id.
    pub(in crate::flight) batch_id: String,
}

impl Target {
    /// The target of a stream, by its first message.
    pub(super) fn of(first: &FlightData) -> Result<Self, EngineError> {
        let descriptor = first
            .flight_descriptor
            .as_ref()
            .ok_or_else(|| invalid("the first message has no descriptor", example()))?;
        let mut target = Target::named(descriptor)?;
        if let Some(batch_id) = batch_id(&first.app_metadata)? {
            if target.batch_id.as_ref().is_some_and(|other| *other != batch_id) {
                return Err(invalid(
                    "the descriptor and the first message give different batch ids",
                    "give one of them",
                ));
            }
            target.batch_id = Some(batch_id);
        }
        Ok(target)
    }

    fn named(descriptor: &FlightDescriptor) -> Result<Self, EngineError> {
        let target: Target = match (descriptor.r#type(), descriptor.path.as_slice()) {
            (DescriptorType::Path, [source]) => Target { source: source.clone(), batch_id: None },
            (DescriptorType::Path, [source, batch_id]) => {
                Target { source: source.clone(), batch_id: Some(batch_id.clone()) }
            }
            (DescriptorType::Cmd, _) => serde_json::from_slice(&descriptor.cmd)
                .map_err(|error| invalid(&format!("the descriptor's command cannot be read: {error}"), example()))?,
            (_, path) => return Err(invalid(&format!("the descriptor's path has {} parts", path.len()), example())),
        };
        target.batch_id.as_deref().map_or(Ok(()), check_id)?;
        Ok(target)
    }
}

/// The id that a message gives its batch, if it gives one.
pub(super) fn batch_id(app_metadata: &[u8]) -> Result<Option<String>, EngineError> {
    if app_metadata.is_empty() {
        return Ok(None);
    }
    let metadata: PutMetadata = serde_json::from_slice(app_metadata).map_err(|error| {
        invalid(
            &format!("the app_metadata of a pushed message cannot be read: {error}"),
            r#"write {"batch_id": "..."}, or leave it empty"#,
        )
    })?;
    check_id(&metadata.batch_id)?;
    Ok(Some(metadata.batch_id))
}

/// An id for a batch that came without one. Nobody else has it, so a repetition of the batch is not noticed.
pub(super) fn made_up_id() -> String {
    format!("unnamed-{}", identity::made_up())
}

fn check_id(batch_id: &str) -> Result<(), EngineError> {
    if batch_id.is_empty() || batch_id.len() > BATCH_ID_BYTES_MAX {
        let what = format!("a batch id has {} bytes", batch_id.len());
        return Err(invalid(&what, &format!("give it 1 to {BATCH_ID_BYTES_MAX}")));
    }
    Ok(())
}

fn example() -> &'static str {
    r#"give the path [source] or [source, batch id], or the command {"source": "...", "batch_id": "..."}"#
}

fn invalid(what: &str, help: &str) -> EngineError {
    EngineError::new(ErrorKind::Invalid, what, help)
}
