//! The sink: ticks become messages of a transaction.

use std::sync::Arc;

use engine::{EngineError, ErrorKind, Request, Texts, Tick, ViewSpec};

use super::config::{Connection, KafkaSinkConfig, Mode, connection};
use super::encode;
use super::frontier::Writer;
use super::transactions::Transactions;
use crate::identity;
use crate::running::{Around, Follow, Portion, Target, Trouble};
use crate::scope::Scope;
use crate::stopping::Stopping;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) key: String,
    /// Without one, the key is gone.
    pub(crate) value: Option<Vec<u8>>,
}

/// A topic as the target of a view.
pub struct KafkaTarget {
    connection: Connection,
    mode: Mode,
    /// What is written.
    definition: String,
    begun: Option<Begun>,
}

/// What is known once it runs.
struct Begun {
    view: ViewSpec,
    texts: Arc<dyn Texts>,
    topic: Transactions,
}

impl KafkaSinkConfig {
    /// The sink that it describes, checked.
    pub(crate) fn sink(&self, scope: &Scope<'_>) -> Result<Follow, engine::setting::ConfigError> {
        let frontier_topic = self.frontier_topic.as_deref();
        let connection = connection(scope, &self.brokers, &self.topic, frontier_topic, &self.properties)?;
        let request = Request { view: self.view.clone(), filter: self.filter.clone(), ..Request::default() };
        let filter = self.filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
        let definition = format!("{} of {}{filter}", self.mode.name(), self.view);
        let target = Box::new(KafkaTarget { connection, mode: self.mode, definition, begun: None });
        Ok(Follow { name: scope.name.to_owned(), request, start: self.start, target })
    }
}

impl KafkaTarget {
    fn begun(&mut self) -> Result<&mut Begun, Trouble> {
        let what = format!("{} has not begun", self.connection.who);
        self.begun.as_mut().ok_or_else(|| Trouble::Fatal(EngineError::new(ErrorKind::Invalid, what, "")))
    }
}

impl Target for KafkaTarget {
    fn begin(&mut self, view: &ViewSpec, around: &Around) -> Result<(), EngineError> {
        let writer = Writer { data: identity::of(&around.data)?, of: self.definition.clone() };
        let topic = Transactions::new(self.connection.clone(), writer);
        self.begun = Some(Begun { view: view.clone(), texts: Arc::clone(around.reader.texts()), topic });
        Ok(())
    }

    fn open(&mut self, stopping: &Stopping) -> Result<Option<Tick>, Trouble> {
        self.begun()?.topic.open(stopping)
    }

    fn write(&mut self, portion: &Portion, stopping: &Stopping) -> Result<(), Trouble> {
        let mode = self.mode;
        let Begun { view, texts, topic } = self.begun()?;
        crash_point!("sink.unsent");
        let ticks = portion.ticks.iter();
        let messages = ticks.flat_map(|(tick, rows)| encode::messages(mode, view, *tick, rows, texts.as_ref()));
        topic.write(messages, portion.frontier, stopping)
    }
}
