//! A subscription that outlives its connections.

use std::collections::VecDeque;
use std::time::Duration;

use engine::{EngineError, ErrorKind, Tick};
use tokio::time::{Instant, sleep};

use super::super::Ticket;
use super::{Client, Message, Messages};

/// How long to wait before the first attempt to connect again, and before later ones.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How long it may take to connect again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A subscription that outlives its connections: whole ticks only, none missing and none twice.
///
/// When a connection is cut, or the server says that this reader is too slow, it connects again and resumes after the
/// last whole tick. If that tick has been compacted meanwhile it ends with an error of kind `Compacted`: only a new
/// snapshot can help then, and what was read before has to be let go.
pub struct Follow {
    client: Client,
    ticket: Ticket,
    messages: Option<Messages>,
    /// The messages of a tick that has not come whole.
    partial: Vec<Message>,
    /// Messages of whole ticks.
    whole: VecDeque<Message>,
    resume: Option<Tick>,
    troubled_since: Option<Instant>,
    pause: Duration,
}

impl Follow {
    pub(super) fn new(client: Client, ticket: Ticket) -> Self {
        Follow {
            client,
            ticket: Ticket { subscribe: true, ..ticket },
            messages: None,
            partial: Vec::new(),
            whole: VecDeque::new(),
            resume: None,
            troubled_since: None,
            pause: PAUSE_MIN,
        }
    }

    /// The next message; `None` once `up_to` is reached.
    pub async fn next(&mut self) -> Result<Option<Message>, EngineError> {
        loop {
            if let Some(message) = self.whole.pop_front() {
                return Ok(Some(message));
            }
            match self.receive().await {
                Ok(Some(message)) => self.take(message),
                Ok(None) => return Ok(None),
                Err(error) => self.recover(error).await?,
            }
        }
    }

    /// The tick to resume from after what was read so far.
    pub fn resume(&self) -> Option<Tick> {
        self.resume
    }

    async fn receive(&mut self) -> Result<Option<Message>, EngineError> {
        let messages = match &mut self.messages {
            Some(messages) => messages,
            closed => closed.insert(self.client.read(&self.ticket).await?),
        };
        messages.next().await
    }

    fn take(&mut self, message: Message) {
        self.troubled_since = None;
        self.pause = PAUSE_MIN;
        let resume = message.metadata.resume;
        self.partial.push(message);
        if let Some(resume) = resume {
            self.whole.extend(self.partial.drain(..));
            self.resume = Some(resume);
            self.ticket = Ticket { as_of: None, from_tick: Some(resume), ..self.ticket.clone() };
        }
    }

    async fn recover(&mut self, error: EngineError) -> Result<(), EngineError> {
        let since = *self.troubled_since.get_or_insert_with(Instant::now);
        let may_pass = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Stopped | ErrorKind::Exhausted);
        if !may_pass || since.elapsed() > PATIENCE {
            return Err(error);
        }
        tracing::info!(%error, resume = self.resume, "the subscription is interrupted; connecting again");
        self.messages = None;
        self.partial.clear();
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(())
    }
}
