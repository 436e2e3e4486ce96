//! What a data folder knows of schemas: the answers of the registry, each kept before a message is read with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Archive, EngineError, ErrorKind, Stop};
use serde::{Deserialize, Serialize};

use super::prepared::SchemaTexts;
use super::registry::{RETRY, Registry, Trouble};

/// How often a stop is looked for while an answer is waited for.
const ROUND: Duration = Duration::from_millis(20);

/// What the registry told, or why it did not.
type Told = Result<Option<SchemaTexts>, Trouble>;

/// What the registry says of an id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The schema; `None` if there is none.
    pub(super) schema: Option<SchemaTexts>,
    /// Messages of these partitions before these offsets were refused, because there was no schema yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) refused_below: BTreeMap<String, u64>,
}

/// The schemas of one source.
pub(crate) struct Schemas {
    registry: Arc<Registry>,
    source: String,
    archive: Archive,
}

impl Schemas {
    pub(super) fn new(registry: Arc<Registry>, source: &str, archive: Archive) -> Schemas {
        Schemas { registry, source: source.to_owned(), archive }
    }

    fn name(&self, id: u32) -> String {
        format!("schema {id} of source {}", self.source)
    }

    /// What the data folder knows of an id.
    pub(crate) fn kept(&self, id: u32) -> Result<Option<Answer>, EngineError> {
        let Some(json) = self.archive.named(&self.name(id))? else { return Ok(None) };
        serde_json::from_slice(&json).map(Some).map_err(|error| {
            let what = format!("what is kept of schema {id} of source `{}` cannot be read: {error}", self.source);
            EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
        })
    }

    fn keep(&self, id: u32, answer: &Answer) -> Result<(), EngineError> {
        let json = serde_json::to_vec(answer).map_err(|error| {
            let what = format!("schema {id} of source `{}` cannot be kept: {error}", self.source);
            EngineError::new(ErrorKind::Damaged, what, "start again; nothing is lost")
        })?;
        self.archive.keep_as(&self.name(id), &json)
    }

    /// What is known of an id; what is not is asked for, until there is an answer or it is time to stop. An id that had no
    /// schema is asked for once more: `read_to` says which messages were refused in the meantime.
    pub(crate) fn learn(
        &self,
        id: u32,
        read_to: impl FnOnce() -> BTreeMap<String, u64>,
        stop: &Stop,
    ) -> Result<Answer, EngineError> {
        match self.kept(id)? {
            Some(answer) if answer.schema.is_some() => Ok(answer),
            // That there is no schema was an answer, which holds for as long as there is no other.
            Some(none) => match self.answer(id, stop)? {
                Ok(Some(schema)) => self.kept_as(id, Answer { schema: Some(schema), refused_below: read_to() }),
                Ok(None) => Ok(none),
                Err(Trouble::Later(reason)) => {
                    self.registry.warn(&reason);
                    Ok(none)
                }
                Err(Trouble::Fatal(error)) => Err(error),
            },
            None => {
                let wait = |_: &str| if stop.wait(RETRY) { Err(EngineError::stopped()) } else { Ok(()) };
                self.ask(id, || self.answer(id, stop), wait)
            }
        }
    }

    /// What is known of an id, to read again what was read with it; what is not is asked for while there is patience.
    pub(crate) fn recall(&self, id: u32, patience: Duration) -> Result<Answer, EngineError> {
        let begun = Instant::now();
        match self.kept(id)? {
            Some(answer) => Ok(answer),
            None => {
                let wait = |reason: &str| {
                    if begun.elapsed() > patience {
                        return Err(self.registry.unreachable(reason));
                    }
                    Stop::default().wait(RETRY);
                    Ok(())
                };
                self.ask(id, || Ok(self.registry.schema(id)), wait)
            }
        }
    }

    /// The registry's answer, which is not waited for when it is time to stop: then a thread waits for it alone.
    fn answer(&self, id: u32, stop: &Stop) -> Result<Told, EngineError> {
        let (registry, (sender, answer)) = (Arc::clone(&self.registry), channel());
        // Nobody may be waiting any more.
        let asking = move || drop(sender.send(registry.schema(id)));
        if let Err(error) = thread::Builder::new().name(format!("schema {id}")).spawn(asking) {
            return Ok(Err(Trouble::Later(format!("cannot start a thread: {error}"))));
        }
        loop {
            match answer.recv_timeout(ROUND) {
                Ok(answer) => return Ok(answer),
                Err(_) if stop.is_stopped() => return Err(EngineError::stopped()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Err(Trouble::Later("it was not asked".to_owned()))),
            }
        }
    }

    /// Asks until there is an answer, and keeps that.
    fn ask(
        &self,
        id: u32,
        answer: impl Fn() -> Result<Told, EngineError>,
        wait: impl Fn(&str) -> Result<(), EngineError>,
    ) -> Result<Answer, EngineError> {
        let mut was_asked = false;
        loop {
            match answer()? {
                // A registry of several servers may not have told each of them yet.
                Ok(None) if !was_asked => {
                    was_asked = true;
                    wait("it does not know the schema")?;
                }
                Ok(schema) => return self.kept_as(id, Answer { schema, refused_below: BTreeMap::new() }),
                Err(Trouble::Later(reason)) => {
                    self.registry.warn(&reason);
                    wait(&reason)?;
                }
                Err(Trouble::Fatal(error)) => return Err(error),
            }
        }
    }

    fn kept_as(&self, id: u32, answer: Answer) -> Result<Answer, EngineError> {
        self.keep(id, &answer)?;
        Ok(answer)
    }
}
