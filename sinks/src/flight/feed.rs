//! What one reader is sent: a snapshot, or a subscription for as long as it lasts.
//!
//! A feed is pulled by its connection: while the client does not read, nothing is made for it, and what happens meanwhile
//! waits in the engine's mailbox, which is bounded. There is no queue here.

use std::time::Duration;

use arrow_flight::FlightData;
use engine::view::Rows;
use engine::{EngineError, ErrorKind, Reader, Subscription, Tick, Update};
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::call::Call;
use super::encode::{Layout, Messages, schema_message};
use super::metadata::Kind;
use super::metrics::FlightMetrics;
use super::status::{internal, to_status};
use super::stopping::Stopping;
use super::ticket::Ticket;

/// How long at least from one progress message to the next.
const PROGRESS_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// How long at most a subscription is silent.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What one reader is sent.
pub(super) struct Feed {
    layout: Layout,
    metrics: FlightMetrics,
    stopping: Stopping,
    call: Call,
    /// Rows sent.
    rows: u64,
    subscription: Option<Subscription>,
    sending: Option<Messages>,
    /// Every change before this has been sent.
    frontier: Tick,
    /// Progress that came too soon after the last one.
    held: Option<Tick>,
    spoke: Instant,
}

impl Feed {
    /// Reads what a ticket asks for.
    pub(super) async fn open(
        reader: &Reader,
        ticket: &Ticket,
        metrics: FlightMetrics,
        stopping: Stopping,
        call: Call,
    ) -> Result<Self, EngineError> {
        let request = ticket.request();
        let (mut subscription, mut sending, mut frontier) = (None, None, 0);
        let layout;
        if ticket.follows() {
            layout = Layout::new(reader.view(&ticket.view)?, reader.texts());
            subscription = Some(reader.subscribe(&request).await?);
            metrics.subscriptions.with_label_values(&[ticket.view.as_str()]).inc();
        } else {
            let snapshot = reader.snapshot(&request).await?;
            // At an earlier tick the view may have had other columns.
            layout = Layout::new(&snapshot.spec, reader.texts());
            frontier = snapshot.tick + 1;
            sending = Some(Messages::new(Kind::Snapshot, snapshot.tick, snapshot.rows));
        }
        let spoke = Instant::now();
        Ok(Feed { layout, metrics, stopping, call, rows: 0, subscription, sending, frontier, held: None, spoke })
    }

    /// As the messages of a stream.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<FlightData, Status>> + Send {
        let schema = schema_message(self.layout.schema());
        let messages = stream::try_unfold(self, |mut feed| async move {
            let message = feed.next().await?;
            Ok(message.map(|message| (message, feed)))
        });
        stream::iter([Ok(schema)]).chain(messages)
    }

    async fn next(&mut self) -> Result<Option<FlightData>, Status> {
        loop {
            if self.stopping.is_stopping() {
                return Err(self.stopped());
            }
            if let Some(message) = self.next_message()? {
                return Ok(Some(message));
            }
            self.call.check_expiry().map_err(|error| self.ended(error))?;
            let Some(update) = self.next_update().await? else { return Ok(None) };
            self.sending = Some(match update {
                Update::Snapshot(snapshot) => self.begin(Kind::Snapshot, snapshot.tick, snapshot.rows),
                Update::Changes(tick, rows) => self.begin(Kind::Changes, tick, rows),
                Update::Progress(frontier) => self.begin(Kind::Progress, frontier.saturating_sub(1), Vec::new()),
            });
        }
    }

    fn begin(&mut self, kind: Kind, tick: Tick, rows: Rows) -> Messages {
        self.held = None;
        self.frontier = tick + 1;
        Messages::new(kind, tick, rows)
    }

    fn next_message(&mut self) -> Result<Option<FlightData>, Status> {
        let Some(sending) = &mut self.sending else { return Ok(None) };
        let Some((message, rows)) = sending.next(&self.layout).map_err(internal)? else {
            self.sending = None;
            return Ok(None);
        };
        self.metrics.rows_sent.with_label_values(&[self.layout.view()]).inc_by(rows as u64);
        self.rows += rows as u64;
        self.spoke = Instant::now();
        Ok(Some(message))
    }

    /// The next update worth a message. Progress is sent often enough to be fresh and seldom enough to be cheap; changes
    /// say by themselves how far they go.
    async fn next_update(&mut self) -> Result<Option<Update>, Status> {
        loop {
            let silence = if self.held.is_some() { PROGRESS_INTERVAL_MIN } else { SILENCE_MAX };
            let Some(subscription) = &mut self.subscription else { return Ok(None) };
            let next = tokio::select! {
                biased;
                () = self.stopping.stopped() => return Err(self.stopped()),
                next = subscription.next() => next.map_err(to_status)?,
                () = sleep_until(self.spoke + silence) => return Ok(Some(Update::Progress(self.held.unwrap_or(self.frontier)))),
            };
            match next {
                None => return Ok(self.held.take().map(Update::Progress)),
                Some(Update::Progress(frontier)) if frontier <= self.frontier => {}
                Some(Update::Progress(frontier)) if self.spoke.elapsed() < PROGRESS_INTERVAL_MIN => {
                    self.held = Some(frontier)
                }
                Some(update) => return Ok(Some(update)),
            }
        }
    }

    fn stopped(&self) -> Status {
        self.ended(EngineError::new(ErrorKind::Stopped, "the server is stopping", "connect again"))
    }

    /// Why the stream ends, and where to resume.
    fn ended(&self, error: EngineError) -> Status {
        let resume = self.frontier.saturating_sub(1);
        let help = match (&self.subscription, &self.sending) {
            (Some(_), None) if resume > 0 => format!("{}, and resume with from_tick = {resume}", error.help),
            _ => error.help,
        };
        to_status(EngineError { help, ..error })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        tracing::info!(
            parent: self.call.span(),
            tick = self.frontier.saturating_sub(1),
            rows = self.rows,
            duration_seconds = self.call.seconds(),
            "{}",
            if self.subscription.is_some() { "followed" } else { "read" }
        );
    }
}
